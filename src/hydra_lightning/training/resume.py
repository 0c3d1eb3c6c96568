"""A training that can be killed at any step and goes on as if nothing had happened.

Lightning resumes from where ``ModelCheckpoint`` writes, which is in the middle of its loops: random numbers, the
metrics of the epoch so far and the place in the data are lost. Here the checkpoint to resume from is written
between two batches, where nothing is half done, and holds all of it.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.data import _set_sampler_epoch
from lightning.fabric.utilities.types import _Stateful
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from lightning.pytorch.loops.fetchers import _DataFetcher
from lightning.pytorch.loops.fit_loop import _FitLoop
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.trainer import call
from lightning.pytorch.utilities.combined_loader import CombinedLoader

from hydra_lightning.errors import CheckpointError
from hydra_lightning.runs.interrupts import Interrupted, Waiting, deferred
from hydra_lightning.training.csv_logger import CSVLogger
from hydra_lightning.training.resumable_loader import ResumableLoader
from hydra_lightning.training.training_state import capture, put_back

KEY = "hydra_lightning"


class ResumeCheckpoint(Callback):
    """Says when and where the checkpoint is written that a run is resumed from.

    It is written after an epoch, a validation or a checkpoint of ``ModelCheckpoint``, but for so seldom that no more
    than ``max_share`` of the time goes into it; at the end of the training; and when SIGTERM or SIGUSR1 arrives. Every
    training has one. Written are files only: a strategy that shards its checkpoints (a folder) has none.

    Args:
        dirpath: the folder, where it becomes ``resume.ckpt``.
        every_n_steps: optimizer steps between two, whatever time it takes.
        max_share: of the time, for the other occasions.
    """

    def __init__(
        self, dirpath: str | os.PathLike[str], every_n_steps: int | None = None, max_share: float = 0.05
    ) -> None:
        self.path = Path(dirpath) / "resume.ckpt"
        self.every_n_steps = every_n_steps
        self.max_share = max_share
        self.written = False
        self._wanted = False
        self._step = 0
        self._not_before = 0.0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._wanted = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._wanted = not trainer.sanity_checking

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._wanted = True

    def is_due(self, trainer: Trainer) -> bool:
        """Whether to write it now; all ranks get the answer of rank 0."""
        step = trainer.global_step
        if self.every_n_steps and step % self.every_n_steps == 0 and step != self._step:
            return True
        due = self._wanted and time.monotonic() >= self._not_before
        return bool(trainer.strategy.broadcast(due)) if self._wanted and trainer.world_size > 1 else due

    def resumed(self, trainer: Trainer) -> None:
        """Training goes on from it: it need not be written again at once."""
        self.written = True
        self._step = trainer.global_step

    def write(self, trainer: Trainer) -> None:
        """Write it, whole or not at all."""
        start = time.monotonic()
        trainer.save_checkpoint(self.path, weights_only=False)
        end = time.monotonic()
        self._not_before = end + (end - start) / self.max_share
        self._step = trainer.global_step
        self._wanted = False
        self.written = True


def make_resumable(trainer: Trainer, path: Path, start: Callable[[], None] = lambda: None) -> None:
    """Let ``trainer.fit`` write the checkpoint to resume from, and go on exactly from it as ``ckpt_path``.

    Args:
        trainer: one that has not trained yet.
        path: of the checkpoint, for a trainer without a ``ResumeCheckpoint`` among its callbacks.
        start: called once everything is loaded, before the first step; what it raises ends the training.
    """
    given = [each for each in trainer.callbacks if isinstance(each, ResumeCheckpoint)]  # type: ignore[attr-defined]
    if not given:
        given = [ResumeCheckpoint(path.parent)]
        trainer.callbacks += given  # type: ignore[attr-defined]
    trainer.fit_loop = ResumableFitLoop(trainer, given[0], start)


class ResumableFitLoop(_FitLoop):
    """Lightning's loop over epochs, which starts in the middle of one where a checkpoint says so."""

    epoch_loop: ResumableEpochLoop

    def __init__(self, trainer: Trainer, checkpoint: ResumeCheckpoint, start: Callable[[], None]) -> None:
        before = trainer.fit_loop
        super().__init__(trainer, before.min_epochs, before.max_epochs)
        self.epoch_loop = ResumableEpochLoop(
            trainer, before.epoch_loop.min_steps, before.epoch_loop.max_steps
        )
        self.checkpoint = checkpoint
        self._start = start
        self.place: dict[str, Any] | None = None
        self._waiting = Waiting()
        self._saved: dict[str, Any] | None = None
        self._later: set[str] = set()

    def run(self) -> None:
        if self.place is not None:
            # Lightning's own way of restarting is for checkpoints that lack the rest.
            self.restarting = False
            for loop in (self, self.epoch_loop, self.epoch_loop.val_loop):
                loop.on_iteration_done()
            self.setup_data()
            self._check(self.place)
            self.trainer.should_stop = self.place["should_stop"]
            self.checkpoint.resumed(self.trainer)
            self._later = _files(self.trainer) - set(self.place["files"])
            _overwrite(self.trainer, self._later)
        self._start()
        with deferred() as self._waiting:
            super().run()
            if self.place is not None:
                # Nothing was left to train: what it came to is known all the same.
                self.restore(fetch=False)
            self._leave_if_asked()

    def _check(self, place: dict[str, Any]) -> None:
        """Raise CheckpointError when this training cannot be at that place."""
        ranks = len(place["ranks"])
        if ranks != self.trainer.world_size:
            raise CheckpointError(
                f"The run was trained by {ranks} processes, and would now be by {self.trainer.world_size}: each has "
                "its own random numbers and place in the data. Resume with trainer.devices and num_nodes of before."
            )
        if not place["ended"]:
            loaders = _resumable(self._combined_loader)
            for loader, at in zip(loaders, place["ranks"][0]["loaders"], strict=False):
                loader.check(at)

    def on_run_start(self) -> None:
        super().on_run_start()
        if self.place is not None and self.place["ended"]:
            self.restore(fetch=False)

    def on_advance_start(self) -> None:
        if self.place is None:
            return super().on_advance_start()
        # The epoch has begun before: only what the hooks leave in memory is wanted of them.
        assert self._combined_loader is not None
        for loader in self._combined_loader.flattened:
            _set_sampler_epoch(loader, self.trainer.current_epoch)
        call._call_callback_hooks(self.trainer, "on_train_epoch_start")
        call._call_lightning_module_hook(self.trainer, "on_train_epoch_start")
        return None

    def on_run_end(self) -> None:
        super().on_run_end()
        self.write(ended=True)

    def point(self) -> None:
        """Between two batches: write the checkpoint if it is due, and stop if that was asked for."""
        asked = self._asked()
        # Gradients that are still added to are not saved: it waits for the step.
        if self.epoch_loop._should_accumulate() and self.trainer.lightning_module.automatic_optimization:
            return
        if asked or self.checkpoint.is_due(self.trainer):
            self.write(ended=False)
        if asked:
            raise Interrupted(self._waiting.arrived or signal.SIGTERM)

    def write(self, ended: bool) -> None:
        trainer = self.trainer
        if not _writes_files(trainer):
            return
        self._saved = {
            "ended": ended,
            "should_stop": trainer.should_stop,
            "files": sorted(_files(trainer) - self._later),
            "loggers": [_state_of(each) for each in trainer.loggers],
            "ranks": _of_all_ranks(capture(trainer)),
        }
        try:
            self.checkpoint.write(trainer)
        finally:
            self._saved = None

    def restore(self, fetch: bool) -> None:
        """Put back what the checkpoint holds beside Lightning's own."""
        assert self.place is not None
        place, self.place = self.place, None
        for logger, state in zip(self.trainer.loggers, place["loggers"], strict=False):
            if state is not None and isinstance(logger, CSVLogger):
                logger.load_state_dict(state)
        for loader in _resumable(self._combined_loader):
            loader.waiting = False
        state = place["ranks"][self.trainer.global_rank]
        put_back(self.trainer, state, place["callbacks"], fetch)

    def on_save_checkpoint(self) -> dict[str, Any]:
        state: dict[str, Any] = super().on_save_checkpoint()
        return state if self._saved is None else {**state, KEY: self._saved}

    def on_load_checkpoint(self, state_dict: dict[str, Any]) -> None:
        super().on_load_checkpoint(state_dict)
        self.place = state_dict.get(KEY)
        if self.place is not None:
            self.place["callbacks"] = self.trainer._checkpoint_connector._loaded_checkpoint["callbacks"]

    def _load_combined_loader_states(self) -> None:
        loader = self._combined_loader
        assert loader is not None
        loader.flattened = [
            each if isinstance(each, _Stateful | ResumableLoader) else ResumableLoader(each)
            for each in loader.flattened
        ]
        for each in _resumable(loader):
            each.waiting = self.place is not None
        super()._load_combined_loader_states()

    def _asked(self) -> bool:
        arrived = self._waiting.arrived is not None
        if self.trainer.world_size == 1:
            return arrived
        return bool(self.trainer.strategy.reduce_boolean_decision(arrived, all=False))

    def _leave_if_asked(self) -> None:
        if self._asked():
            raise Interrupted(self._waiting.arrived or signal.SIGTERM)


