from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.errors import RunError
from hydra_lightning.runs.best import best_run, direction, ranked, score
from hydra_lightning.runs.fields import Run


def run(
    name: str, metrics: dict[str, Any], best: tuple[str, float, str] | None = None, saved: bool = False
) -> Run:
    record = {
        "created": f"2026-01-0{ord(name[0]) - 96}T10:00:00+00:00",
        "metrics": metrics,
        "best": best and dict(zip(("metric", "value", "mode"), best, strict=True)),
        "checkpoints": {"best": "checkpoints/a.ckpt" if saved else None, "last": None},
    }
    return Run(Path(f"2026-01-01_10-00-00_{name}"), record, name)


RUNS = [
    run("aaaa", {"val/acc": 0.7, "val/loss": 0.5, "odd": 1}, ("val/acc", 0.9, "max")),
    run("bbbb", {"val/acc": 0.8, "val/loss": 0.2, "odd": 2}, ("val/acc", 0.85, "max")),
    run("cccc", {"val/acc": math.nan, "val/loss": math.nan}),
    run("dddd", {}),
]


def test_a_monitored_metric_is_judged_by_the_best_checkpoint_and_others_by_their_last_value() -> None:
    assert score(RUNS[0], "val/acc") == 0.9
    assert score(RUNS[0], "val/loss") == 0.5
    assert score(RUNS[2], "val/loss") is score(RUNS[3], "val/loss") is None


@pytest.mark.parametrize(
    ("metric", "best"), [("val/acc", "aaaa"), ("acc", "aaaa"), ("metrics.val/loss", "bbbb"), ("loss", "bbbb")]
)
def test_the_best_run_is_found_by_what_is_known_of_the_metric(metric: str, best: str) -> None:
    assert best_run(RUNS, metric).short == best


def test_nan_is_never_the_best() -> None:
    assert [each.short for each in ranked(RUNS, "val/loss", "min")] == ["bbbb", "aaaa"]
    assert [each.short for each in ranked(RUNS, "val/loss", "max")] == ["aaaa", "bbbb"]
    with pytest.raises(RunError, match="every run has NaN"):
        best_run(RUNS[2:], "val/acc")


def test_a_metric_of_unknown_direction_wants_a_mode() -> None:
    with pytest.raises(RunError, match="--mode min or --mode max"):
        best_run(RUNS, "odd")
    assert best_run(RUNS, "odd", "min").short == "aaaa"
    assert best_run(RUNS, "val/acc", "min").short == "bbbb"


def test_how_a_checkpoint_monitored_it_wins_over_the_name() -> None:
    assert direction([run("aaaa", {}, ("val/loss", 1.0, "max"))], "val/loss") == "max"


def test_of_equal_runs_the_one_with_a_checkpoint_is_best_then_the_older_one() -> None:
    equal = [run("cccc", {"acc": 1}), run("bbbb", {"acc": 1}), run("dddd", {"acc": 1}, saved=True)]
    assert [each.short for each in ranked(equal, "acc", "max")] == ["dddd", "bbbb", "cccc"]


def test_an_unknown_metric_gives_those_that_come_near() -> None:
    with pytest.raises(RunError, match="There is val/acc"):
        best_run(RUNS, "val/ac")
    with pytest.raises(RunError, match="They have no metrics yet"):
        best_run(RUNS[3:], "val/acc")
