from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run

from hydra_lightning.errors import RunError
from hydra_lightning.runs import environment
from hydra_lightning.runs.aggregate import Aggregate, aggregate, as_table
from hydra_lightning.runs.select import select


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "installed_versions", list)  # It takes longer than all the rest.
    return tmp_path / "logs"


def over(logs: Path, *keys: str, **options: Any) -> Aggregate:
    return aggregate(select(logs), list(keys), **options)


def test_runs_that_are_equal_but_for_the_seed_are_one_group(logs: Path) -> None:
    for lr, accuracies in ((0.1, (0.90, 0.92, 0.97)), (0.01, (0.8, 0.81))):
        for seed, accuracy in enumerate(accuracies):
            settings = {"seed": seed, "model": {"lr": lr, "width": 64}}
            make_run(logs, f"r{lr:.2f}"[-2:] + f"s{seed}", settings=settings, metrics={"test/acc": accuracy})
    found = over(logs, "seed")
    assert (found.over, found.names, found.metrics, found.notes) == (["seed"], ["model.lr"], ["test/acc"], [])
    assert [group.settings for group in found.groups] == [{"model.lr": 0.01}, {"model.lr": 0.1}]
    second = found.groups[1].estimates["test/acc"]
    assert second is not None
    assert (second.n, second.mean) == (3, pytest.approx(0.93))
    assert second.std == pytest.approx(statistics.stdev((0.90, 0.92, 0.97)))
    table = as_table(found)
    assert table.columns == ["metric", "model.lr", "n", "mean", "std", "low", "high", "runs"]
    assert table.rows[1][:3] == ["test/acc", 0.1, 3]
    assert len(table.rows[1][-1]) == 3


def test_several_keys_and_keys_that_are_interpolated_from_them_may_differ(logs: Path) -> None:
    composed = {
        "seed": 0,
        "data": {"fold": 0, "file": "fold_${.fold}.csv", "sub": ["${..fold}", "${data.fold}"]},
    }
    composed |= {"name": "run_${data.file}", "twice": "${mul:${seed},2}", "copy": "${data}", "lr": 1}
    for seed in (1, 2):
        for fold in (1, 2):
            data = {"fold": fold, "file": f"fold_{fold}.csv", "sub": [fold, fold]}
            settings = {"seed": seed, "data": data, "name": f"run_fold_{fold}.csv", "twice": 2 * seed}
            settings |= {"copy": data, "lr": 1}
            make_run(logs, f"s{seed}f{fold}", settings=settings, composed=composed, metrics={"test/acc": 0.5})
    assert [len(group.runs) for group in over(logs, "seed", "data.fold").groups] == [4]
    assert [len(group.runs) for group in over(logs, "data.fold").groups] == [2, 2]
    assert over(logs, "data.fold").names == ["seed"]


def test_the_own_paths_of_runs_and_the_places_of_projects_part_no_group(logs: Path, tmp_path: Path) -> None:
    for seed, root in enumerate((tmp_path, Path("/other"))):
        folder = logs / f"train/runs/2026-11-01_10-00-00_aaa{seed}"
        settings = {"seed": seed, "data": {"dir": f"{root}/data"}, "dirpath": str(folder / "checkpoints")}
        settings["paths"] = {"root_dir": str(root)}
        make_run(logs, f"aaa{seed}", settings=settings, metrics={"test/acc": 0.5})
    assert [len(group.runs) for group in over(logs, "seed").groups] == [2]


def test_runs_that_did_not_complete_are_left_out_and_said(logs: Path) -> None:
    make_run(logs, "aaaa", metrics={"test/acc": 0.5})
    make_run(logs, "bbbb", settings={"seed": 2}, metrics={"test/acc": 0.1}, status="failed")
    make_run(logs, "cccc", settings={"seed": 3}, metrics={"test/acc": 0.1}, status="lost")
    found = over(logs, "seed")
    assert [run.short for run in found.groups[0].runs] == ["aaaa"]
    assert found.notes == ["Left out, failed: bbbb.", "Left out, lost: cccc."]
    only = found.groups[0].estimates["test/acc"]
    assert only is not None
    assert (only.n, only.std, only.low) == (1, None, None)


def test_of_a_seed_that_was_run_twice_the_newest_counts_and_that_is_said(logs: Path) -> None:
    make_run(logs, "aaaa", metrics={"test/acc": 0.1}, created="2026-11-01T10:00:00+00:00")
    make_run(logs, "bbbb", metrics={"test/acc": 0.5}, created="2026-11-02T10:00:00+00:00")
    make_run(logs, "cccc", settings={"seed": 2}, metrics={"test/acc": 0.7})
    found = over(logs, "seed")
    assert sorted(run.short for run in found.groups[0].runs) == ["bbbb", "cccc"]
    assert found.notes == ["Left out, a newer run has the same seed: aaaa."]


