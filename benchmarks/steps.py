"""Time per training step of the digits MLP: a plain loop and Lightning's Trainer, in turns, in one process."""

from __future__ import annotations

import contextlib
import logging
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from plain_digits import loaders, mlp
from torch import Tensor, nn

import hydra_lightning
from hydra_lightning.scaffold.new import new_project

Seconds = tuple[float, float]
NO_PROGRESS_BAR = ("~callbacks.rich_progress_bar", "+trainer.enable_progress_bar=false")


@dataclass(frozen=True)
class Steps:
    """What was measured of one way to train.

    Attributes:
        name: which way.
        step: seconds per training step, loading of its batch included, one a repetition.
        epoch: seconds per epoch: its steps, validation, and the checkpoint where one is written, one a repetition.
    """

    name: str
    step: list[float]
    epoch: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.step)

    @property
    def median_epoch(self) -> float:
        return statistics.median(self.epoch)


def measure_steps(folder: Path, repetitions: int, epochs: int) -> list[Steps]:
    """Train ``epochs`` epochs in every way once to warm up, then ``repetitions`` times, in turns.

    Args:
        folder: where a project with the digits example is written, and where its runs are.
        repetitions: how often each way is timed.
        epochs: epochs of one repetition, each of 20 steps.
    """
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    project = new_project(folder / "project", "digits").root
    ways: dict[str, Callable[[], Seconds]] = {
        "plain PyTorch loop": lambda: _plain(epochs, with_metrics=False),
        "plain PyTorch loop, loss and accuracy summed by hand": lambda: _plain(epochs, with_metrics=True),
        "bare `Trainer`, a module that only returns the loss": lambda: _bare(_LossOnly(), epochs),
        "bare `Trainer`, the project's module with its metrics": lambda: _bare(_module_of(project), epochs),
        "the project without its progress bar": lambda: _whole(project, epochs, *NO_PROGRESS_BAR),
        "the project as it is: callbacks, CSV logger, checkpoints": lambda: _whole(project, epochs),
    }
    found = {name: Steps(name, [], []) for name in ways}
    for repetition in range(repetitions + 1):
        for name, way in ways.items():
            torch.manual_seed(repetition)
            with (folder / "printed.txt").open("a") as printed, contextlib.redirect_stdout(printed):
                step, epoch = way()
            if repetition:
                found[name].step.append(step)
                found[name].epoch.append(epoch)
    return list(found.values())


def _plain(epochs: int, with_metrics: bool) -> Seconds:
    train, val = loaders()
    net, criterion = mlp(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    in_steps, start = 0.0, time.perf_counter()
    for _ in range(epochs):
        net.train()
        loss_sum = right = torch.zeros(())
        epoch_start = time.perf_counter()
        for images, labels in train:
            optimizer.zero_grad()
            logits = net(images)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            if with_metrics:
                loss_sum = loss_sum + loss.detach() * len(labels)
                right = right + (logits.argmax(dim=1) == labels).sum()
        in_steps += time.perf_counter() - epoch_start
        net.eval()
        with torch.no_grad():
            for images, labels in val:
                criterion(net(images), labels)
    return in_steps / (epochs * len(train)), (time.perf_counter() - start) / epochs


class _LossOnly(LightningModule):
    """The plain loop as a LightningModule: nothing is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.criterion = mlp(), nn.CrossEntropyLoss()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        return self.criterion(self.net(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        self.criterion(self.net(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.001)


class Clock(Callback):
    """Times a training from its first epoch's start to its end, and the steps in it."""

    newest: ClassVar[Clock]

    def __init__(self) -> None:
        Clock.newest = self
        self.in_steps = 0.0
        self.start: float | None = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.since = time.perf_counter()
        self.start = self.start or self.since

    def on_train_batch_end(self, *args: Any) -> None:
        now = time.perf_counter()
        self.in_steps += now - self.since
        self.since = now

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        seconds = time.perf_counter() - self.start
        self.result = self.in_steps / trainer.global_step, seconds / trainer.max_epochs


def _bare(module: LightningModule, epochs: int) -> Seconds:
    clock = Clock()
    trainer = Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, *loaders())
    return clock.result


def _module_of(project: Path) -> LightningModule:
    return hydra_lightning.instantiate(hydra_lightning.compose(project), "model")


def _whole(project: Path, epochs: int, *overrides: str) -> Seconds:
    clock = "+callbacks.clock={_target_: steps.Clock}"
    own = [f"trainer.max_epochs={epochs}", "test=false", "extras.trusted=null", clock]
    hydra_lightning.train(hydra_lightning.compose(project, [*own, *overrides]))
    return Clock.newest.result
