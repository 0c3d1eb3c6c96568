from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from made_runs import make_run
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

import hydra_lightning
from hydra_lightning.errors import MissingPackageError
from hydra_lightning.runs import environment
from hydra_lightning.runs.frame import runs_table


def write_run(folder: Path, config: str, **fields: Any) -> None:
    data = {"schema": 1, "id": folder.name, "status": "completed", "metrics": {}, "best": None, "process": {}}
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(data | fields))
    (folder / "config.yaml").write_text(config)


def test_a_frame_has_a_typed_row_a_run(tmp_path: Path) -> None:
    runs = tmp_path / "train/runs"
    write_run(
        runs / "2026-01-01_10-00-00_aaaa",
        "lr: 0.1\nwidth: 64\ncompile: true\n",
        created="2026-01-01T10:00:00.5+02:00",
        metrics={"acc": "nan"},
    )
    write_run(
        runs / "2026-01-02_10-00-00_bbbb",
        "lr: 1\nname: x\n",
        created="2026-01-02T10:00:00+00:00",
        metrics={"acc": 1},
    )
    table = runs_table(tmp_path)
    assert list(table.index) == ["2026-01-02_10-00-00_bbbb", "2026-01-01_10-00-00_aaaa"]
    assert table.index.name == "id"
    assert is_datetime64_any_dtype(table["created"])
    assert str(table["created"].iloc[1]) == "2026-01-01 08:00:00.500000+00:00"
    assert all(is_numeric_dtype(table[name]) for name in ("lr", "width", "metrics.acc"))
    assert not is_numeric_dtype(table["name"])
    assert list(table[table["lr"] < 0.5].index) == ["2026-01-01_10-00-00_aaaa"]
    assert len(runs_table(tmp_path, ["lr>0.5"])) == 1


def test_no_runs_are_an_empty_frame(tmp_path: Path) -> None:
    assert "status" in runs_table(tmp_path).columns


def test_without_pandas_the_command_to_type_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match=r"pip install .*\[notebook\]"):
        runs_table(tmp_path)


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "installed_versions", list)
    for lr in (0.1, 0.2):
        for seed in (1, 2):
            settings = {"lr": lr, "seed": seed}
            make_run(
                tmp_path / "logs",
                f"l{10 * lr:.0f}s{seed}",
                settings=settings,
                metrics={"test/acc": lr + seed},
            )
    return tmp_path / "logs"


def test_a_comparison_is_a_table_with_a_column_a_run(logs: Path) -> None:
    table = hydra_lightning.compare_runs(["l1s1", "l2s1"], logs)
    first, second = "2026-11-01_10-00-00_l1s1", "2026-11-01_10-00-00_l2s1"
    assert list(table.columns) == [first, second, "change"]
    assert table.loc[("settings", "lr"), first] == 0.1
    assert table.loc[("metrics", "test/acc"), "change"] == pytest.approx(0.1)


def test_an_aggregate_is_a_table_with_a_row_a_group(logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_run(logs, "fail", settings={"lr": 0.2, "seed": 3}, status="failed")
    with caplog.at_level(logging.WARNING):
        table = hydra_lightning.aggregate_runs(logs, over="seed")
    assert list(table.columns) == ["metric", "lr", "n", "mean", "std", "low", "high", "runs"]
    assert table["mean"].tolist() == pytest.approx([1.6, 1.7])
    assert "Left out, failed: fail." in caplog.text
    assert hydra_lightning.aggregate_runs(logs, ["lr=0.1"], over=["seed"])["n"].tolist() == [2]