def test_a_drawn_seed_is_the_one_that_was_used(logs: Path) -> None:
    for seed in (7, 8):
        make_run(logs, f"aaa{seed}", settings={"seed": None}, metrics={"test/acc": 0.5}, seed=seed)
    assert [len(group.runs) for group in over(logs, "seed").groups] == [2]


def test_values_that_are_no_numbers_are_left_out_and_said(logs: Path) -> None:
    for name, value in (("aaaa", 0.5), ("bbbb", math.nan), ("cccc", math.inf), ("dddd", 0.7)):
        make_run(logs, name, settings={"seed": ord(name[0])}, metrics={"test/acc": value})
    make_run(logs, "eeee", settings={"seed": 9}, metrics={"other": 1.0})
    found = over(logs, "seed", metrics=["test/acc"])
    each = found.groups[0].estimates["test/acc"]
    assert each is not None
    assert (each.n, each.mean) == (2, pytest.approx(0.6))
    left_out, without = found.notes
    assert set(left_out.removeprefix("Left out of test/acc: ").rstrip(".").split(", ")) == {
        "nan in bbbb",
        "inf in cccc",
    }
    assert without == "Without test/acc: eeee."


def test_a_group_without_any_number_has_no_estimate(logs: Path) -> None:
    make_run(logs, "aaaa", metrics={"test/acc": math.nan})
    assert over(logs, "seed").groups[0].estimates == {"test/acc": None}
    assert as_table(over(logs, "seed")).rows[0][1:6] == [0, None, None, None, None]


def test_the_metrics_are_the_optimised_one_and_those_of_the_test(logs: Path) -> None:
    metrics = {"train/loss": 1.0, "val/acc_best": 0.9, "test/acc": 0.8}
    best = {"metric": "val/loss", "value": 0.3, "mode": "min", "epoch": 1}
    make_run(logs, "aaaa", settings={"optimized_metric": "val/acc_best"}, metrics=metrics, best=best)
    assert over(logs, "seed").metrics == ["val/acc_best", "test/acc"]
    assert over(logs, "seed", metrics=["acc", "best", "train/loss"]).metrics == [
        "test/acc",
        "best val/loss",
        "train/loss",
    ]
    found = over(logs, "seed", metrics=["best val/loss"]).groups[0].estimates["best val/loss"]
    assert found is not None
    assert found.mean == 0.3


def test_without_an_optimised_metric_the_monitored_one_stands_for_it(logs: Path) -> None:
    best = {"metric": "val/loss", "value": 0.3, "mode": "min", "epoch": 1}
    make_run(logs, "aaaa", metrics={"val/loss": 0.4}, best=best)
    assert over(logs, "seed").metrics == ["best val/loss"]


def test_different_code_within_a_group_is_said(logs: Path) -> None:
    for seed, commit in enumerate("ab"):
        git = {"commit": commit * 40, "branch": "main", "dirty": False}
        make_run(logs, f"aaa{seed}", settings={"seed": seed}, metrics={"test/acc": 0.5}, git=git)
    assert over(logs, "seed").notes == ["The runs ran 2 different states of the code; see: runs diff."]


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ([], {}, "Over which key"),
        (["sed"], {}, r"--over sed: no run has this key in its config\. Did you mean seed"),
        (["lr"], {}, "--over lr: it is the end of several keys; write one of them: a.lr, b.lr"),
        (
            ["seed"],
            {"metrics": ["test/ac"]},
            r"--metric test/ac: no run has this metric\. Did you mean test/acc",
        ),
        (["seed"], {"metrics": ["acc"]}, "--metric acc: it is the end of several names"),
        (["seed"], {"confidence": 95}, "A confidence of 95 is not between 0 and 1"),
    ],
)
def test_wrong_questions_are_answered_with_right_ones(
    logs: Path, keys: list[str], options: dict[str, Any], message: str
) -> None:
    metrics = {"test/acc": 0.5, "val/acc": 0.5}
    make_run(logs, "aaaa", settings={"a": {"lr": 1}, "b": {"lr": 2}}, metrics=metrics)
    with pytest.raises(RunError, match=message):
        over(logs, *keys, **options)


def test_nothing_to_aggregate_is_said_with_what_was_left_out(logs: Path) -> None:
    make_run(logs, "aaaa", status="failed")
    with pytest.raises(RunError, match=r"No completed run to aggregate\. Left out, failed: aaaa"):
        over(logs, "seed")