class ResumableEpochLoop(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch, which starts at any of them."""

    @property
    def _fit(self) -> ResumableFitLoop:
        loop = self.trainer.fit_loop
        assert isinstance(loop, ResumableFitLoop)
        return loop

    def reset(self) -> None:
        if self._fit.place is None:
            super().reset()

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        if self._fit.place is None:
            return super().on_run_start(data_fetcher)
        self._fit.restore(fetch=True)
        data_fetcher.fetched += self.batch_progress.current.ready
        data_fetcher._start_profiler = self._on_before_fetch
        data_fetcher._stop_profiler = self._on_after_fetch
        return None

    def advance(self, data_fetcher: _DataFetcher) -> None:
        self._fit.point()
        super().advance(data_fetcher)


def _resumable(combined: CombinedLoader | None) -> list[ResumableLoader]:
    return (
        [] if combined is None else [each for each in combined.flattened if isinstance(each, ResumableLoader)]
    )


def _state_of(logger: Logger) -> dict[str, Any] | None:
    return logger.state_dict() if isinstance(logger, CSVLogger) else None


def _writes_files(trainer: Trainer) -> bool:
    """Whether this training writes checkpoints, and each of them is one file."""
    kind = getattr(trainer.strategy, "_state_dict_type", "full")
    sharded = kind == "sharded" or type(trainer.strategy).__name__ in (
        "DeepSpeedStrategy",
        "ModelParallelStrategy",
    )
    return bool(trainer.checkpoint_callbacks) and not trainer.fast_dev_run and not sharded  # type: ignore[attr-defined]


def _of_all_ranks(state: dict[str, Any]) -> list[Any]:
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return [state]
    states: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, state)
    return states


def _files(trainer: Trainer) -> set[str]:
    """The files of checkpoints that are there by now."""
    folders = {each.dirpath for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)}
    return {str(file) for folder in folders if folder for file in Path(folder).glob("*.ckpt")}


def _overwrite(trainer: Trainer, later: set[str]) -> None:
    """Let files that are written again, and are taken out of ``later`` then, keep their name, without a ``-v1``."""
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            exists = functools.partial(_exists, callback.file_exists, later)
            callback.file_exists = exists  # type: ignore[method-assign]


def _exists(exists: Callable[..., bool], later: set[str], path: Any, trainer: Trainer) -> bool:
    if str(path) not in later:
        return exists(path, trainer)
    later.remove(str(path))
    return False
