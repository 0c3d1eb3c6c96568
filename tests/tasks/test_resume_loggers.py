"""A run that goes on is one run in every tracker."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from processes import TINY, record, run_script, runs_in


@pytest.mark.slow
def test_trackers_go_on_with_the_run_that_they_began(project: Path) -> None:
    for name in ("tensorboard", "mlflow", "wandb", "trackio"):
        pytest.importorskip(name)
    loggers = "logger=[csv,tensorboard,mlflow,wandb,trackio]"
    options = [*TINY, loggers, "trainer.max_epochs=1", "trainer.log_every_n_steps=5"]
    kept = {"WANDB_MODE": "offline", "HF_HUB_OFFLINE": "1", "WANDB_SILENT": "true"}
    first = run_script(project, "train.py", *options, env=kept)
    assert first.returncode == 0, first.stderr
    (run,) = runs_in(project)
    begun = record(run)["loggers"]
    again = run_script(project, "train.py", "resume=@last", "trainer.max_epochs=2", env=kept)
    assert again.returncode == 0, again.stderr
    assert runs_in(project) == [run]
    assert record(run)["loggers"] == begun

    losses = [float(line) for line in _column(run / "metrics.csv", "val/loss")]
    assert len(losses) == 2
    for told in (_tensorboard(run), _mlflow(project), _trackio(project, run.name)):
        assert told == pytest.approx(losses, rel=1e-6)
    # Offline there is a folder for each attempt; `wandb sync` puts those of one id into one run.
    attempts = [*(run / "wandb").glob("offline-run-*")]
    assert [folder.name.endswith(f"-{run.name}") for folder in attempts] == [True, True]


def _column(file: Path, name: str) -> list[str]:
    head, *rows = [line.split(",") for line in file.read_text().splitlines()]
    return [row[head.index(name)] for row in rows if row[head.index(name)]]


def _tensorboard(run: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return [event.value for event in events.Scalars("val/loss")]


def _mlflow(project: Path) -> list[float]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{project}/logs/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("train")
    (run,) = client.search_runs([experiment.experiment_id])
    return [metric.value for metric in client.get_metric_history(run.info.run_id, "val/loss")]


def _trackio(project: Path, name: str) -> list[float]:
    with sqlite3.connect(project / "logs/trackio/train.db") as database:
        rows = database.execute("SELECT run_name, metrics FROM metrics ORDER BY id").fetchall()
    assert {run for run, _ in rows} == {name}
    return [
        value["val/loss"] for value in (json.loads(metrics) for _, metrics in rows) if "val/loss" in value
    ]
