from __future__ import annotations

import math
from pathlib import Path

import pytest
from made_runs import make_run

from hydra_lightning.errors import RunError
from hydra_lightning.runs import environment
from hydra_lightning.runs.chosen import named_or_filtered, named_runs
from hydra_lightning.runs.compare import as_table, compare
from hydra_lightning.runs.fields import MISSING

BEST = {"metric": "val/loss", "value": 0.3, "mode": "min", "epoch": 1}


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "installed_versions", lambda: ["numpy==2.0", "torch==2.12"])
    return tmp_path / "logs"


def test_only_the_settings_that_differ_are_given_and_not_the_places_of_the_runs(logs: Path) -> None:
    for name, lr in (("aaaa", 0.1), ("bbbb", 0.2)):
        dirpath = str(logs / f"train/runs/2026-11-01_10-00-00_{name}/checkpoints")
        settings = {"lr": lr, "width": 64, "dirpath": dirpath} | ({"only": None} if lr == 0.1 else {})
        make_run(logs, name, settings=settings)
    found = compare(named_runs(["aaaa", "bbbb"], logs))
    assert found.settings == {"lr": [0.1, 0.2], "only": [None, MISSING]}
    assert (found.environment, found.packages, found.code, found.problems) == ({}, {}, {}, [])


def test_metrics_stand_side_by_side_with_the_best_and_the_change(logs: Path) -> None:
    make_run(logs, "aaaa", metrics={"val/loss": 0.4, "test/acc": 0.9, "same": 1.0}, best=BEST)
    make_run(logs, "bbbb", metrics={"val/loss": 0.2, "test/acc": 0.9, "same": 1.0, "lr": 0.1})
    found = compare(named_runs(["aaaa", "bbbb"], logs))
    assert found.metrics == {
        "best val/loss": [0.3, MISSING],
        "same": [1.0, 1.0],
        "test/acc": [0.9, 0.9],
        "val/loss": [0.4, 0.2],
        "lr": [MISSING, 0.1],
    }
    assert found.modes == {"best val/loss": "min", "test/acc": "max", "val/loss": "min"}
    assert (found.best("val/loss"), found.best("test/acc"), found.best("lr")) == ({1}, set(), set())
    assert found.change("val/loss") == pytest.approx(-0.2)
    assert found.change("lr") is None


def test_nan_is_never_the_best_and_equal_to_itself(logs: Path) -> None:
    for name, loss in (("aaaa", math.nan), ("bbbb", math.nan)):
        make_run(logs, name, metrics={"loss": loss})
    assert compare(named_runs(["aaaa", "bbbb"], logs)).equal
    make_run(logs, "cccc", metrics={"loss": 1.0})
    make_run(logs, "dddd", metrics={"loss": 2.0})
    assert compare(named_runs(["aaaa", "cccc", "dddd"], logs)).best("loss") == {1}


def test_environment_packages_and_code_are_compared(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = {"commit": "a" * 40, "branch": "main", "dirty": False}
    make_run(logs, "aaaa", git=git)
    monkeypatch.setattr(
        environment, "installed_versions", lambda: ["pandas==3.0", "torch==2.13", "numpy==2.0"]
    )
    devices = {"accelerator": "cuda", "world_size": 1, "names": ["A100"], "threads": 8}
    folder = make_run(logs, "bbbb", python="3.12.4", devices=devices, git=git | {"dirty": True})
    (folder / "git.diff").write_text("--- a/x\n+++ b/x\n")
    found = compare(named_runs(["aaaa", "bbbb"], logs))
    assert found.packages == {"pandas": [MISSING, "3.0"], "torch": ["2.12", "2.13"]}
    assert found.environment["devices.accelerator"] == ["cpu", "cuda"]
    assert found.environment["devices.threads"] == [1, 8]
    assert found.environment["python"][1] == "3.12.4"
    assert list(found.code) == ["patch"]
    assert found.code["patch"][0] is None


def test_equal_runs_have_no_difference(logs: Path) -> None:
    for name in ("aaaa", "bbbb", "cccc"):
        make_run(logs, name, metrics={"acc": 1.0})
    assert compare(named_runs(["aaaa", "bbbb", "cccc"], logs)).equal


def test_what_cannot_be_read_is_said_and_the_rest_compared(logs: Path) -> None:
    first, second = (make_run(logs, name, metrics={"acc": 1.0}) for name in ("aaaa", "bbbb"))
    (first / "requirements.txt").unlink()
    (second / "config.yaml").write_text("a: [")
    found = compare(named_runs(["aaaa", "bbbb"], logs))
    assert not found.equal
    config, versions = sorted(found.problems, key=lambda text: "requirements" in text)
    assert "config.yaml cannot be read" in config
    assert "requirements.txt cannot be read" in versions
    assert found.metrics == {"acc": [1.0, 1.0]}


def test_the_table_has_a_column_a_run(logs: Path) -> None:
    for name, lr in (("aaaa", 0.1), ("bbbb", 0.2)):
        make_run(logs, name, settings={"lr": lr}, metrics={"acc": lr})
    table = as_table(compare(named_runs(["aaaa", "bbbb"], logs)))
    ids = [f"2026-11-01_10-00-00_{name}" for name in ("aaaa", "bbbb")]
    assert table.columns == ["part", "name", *ids, "change"]
    assert table.rows == [["settings", "lr", 0.1, 0.2, None], ["metrics", "acc", 0.1, 0.2, 0.1]]


def test_one_run_alone_or_the_same_run_twice_is_refused(logs: Path) -> None:
    folder = make_run(logs, "aaaa")
    with pytest.raises(RunError, match="needs two runs or more"):
        compare(named_runs(["aaaa"], logs))
    with pytest.raises(RunError, match=r"aaaa and .* are the same run, .*_aaaa\. Name each run once"):
        named_runs(["aaaa", folder], logs)


def test_an_ambiguous_name_is_refused_with_those_it_means(logs: Path) -> None:
    make_run(logs, "aaaa")
    make_run(logs, "aabb")
    with pytest.raises(RunError, match="'aa' means 2 runs"):
        named_runs(["aa"], logs)


def test_filters_add_runs_to_those_that_are_named(logs: Path) -> None:
    for day, (name, lr) in enumerate((("aaaa", 0.1), ("bbbb", 0.2), ("cccc", 0.3)), 1):
        make_run(logs, name, settings={"lr": lr}, created=f"2026-11-0{day}T10:00:00+00:00")
    assert [run.short for run in named_or_filtered(["cccc", "lr>0.1"], logs)] == ["cccc", "bbbb"]
    assert [run.short for run in named_or_filtered(["lr<0.3"], logs)] == ["aaaa", "bbbb"]
