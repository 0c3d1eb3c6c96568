"""compare, diff, aggregate, tag, note, rm and prune, as they are typed."""

from __future__ import annotations

import csv
import io
import json
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from made_runs import contents, make_run, run_here
from processes import TINY, environment, run_script, runs_in
from typer.testing import CliRunner, Result

from hydra_lightning.commands.runs import app
from hydra_lightning.errors import RunError
from hydra_lightning.runs import environment as facts
from hydra_lightning.runs.store import read_run

MAIN = "paths: {root_dir: '${oc.env:PROJECT_ROOT}', log_dir: '${paths.root_dir}/logs'}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a few runs: two learning rates, two seeds, one failed."""
    monkeypatch.setattr(facts, "installed_versions", lambda: ["torch==2.12"])
    root = tmp_path / "project"
    (root / "configs").mkdir(parents=True)
    (root / ".project-root").touch()
    (root / "configs/train.yaml").write_text(MAIN)
    for number, lr in enumerate((0.1, 0.2), 1):
        for seed in (1, 2):
            make_run(
                root / "logs",
                f"l{number}s{seed}",
                settings={"model": {"lr": lr}, "seed": seed, "optimized_metric": "val/acc_best"},
                metrics={"val/acc_best": lr + seed / 100, "test/loss": 1 - lr - seed / 100},
                checkpoints=("best.ckpt", "last.ckpt"),
                created=f"2026-11-0{seed}T1{number}:00:00+00:00",
            )
    make_run(
        root / "logs", "fail", settings={"seed": 3}, status="failed", created="2026-10-01T10:00:00+00:00"
    )
    monkeypatch.chdir(root)
    return root


def call(*arguments: str | Path, code: int = 0, **env: str) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def run(place: Path, name: str) -> Path:
    return place / f"logs/train/runs/2026-11-01_10-00-00_{name}"


def lines(result: Result) -> list[str]:
    return [line.rstrip() for line in result.stdout.splitlines()]


def test_compare_shows_what_differs_with_the_best_and_the_change(place: Path) -> None:
    assert lines(call("compare", "l1s1", "l2s1")) == [
        "                          l1s1  l2s1    change",
        "settings  model.lr        0.1   0.2",
        "metrics   test/loss ↓     0.89  0.79 *  -0.1",
        "          val/acc_best ↑  0.11  0.21 *  +0.1",
        "the same: environment, packages, code",
    ]


def test_compare_of_many_runs_fits_the_terminal(place: Path) -> None:
    shown = lines(call("compare", "status=completed", COLUMNS="42"))
    assert max(map(len, shown)) <= 42
    heads = [line.split() for line in shown if "l1s1" in line or "l2s2" in line]
    assert heads == [["l1s1", "l2s1", "l1s2"], ["l2s2"]]


def test_compare_says_plainly_that_nothing_differs(place: Path) -> None:
    make_run(place / "logs", "twin", settings={"seed": 3}, status="failed")
    assert lines(call("compare", "fail", "twin"))[-1] == "nothing differs"


def test_compare_is_data_too(place: Path) -> None:
    data = json.loads(call("compare", "l1s1", "l2s1", "fail", "--format", "json").stdout)
    one, two, failed = data["runs"]
    assert data["settings"]["model.lr"] == {one: 0.1, two: 0.2}
    assert data["settings"]["seed"] == {one: 1, two: 1, failed: 3}
    rows = list(csv.DictReader(io.StringIO(call("compare", "l1s1", "l2s1", "--format", "csv").stdout)))
    assert rows[0] == {"part": "settings", "name": "model.lr", one: "0.1", two: "0.2", "change": ""}
    assert call("compare", "l1s1", "l2s1", "--format", "markdown").stdout.startswith("| part | name |")


def test_aggregate_shows_a_metric_after_the_other(place: Path) -> None:
    found = call("aggregate", "--over", "seed")
    assert lines(found) == [
        "metric         lr  n  mean    std     95 % interval",
        "val/acc_best  0.1  2  0.1150  0.0071  0.0515 … 0.1785",
        "              0.2  2  0.2150  0.0071  0.1515 … 0.2785",
        "test/loss     0.1  2  0.8850  0.0071  0.8215 … 0.9485",
        "              0.2  2  0.7850  0.0071  0.7215 … 0.8485",
    ]
    assert found.stderr == "Left out, failed: fail.\n"


def test_aggregate_takes_filters_metrics_and_a_confidence(place: Path) -> None:
    asked = ("aggregate", "lr=0.1", "--over", "seed", "--metric", "loss", "--confidence", "0.5")
    (head, row) = lines(call(*asked))
    assert head.split()[-3:] == ["50", "%", "interval"]
    assert row.split()[:2] == ["test/loss", "2"]


