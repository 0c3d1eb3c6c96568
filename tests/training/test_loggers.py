"""Every logger that can run offline, built from its config, trains and keeps the values."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.demos.boring_classes import BoringModel
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

CONFIGS = Path(__file__).parents[2] / "src/hydra_lightning/scaffold/files/base/configs"
OFFLINE = ["csv", "tensorboard", "mlflow", "wandb", "trackio", "comet"]
STEPS = 4


class Model(BoringModel):
    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.log("train/loss", float(self.global_step) / 8)
        return super().training_step(batch, batch_idx)


def config(name: str, folder: Path) -> DictConfig:
    """The config of a logger, with what it refers to put in its place."""
    text = (CONFIGS / "logger" / f"{name}.yaml").read_text()
    values = {
        "${paths.output_dir}": f"{folder}/run",
        "${paths.log_dir}": f"{folder}/logs",
        "${task_name}": "train",
        "${run_id:}": "2026-01-01_00-00-00_abcd",
        "${wandb_offline:}": "true",
        "${comet_online:}": "false",
        "${tags}": "[dev]",
    }
    for key, value in values.items():
        text = text.replace(key, value)
    loaded = OmegaConf.create(yaml.safe_load(text))
    OmegaConf.resolve(loaded)
    return loaded[name]


def train(logger: Logger, model: LightningModule, folder: Path) -> None:
    logger.log_hyperparams({"model": {"lr": 0.5, "_target_": "x.Y"}, "_private": 1})
    trainer = Trainer(
        max_steps=STEPS,
        limit_val_batches=0,
        log_every_n_steps=1,
        accelerator="cpu",
        logger=logger,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
    )
    trainer.fit(model)
    trainer.test(model, verbose=False)


EXPECTED = [step / 8 for step in range(STEPS)]


def read_csv(folder: Path) -> list[float]:
    import pandas as pd

    return pd.read_csv(folder / "run/metrics.csv")["train/loss"].dropna().tolist()


def read_tensorboard(folder: Path) -> list[float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "run/tensorboard"))
    events.Reload()
    return [event.value for event in events.Scalars("train/loss")]


def read_mlflow(folder: Path) -> list[float]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/logs/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("train")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "2026-01-01_00-00-00_abcd"
    assert run.info.artifact_uri.startswith(f"{folder}/logs/mlflow/artifacts")
    assert run.data.params["model/lr"] == "0.5"
    return [metric.value for metric in client.get_metric_history(run.info.run_id, "train/loss")]


def read_wandb(folder: Path) -> list[float]:
    from wandb.proto import wandb_internal_pb2

    (file,) = (folder / "run/wandb").glob("offline-run-*/*.wandb")
    found = []
    for data in wandb_records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        for item in record.history.item:
            if (item.key or ".".join(item.nested_key)) == "train/loss":
                found.append(json.loads(item.value_json))
    return found


def wandb_records(content: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's format: blocks of 32 KiB, each fragment with checksum, length and kind."""
    position, parts = 7, b""
    while position + 7 <= len(content):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        parts += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last fragment of one
            yield parts
            parts = b""


def read_trackio(folder: Path) -> list[float]:
    with sqlite3.connect(folder / "logs/trackio/train.db") as database:
        rows = database.execute("SELECT run_name, step, metrics FROM metrics ORDER BY id").fetchall()
        (configs,) = database.execute("SELECT config FROM configs").fetchall()
    assert {run for run, _, _ in rows} == {"2026-01-01_00-00-00_abcd"}
    config = json.loads(configs[0])
    assert config["model/lr"] == 0.5
    assert config["private"] == 1
    found = [json.loads(metrics) for _, _, metrics in rows]
    return [metrics["train/loss"] for metrics in found if "train/loss" in metrics]


def read_comet(folder: Path) -> list[float]:
    (archive,) = (folder / "run/comet").glob("*.zip")
    with zipfile.ZipFile(archive) as file:
        messages = [json.loads(line) for line in file.read("messages.json").splitlines()]
    metrics = [message["payload"]["metric"] for message in messages if message["type"] == "metric_msg"]
    return [metric["metricValue"] for metric in metrics if metric["metricName"] == "train/loss"]


READERS = {
    "csv": read_csv,
    "tensorboard": read_tensorboard,
    "mlflow": read_mlflow,
    "wandb": read_wandb,
    "trackio": read_trackio,
    "comet": read_comet,
}
MODULES = {"csv": "pandas", "comet": "comet_ml"}


def test_csv_in_this_process(tmp_path: Path) -> None:
    train(instantiate(config("csv", tmp_path)), Model(), tmp_path)
    assert read_csv(tmp_path) == EXPECTED


@pytest.mark.parametrize("name", OFFLINE[1:])
def test_trains_and_keeps_the_values(name: str, tmp_path: Path) -> None:
    pytest.importorskip(MODULES.get(name, name))
    # A process of its own: trackers keep state in modules and variables, and write the rest when they exit.
    secrets = ("WANDB", "COMET", "TRACKIO", "MLFLOW")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(secrets)}
    result = subprocess.run(
        [sys.executable, __file__, name, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=kept | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert READERS[name](tmp_path) == EXPECTED


def test_a_second_folder_of_trackio_in_one_process_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    import trackio.utils

    from hydra_lightning.errors import ConfigError
    from hydra_lightning.training.trackio_logger import TrackioLogger

    logger = TrackioLogger("p", save_dir=trackio.utils.TRACKIO_DIR.absolute() / "other")
    with pytest.raises(ConfigError, match="TRACKIO_DIR="):
        logger.log_metrics({"a": 1.0}, step=0)


CALLBACKS = {
    "model_checkpoint": ["model_checkpoint"],
    "early_stopping": ["early_stopping"],
    "model_summary": ["model_summary"],
    "rich_progress_bar": ["rich_progress_bar"],
    "none": [],
    "default": ["model_checkpoint", "early_stopping", "model_summary", "rich_progress_bar"],
}
CALLBACKS["learning_rate_monitor"] = [*CALLBACKS["default"], "learning_rate_monitor"]
CALLBACKS["ema"] = [*CALLBACKS["default"], "ema"]
CALLBACKS["[default,ema,learning_rate_monitor]"] = [*CALLBACKS["ema"], "learning_rate_monitor"]


@pytest.mark.parametrize(("choice", "names"), CALLBACKS.items())
def test_every_choice_of_callbacks_instantiates(choice: str, names: list[str], tmp_path: Path) -> None:
    main = tmp_path / "main.yaml"
    main.write_text(
        "defaults: [_self_, {callbacks: default}]\n"
        f"paths: {{output_dir: {tmp_path}}}\n"
        f"hydra: {{searchpath: ['file://{CONFIGS}']}}\n"
    )
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        composed = compose("main", [f"callbacks={choice}"])
    built = {name: instantiate(node) for name, node in (composed.get("callbacks") or {}).items()}
    assert list(built) == names
    if "early_stopping" in built and "model_checkpoint" in built:
        assert built["early_stopping"].monitor == built["model_checkpoint"].monitor == "val/loss"


def test_many_loggers_at_once(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(
        f"defaults: [_self_, {{logger: many}}]\nhydra: {{searchpath: ['file://{CONFIGS}']}}\n"
    )
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        composed = compose("main")
    assert list(composed.logger) == ["csv", "tensorboard", "mlflow"]


if __name__ == "__main__":
    where = Path(sys.argv[2])
    train(instantiate(config(sys.argv[1], where)), Model(), where)
