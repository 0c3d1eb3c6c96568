"""The report in a real browser: it draws, sorts, filters, and runs nothing that came from a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import browser_page
from runs_on_disk import decaying, write_run

from hydra_lightning.runs.report import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("plotly", reason="plotly is not installed")

LRS = (0.0001, 0.001, 0.01)
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
# A choice that is not in the table but in what Plotly draws is read there.
DRAWN = "id => document.querySelector(`#${id} .plot`).data"


def hostile_sweep(log_dir: Path) -> None:
    """24 runs of three learning rates; one diverged, one failed and has HTML wherever it can."""
    for number in range(24):
        lr, act = LRS[number % 3], "gelu" if number % 2 else "relu"
        final = abs(math.log10(lr) + 3) + number / 100
        config = {"model": {"optimizer": {"lr": lr}, "net": {"act": act}}, "paths": {"x": 1}}
        fields: dict[str, Any] = {}
        if number == 22:
            final = math.nan
        if number == 23:
            config["model"]["net"]["act"] = SCRIPT
            fields = {
                "tags": [SCRIPT, "</script>"],
                "note": SCRIPT,
                "status": "failed",
                "error": {"type": "OSError", "message": SCRIPT},
            }
        metrics = {} if number == 23 else {"val/loss": final, f"train/{SCRIPT}": 1.0}
        curves = "step,val/loss\n0,much\n" if number == 23 else decaying(final)
        write_run(log_dir, number, config, metrics, curves, **fields)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, list[str], list[str]]]:
    """The page, what the browser asked for, and what it complained about."""
    folder = tmp_path_factory.mktemp("report")
    hostile_sweep(folder / "logs")
    file = folder / "report.html"
    write_report(folder / "logs", file, title=SCRIPT)
    with browser_page() as page:
        page.set_default_timeout(120_000)
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-drawn]")
        yield page, requests, complaints


@pytest.fixture
def page(opened: tuple[Page, list[str], list[str]]) -> Iterator[Page]:
    yield opened[0]
    opened[0].fill("#filter", "")
    if opened[0].is_visible("#none"):
        opened[0].click("#none")


def column(page: Page, name: str) -> list[str]:
    place = page.locator("thead th").all_inner_texts().index(name)
    return page.locator(f"tbody td:nth-child({place + 1})").all_inner_texts()


def ids(page: Page) -> list[str]:
    return [text.strip() for text in column(page, "run")]


def test_it_asks_for_nothing_and_the_browser_complains_about_nothing(
    opened: tuple[Page, list[str], list[str]],
) -> None:
    _, requests, complaints = opened
    assert len(requests) == 1
    assert requests[0].startswith("file://")
    assert complaints == []


def test_a_chart_is_saved_here_and_sent_nowhere(page: Page) -> None:
    page.locator("#curves .plot").hover()
    titles = page.locator("#curves .modebar-btn").evaluate_all("all => all.map(each => each.dataset.title)")
    assert len(titles) == 5
    assert not any("loud" in title for title in titles)
    with page.expect_download() as download:
        page.locator("#curves .modebar-btn[data-title*=PNG]").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_everything_is_drawn(page: Page) -> None:
    assert page.locator("#runs tbody tr").count() == 24
    assert page.locator("#curves .trace").count() == 23
    assert page.locator("#curves .trace .js-line").count() == 22
    assert "1 with a gap where a value is not finite" in page.inner_text("#curves .said")
    assert page.locator("#scatter .point").count() == 22
    assert page.locator("#parallel .trace .js-line").count() == 23
    assert page.locator("#bars .bar").count() == 2
    assert page.locator("#environment .mono").all_inner_texts() == [
        "01234567 main",
        "3.11.7",
        "laptop",
        "1 × cpu",
        "2.9.0",
        "2.6.4",
    ]
    assert page.locator("#curves .plot").bounding_box()["height"] > 200  # type: ignore[index]


def test_what_could_not_be_read_is_said(page: Page) -> None:
    page.click("#problems summary")
    (problem,) = page.locator("#problems li").all_inner_texts()
    assert "metrics.csv:2 is not a row of metrics" in problem
    page.click("#problems summary")


def test_the_best_comes_first_and_is_marked(page: Page) -> None:
    assert ids(page)[0] == "0001"
    assert page.locator("td.best").all_inner_texts() == ["0.01"]
    assert column(page, "val/loss")[-2:] == ["NaN", "–"]


def test_it_sorts_both_ways_with_what_is_missing_at_the_end(page: Page) -> None:
    page.click("th button:text-is('lr')")
    up = [float(text) for text in column(page, "lr")]
    assert up == sorted(up)
    page.click("th button:text-is('lr')")
    assert [float(text) for text in column(page, "lr")] == sorted(up, reverse=True)
    page.click("th button:text-is('val/loss')")
    first = [float(text) for text in column(page, "val/loss")[:22]]
    assert first == sorted(first)
    page.click("th button:text-is('val/loss')")
    assert [float(text) for text in column(page, "val/loss")[:22]] == sorted(first, reverse=True)
    assert column(page, "val/loss")[22:] == ["NaN", "–"]
    page.click("th button:text-is('val/loss')")


def test_it_filters_table_and_charts(page: Page) -> None:
    page.fill("#filter", "lr<=1e-3 gelu status!=failed")
    assert len(ids(page)) == 8
    assert "8 of 24 runs" in page.inner_text("#runs .said")
    assert page.locator("#curves .trace .js-line").count() == 8
    assert page.locator("#scatter .point").count() == 8
    page.fill("#filter", "val/loss>1e9")
    assert "no run matches" in page.inner_text("#runs .said")
    page.fill("#filter", "lrr<3")
    assert "lrr" in page.inner_text("#wrong")
    page.fill("#filter", "status=failed")
    assert ids(page) == ["000n"]
    assert page.inner_text("#wrong") == ""


def test_chosen_runs_alone_are_drawn(page: Page) -> None:
    for run in ids(page)[:2]:
        page.check(f"input[aria-label='Choose {run}']")
    drawn = page.evaluate(DRAWN, "curves")
    assert len(drawn) == 2
    assert "2 chosen" in page.inner_text("#runs .said")
    # The best is drawn last, on top of the others, and stands first in the table.
    style = page.locator("tbody tr .swatch").first.get_attribute("style")
    assert drawn[1]["line"]["color"].replace(",", ", ") in (style or "")
    page.click("#none")
    assert page.locator("#curves .trace").count() == 23


def test_curves_over_epochs_smoothed_and_of_another_metric(page: Page) -> None:
    steps = page.evaluate(DRAWN, "curves")[-1]
    assert steps["x"] == [9, 19, 29, 39, 49]
    page.select_option("#over", "epoch")
    assert page.evaluate(DRAWN, "curves")[-1]["x"] == [0, 1, 2, 3, 4]
    page.fill("#smooth", "0.5")
    smooth = page.evaluate(DRAWN, "curves")[-1]["y"]
    assert smooth[1] == pytest.approx((steps["y"][0] + steps["y"][1]) / 2)
    page.select_option("#curve", "train/loss")
    assert len(page.evaluate(DRAWN, "curves")[-1]["x"]) == 10
    page.select_option("#curve", "val/loss")
    page.fill("#smooth", "0")
    page.select_option("#over", "step")


def test_a_learning_rate_has_a_logarithmic_axis(page: Page) -> None:
    page.select_option("#setting", "lr")
    assert page.evaluate("document.querySelector('#scatter .plot').layout.xaxis.type") == "log"
    page.select_option("#setting", "act")
    assert page.evaluate("document.querySelector('#scatter .plot').layout.xaxis.type") == "category"
    page.select_option("#setting", "lr")


def test_the_pointer_over_a_line_names_the_run(page: Page) -> None:
    page.locator("#scatter .plot").scroll_into_view_if_needed()
    point = page.locator("#scatter .point").first
    point.hover(force=True)
    page.wait_for_selector("#scatter .hovertext")
    text = page.locator("#scatter .hovertext").text_content()
    assert text is not None
    focused = page.locator("tr.focus td").nth(1).inner_text().strip()
    assert focused in text
    page.mouse.move(0, 0)
    page.locator("tbody tr").first.hover()
    assert page.locator("#curves .trace.focus").count() == 1
    assert page.locator("#parallel .trace.focus").count() == 1
    page.mouse.move(0, 0)


def test_a_box_over_an_axis_chooses_its_runs(page: Page) -> None:
    page.locator("#parallel .plot").scroll_into_view_if_needed()
    box = page.locator("#parallel .nsewdrag").first.bounding_box()
    assert box
    # The first axis is that of the learning rate: its lower end, 1e-4.
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] * 0.6)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + box["height"] - 1, steps=5)
    page.mouse.up()
    page.wait_for_selector("#none:visible")
    page.fill("#filter", "lr=1e-4")
    boxes = page.locator("tbody input")
    assert boxes.count() == 8
    assert sum(boxes.nth(place).is_checked() for place in range(8)) >= 7
    page.fill("#filter", "lr>1e-4")
    assert page.locator("tbody input:checked").count() == 0


def test_a_click_opens_everything_about_a_run(page: Page) -> None:
    page.fill("#filter", "status=failed")
    page.click("tbody tr td:nth-child(3)")
    text = page.inner_text("#details")
    assert "OSError" in text
    assert SCRIPT in text
    assert "python train.py -m" in text
    page.click("#details button")
    assert not page.is_visible("#details")


def test_html_in_a_run_is_text(page: Page) -> None:
    assert page.inner_text("h1") == SCRIPT
    page.click("summary:text('Columns')")
    for label in page.locator("#columns label").all():
        label.locator("input").check()
    page.click("summary:text('Columns')")
    page.select_option("#metric", f"train/{SCRIPT}")
    page.select_option("#setting", "act")
    page.select_option("#color", "act")
    page.locator("#scatter .point").first.hover(force=True)
    assert SCRIPT in page.locator("#scatter .ytitle").text_content()  # type: ignore[operator]
    assert SCRIPT in page.inner_text("#runs table")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    page.select_option("#metric", "val/loss")
    page.select_option("#setting", "lr")


@pytest.mark.parametrize("width", [1200, 420])
def test_it_follows_the_scheme_and_fits(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    inks = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_timeout(300)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        inks.append((ground, page.evaluate("document.querySelector('#curves .plot').layout.font.color")))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        plot = page.locator("#curves .plot").bounding_box()
        drawn = page.locator("#curves .main-svg").first.bounding_box()
        assert plot
        assert drawn
        assert drawn["width"] == pytest.approx(plot["width"], abs=2)
    assert inks[0][0] != inks[1][0]
    assert inks[0][1] != inks[1][1]
    page.set_viewport_size({"width": 1200, "height": 900})


def test_a_thousand_runs_open_and_say_how_many_are_drawn(page: Page, tmp_path: Path) -> None:
    for number in range(1000):
        config = {"lr": 10 ** -(1 + number % 97 / 24), "width": 2 ** (number % 5), "seed": number}
        write_run(
            tmp_path / "logs", number, config, {"val/loss": number % 89 / 10}, decaying(number % 89 / 10, 100)
        )
    file = tmp_path / "report.html"
    write_report(tmp_path / "logs", file)
    assert file.stat().st_size < 12e6
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-drawn]")
    assert "1000 runs" in page.inner_text("#runs .said")
    assert page.locator("tbody tr").count() == 200
    page.locator("tbody tr").last.scroll_into_view_if_needed()
    page.wait_for_selector("tbody tr:nth-child(400)", state="attached")
    assert page.locator("#curves .trace").count() == 50
    assert "the best 50 of 1000 runs are drawn" in page.inner_text("#curves .said")
    assert "thinned" in page.inner_text("#curves .said")
    page.fill("#filter", "seed<5")
    page.wait_for_selector("text=5 of 1000 runs")
    assert page.locator("#curves .trace").count() == 5
