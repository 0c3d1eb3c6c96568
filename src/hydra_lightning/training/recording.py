"""Keeps the run's record up to date while Lightning trains."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from hydra_lightning.runs.record import RunRecord
from hydra_lightning.training.resume import ResumeCheckpoint

SECONDS_BETWEEN_WRITES = 1.0


class RecordProgress(Callback):
    """Writes metrics, the best one and the checkpoints to ``run.json`` as they come.

    Metrics at most once a second: closing the run writes the rest. Checkpoints at once, since a run that is killed
    must not name a file that a better one has replaced.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self._written = 0.0
        self._checkpoints: list[str] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self._write_new_checkpoints(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write_metrics(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write_metrics(trainer)

    def _write_metrics(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and time.monotonic() - self._written >= SECONDS_BETWEEN_WRITES:
            self._write(trainer)

    def _write_new_checkpoints(self, trainer: Trainer) -> None:
        # Checkpoints are saved after every other callback, so that the next batch is the first to know.
        callbacks = [each for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]
        files = [path for each in callbacks for path in (each.best_model_path, each.last_model_path)]
        files += [_resume(trainer) or ""]
        if trainer.is_global_zero and files != self._checkpoints:
            self._write(trainer)
            self._checkpoints = files

    def _write(self, trainer: Trainer) -> None:
        self.record.update(**progress(trainer))
        self._written = time.monotonic()


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as Python floats, by name."""
    return {name: float(value) for name, value in sorted(metrics.items())}


def progress(trainer: Trainer) -> dict[str, Any]:
    """``metrics``, ``best``, ``checkpoints`` and ``resume`` of ``run.json``, as they stand.

    ``best`` is of the first checkpoint callback that monitors a metric; without one it is None. Checkpoints are
    named relative to the run folder. While a best one is not written to its end, only ``metrics`` is given: what
    was recorded before still holds.
    """
    metrics = {"metrics": plain_metrics(trainer.callback_metrics)}
    if any(
        isinstance(each, ModelCheckpoint) and each.best_model_path and not Path(each.best_model_path).exists()
        for each in trainer.checkpoint_callbacks
    ):
        return metrics
    return {
        **metrics,
        "best": _best(trainer),
        "checkpoints": _checkpoints(trainer),
        "resume": _resume(trainer),
    }


def _resume(trainer: Trainer) -> str | None:
    """The checkpoint that the run can be resumed from."""
    written = [each for each in trainer.callbacks if isinstance(each, ResumeCheckpoint) and each.written]  # type: ignore[attr-defined]
    return _relative(str(written[0].path), Path(trainer.default_root_dir)) if written else None


def _best(trainer: Trainer) -> dict[str, Any] | None:
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.monitor and callback.best_model_path:
            epoch, score = _saved_with(callback.best_model_path, callback.state_key)
            if callback.best_model_score is not None:
                score = float(callback.best_model_score)
            return {"metric": callback.monitor, "value": score, "mode": callback.mode, "epoch": epoch}
    return None


@functools.lru_cache(maxsize=8)
def _saved_with(checkpoint: str, callback: str) -> tuple[int | None, float | None]:
    """The epoch and the best score that a checkpoint file holds, for a process that did not train by itself.

    After ``ddp_spawn`` Lightning tells the parent nothing but the path. A sharded checkpoint is a folder: None.
    """
    if not Path(checkpoint).is_file():
        return None, None
    content = torch.load(checkpoint, mmap=True, weights_only=True)
    score = content.get("callbacks", {}).get(callback, {}).get("best_model_score")
    return int(content["epoch"]), None if score is None else float(score)


def _checkpoints(trainer: Trainer) -> dict[str, str | None]:
    best = last = ""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            best = best or callback.best_model_path
            last = last or callback.last_model_path or _last_file(callback)
    root = Path(trainer.default_root_dir)
    return {"best": _relative(best, root), "last": _relative(last, root)}


def _last_file(callback: ModelCheckpoint) -> str:
    file = Path(callback.dirpath or ".") / f"{callback.CHECKPOINT_NAME_LAST}{callback.FILE_EXTENSION}"
    return str(file) if callback.save_last and file.exists() else ""


def _relative(path: str, root: Path) -> str | None:
    if not path:
        return None
    file = Path(path)
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