def test_aggregate_writes_markdown_latex_csv_and_json(place: Path) -> None:
    over = ("aggregate", "status=completed", "--over", "seed", "--format")
    markdown = lines(call(*over, "markdown"))
    assert markdown[0] == "| metric | model.lr | n | mean | std | 95 % interval |"
    assert markdown[3].startswith("| val/acc_best | 0.2 | 2 | 0.2150 |")
    latex = call(*over, "latex").stdout
    assert latex.startswith("% mean ± standard deviation of n runs, over seed")
    assert r"\toprule" in latex
    assert r"model.lr & n & val/acc\_best & test/loss \\" in latex
    assert r"0.1 & 2 & 0.1150 $\pm$ 0.0071 & 0.8850 $\pm$ 0.0071 \\" in latex
    rows = list(csv.DictReader(io.StringIO(call(*over, "csv").stdout)))
    assert list(rows[0]) == ["metric", "model.lr", "n", "mean", "std", "low", "high", "runs"]
    assert float(rows[0]["mean"]) == pytest.approx(0.115)
    assert json.loads(call(*over, "json").stdout)[0]["runs"] == [
        run(place, f"l1s{seed}").name for seed in (1, 2)
    ]


def test_a_group_of_one_run_has_a_mean_and_no_interval(place: Path) -> None:
    (_, row) = lines(call("aggregate", "lr=0.1", "seed=1", "--over", "seed", "--metric", "test/loss"))
    assert row.split() == ["test/loss", "1", "0.89"]
    asked = ("lr=0.1", "seed=1", "--over", "seed", "--metric", "loss", "--format", "latex")
    assert r"1 & 0.89 \\" in call("aggregate", *asked).stdout


def test_tag_and_note_are_shown_and_kept_beside_the_record(place: Path) -> None:
    assert (
        call("tag", "l1s1", "baseline", "paper").stdout == "2026-11-01_10-00-00_l1s1  tags: baseline, paper\n"
    )
    assert call("tag", "l1s1", "paper", "--remove").stdout == "2026-11-01_10-00-00_l1s1  tags: baseline\n"
    assert "has no note" in call("note", "l1s1").stderr
    call("note", "l1s1", "Converged late.")
    assert call("note", "l1s1").stdout == "Converged late.\n"
    assert [row.split()[0] for row in lines(call("compare", "l1s1", "tag=baseline", "l1s2"))] != []
    call("note", "l1s1", "")
    assert read_run(run(place, "l1s1"))["note"] is None


def test_a_note_is_edited_in_the_editor(place: Path, tmp_path: Path) -> None:
    call("note", "l1s1", "late")
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\nsed -i s/late/early/ "$1"\n')
    editor.chmod(0o755)
    call("note", "l1s1", "--edit", VISUAL="", EDITOR=f"'{editor}'")
    assert read_run(run(place, "l1s1"))["note"] == "early"
    for wrong, message in (("false", "ended with 1"), ("no-such-editor", "cannot be started")):
        with pytest.raises(RunError, match=message):
            call("note", "l1s1", "--edit", VISUAL="", EDITOR=wrong)
    assert read_run(run(place, "l1s1"))["note"] == "early"


def test_rm_without_a_terminal_refuses_and_with_yes_removes(place: Path) -> None:
    before = contents(place)
    with pytest.raises(RunError, match=r"Nothing was removed: there is no terminal to ask in\. --yes"):
        call("rm", "l1s1", "fail")
    assert contents(place) == before
    shown = call("rm", "l1s1", "fail", "--yes").stdout
    assert "removed 2 runs" in shown
    assert "failed" in shown
    assert not run(place, "l1s1").exists()
    assert not run(place, "fail").exists()
    assert run(place, "l1s2").exists()


