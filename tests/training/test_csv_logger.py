"""metrics.csv: lossless, continued, one row a step."""

from __future__ import annotations

import csv
import math
import pickle
import resource
from pathlib import Path

import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only

from hydra_lightning.errors import RunError
from hydra_lightning.training.csv_logger import CSVLogger


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_columns_are_epoch_and_step_then_metrics_as_they_appear(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    logger.log_metrics({"z": 1.0, "epoch": 0}, step=0)
    logger.log_metrics({"a": torch.tensor(2), "epoch": 0}, step=5)
    logger.finalize("success")
    assert (tmp_path / "metrics.csv").read_text() == "epoch,step,z,a\n0,0,1.0,\n0,5,,2\n"


def test_calls_of_one_step_share_a_row_unless_they_differ(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    logger.log_metrics({"train": 1.0, "epoch": 0}, step=3)
    logger.log_metrics({"val": 2.0, "epoch": 0}, step=3)
    logger.log_metrics({"val": 3.0, "epoch": 1}, step=3)
    assert [tuple(row.values()) for row in rows(tmp_path)] == [
        ("0", "3", "1.0", "2.0"),
        ("1", "3", "", "3.0"),
    ]


def test_numbers_read_back_equal(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    values = {"a": 0.1 + 0.2, "b": 1e-300, "c": math.inf, "d": 2**60, "e": torch.tensor(1 / 3)}
    logger.log_metrics({**values, "f": math.nan}, step=1)
    (row,) = rows(tmp_path)
    assert {name: float(row[name]) for name in values} == {
        name: float(value) for name, value in values.items()
    }
    assert math.isnan(float(row["f"]))


def test_a_resumed_run_continues_the_file_after_its_last_whole_line(tmp_path: Path) -> None:
    first = CSVLogger(tmp_path)
    for step in range(3):
        first.log_metrics({"loss": step}, step=step)
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write(",3,0.12")
    second = CSVLogger(tmp_path)
    second.log_metrics({"loss": 3.5, "new": 1}, step=3)
    second.log_metrics({"loss": 4.5}, step=4)
    assert [(row["step"], row["loss"], row["new"]) for row in rows(tmp_path)] == [
        ("0", "0", ""),
        ("1", "1", ""),
        ("2", "2", ""),
        ("3", "3.5", "1"),
        ("4", "4.5", ""),
    ]


def test_a_new_column_on_a_row_that_is_already_written(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    logger.log_metrics({"a": 1}, step=0)
    logger.log_metrics({"a": 2}, step=1)
    logger.log_metrics({"b": 3}, step=1)
    assert [tuple(row.values()) for row in rows(tmp_path)] == [("", "0", "1", ""), ("", "1", "2", "3")]
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.csv"]


def test_writes_when_the_steps_have_passed_and_at_the_end(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path, flush_every_n_steps=10)
    for step in range(15):
        logger.log_metrics({"loss": step}, step=step)
        logger.save()
    assert len(rows(tmp_path)) == 11
    logger.finalize("success")
    assert [row["step"] for row in rows(tmp_path)] == [str(step) for step in range(15)]


def test_keeps_only_the_last_row_in_memory(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    for step in range(200):
        logger.log_metrics({"loss": step}, step=step)
    assert len(pickle.dumps(logger)) < 1000


def test_a_pickled_copy_goes_on(tmp_path: Path) -> None:
    logger = pickle.loads(pickle.dumps(CSVLogger(tmp_path)))
    logger.log_metrics({"loss": 1}, step=0)
    again = pickle.loads(pickle.dumps(logger))
    again.log_metrics({"loss": 2}, step=1)
    assert [row["loss"] for row in rows(tmp_path)] == ["1", "2"]


def test_only_rank_zero_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = CSVLogger(tmp_path)
    logger.log_metrics({"loss": 1}, step=0)
    logger.finalize("success")
    assert list(tmp_path.iterdir()) == []


def test_a_metric_without_a_step(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    logger.log_metrics({"a": 1})
    logger.log_metrics({"a": 2})
    assert [(row["step"], row["a"]) for row in rows(tmp_path)] == [("", "1"), ("", "2")]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").mkdir()
    with pytest.raises(RunError, match=r"metrics\.csv"):
        CSVLogger(tmp_path).log_metrics({"a": 1}, step=0)


def test_a_write_that_fails_keeps_the_rows_before(tmp_path: Path) -> None:
    logger = CSVLogger(tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limit[1]))
    try:
        with pytest.raises(RunError, match="metrics could not be written: File too large"):
            fill(logger)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    CSVLogger(tmp_path).log_metrics({"loss": 0.2}, step=99_999)
    read = rows(tmp_path)
    assert [row["step"] for row in read[:-1]] == [str(step) for step in range(len(read) - 1)]
    assert read[-1]["step"] == "99999"


def fill(logger: CSVLogger) -> None:
    for step in range(10_000):
        logger.log_metrics({"loss": 0.1}, step=step)