@pytest.mark.parametrize(("answer", "there"), [("y", False), ("n", True), ("", True)])
def test_rm_asks_in_a_terminal(place: Path, answer: str, there: bool) -> None:
    ours, theirs = pty.openpty()
    program = Path(sys.executable).parent / "hydra-lightning"
    process = subprocess.Popen(
        [program, "runs", "rm", "fail"],
        cwd=place,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    with open(ours, "w") as terminal:  # noqa: PTH123
        terminal.write(f"{answer}\n")
        terminal.flush()
        shown, _ = process.communicate(timeout=60)
    assert "Remove 1 run, " in shown
    assert process.returncode == int(there)
    assert run(place, "fail").exists() is there


def test_rm_of_a_running_run_removes_nothing_of_the_others_either(place: Path) -> None:
    run_here(run(place, "l1s1"))
    before = contents(place)
    with pytest.raises(RunError, match="is still running"):
        call("rm", "fail", "l1s1", "--yes")
    assert contents(place) == before


@pytest.mark.parametrize("text", ['{"schema": 1, "id"', '{"name": "something else"}'])
def test_rm_refuses_a_folder_that_is_no_run(place: Path, text: str) -> None:
    (place / "other").mkdir()
    with pytest.raises(RunError, match="is not a run folder"):
        call("rm", "other", "--yes")
    (place / "other/run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json is (broken|not the record)"):
        call("rm", "other", "--yes")
    assert (place / "other/run.json").read_text() == text


def test_rm_says_which_runs_start_from_one_that_goes(place: Path) -> None:
    make_run(
        place / "logs", "user", settings={"ckpt_path": str(run(place, "l1s1") / "checkpoints/best.ckpt")}
    )
    shown = call("rm", "l1s1", "--yes").stderr
    assert "2026-11-01_10-00-00_user uses 2026-11-01_10-00-00_l1s1/checkpoints/best.ckpt" in shown


def test_rm_goes_on_with_a_removal_that_was_cut_short(place: Path) -> None:
    (run(place, "fail") / "run.json").rename(run(place, "fail") / ".removed.json")
    call("rm", run(place, "fail"), "--yes")
    assert not run(place, "fail").exists()


def test_prune_lists_first_and_removes_with_yes(place: Path) -> None:
    before = contents(place)
    shown = call("prune", "--failed", "--checkpoints")
    assert lines(shown)[0].split() == ["id", "status", "goes", "size"]
    assert [line.split()[0] for line in lines(shown)[1:]] == ["fail", "l1s1", "l2s1", "l1s2", "l2s2"]
    assert "nothing was removed yet, --yes does it" in shown.stderr
    assert contents(place) == before
    assert "of 5 runs" in call("prune", "--failed", "--checkpoints", "--yes").stderr
    assert not run(place, "fail").exists()
    assert [file.name for file in (run(place, "l1s1") / "checkpoints").iterdir()] == ["best.ckpt"]
    assert "nothing to remove" in call("prune", "--failed", "--checkpoints").stderr


def test_prune_takes_filters_and_is_data_too(place: Path) -> None:
    data = json.loads(call("prune", "lr=0.1", "seed=1", "--checkpoints", "--format", "json").stdout)
    assert [(each["goes"], each["bytes"]) for each in data] == [(["checkpoints/last.ckpt"], 1000)]
    with pytest.raises(RunError, match="Prune what"):
        call("prune")


@pytest.mark.parametrize("command", ["compare", "diff"])
def test_a_run_that_cannot_be_found_is_said_with_what_comes_near(place: Path, command: str) -> None:
    with pytest.raises(RunError, match=r"No run 'l1s3' below .*\n  2026-11-01_10-00-00"):
        call(command, "l1s1", "l1s3")


def test_diff_of_runs_without_git_says_so(place: Path) -> None:
    with pytest.raises(RunError, match="the run recorded no commit"):
        call("diff", "l1s1", "l1s2")


@pytest.mark.slow
def test_with_trainings_of_a_project_under_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=project, check=True)
    (project / "notes.txt").write_text("first\n")
    for seed in (1, 2):
        done = run_script(project, "train.py", *TINY, f"seed={seed}", "model.optimizer.lr=0.01")
        assert done.returncode == 0, done.stderr
        (project / "notes.txt").write_text("second\n")
    first, second = runs_in(project)
    monkeypatch.chdir(project)
    shown = call("diff", first.name, second.name).stdout
    assert "\n-first\n+second\n" in shown
    assert " notes.txt | 2 +-" in call("diff", first.name, second.name, "--stat").stdout
    data = json.loads(call("compare", first.name, second.name, "--format", "json").stdout)
    assert data["settings"] == {"seed": {first.name: 1, second.name: 2}}
    assert (data["environment"], data["packages"], list(data["code"])) == ({}, {}, ["patch"])
    found = json.loads(call("aggregate", "--over", "seed", "--format", "json").stdout)
    assert [(each["metric"], each["n"]) for each in found][:2] == [("val/acc_best", 2), ("test/acc", 2)]
    call("prune", "--checkpoints", "--yes")
    kept = [file.name for file in (first / "checkpoints").iterdir()]
    assert kept == [Path(read_run(first)["checkpoints"]["best"]).name]
    call("rm", second.name, "--yes")
    assert runs_in(project) == [first]
