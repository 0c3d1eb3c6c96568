"""Builds the objects of a run from its config."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import CheckpointIO
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_lightning.config.instantiate import instantiate
from hydra_lightning.errors import ConfigError
from hydra_lightning.runs.record import RunRecord
from hydra_lightning.tasks.console import quiet_lightning
from hydra_lightning.tasks.summary import print_start
from hydra_lightning.training.checkpoint_io import PlainCheckpointIO
from hydra_lightning.training.csv_logger import CSVLogger
from hydra_lightning.training.restored import restored


@dataclass
class Objects:
    """What a run works with."""

    datamodule: LightningDataModule
    model: LightningModule
    trainer: Trainer
    loggers: list[Logger]


def begin(
    record: RunRecord, config: DictConfig, plain: Mapping[str, Any], callbacks: Sequence[Callback]
) -> Objects:
    """Seed, build the objects of a run, and write down what it runs on and with."""
    quiet_lightning()
    print_start(record)
    seed_everything(config.seed, workers=True, verbose=False)
    objects = build_objects(config, plain, callbacks)
    # torch seeds the workers of one process itself; Lightning's seeds keep those of several processes apart.
    os.environ["PL_SEED_WORKERS"] = str(int(objects.trainer.world_size > 1))
    record.update(devices=devices_of(objects.trainer))
    _begin_loggers(record, config, objects, plain)
    return objects


def _begin_loggers(record: RunRecord, config: DictConfig, objects: Objects, plain: Mapping[str, Any]) -> None:
    """Tell the loggers the config, but for those of a run that goes on, which know it; and write down their runs."""
    # A logger for metrics.csv that the config does not have is the first.
    named = dict(zip(reversed(_names(config, "logger")), reversed(objects.loggers), strict=False))
    begun = record.data.get("loggers", {})
    known = [named.get(name) for name in begun]
    log_hyperparameters([each for each in objects.loggers if each not in known], objects.model, plain)
    runs = {name: logger.version for name, logger in named.items() if logger.version not in (None, "")}
    record.update(loggers=begun | runs)


def build_objects(config: DictConfig, plain: Mapping[str, Any], callbacks: Sequence[Callback]) -> Objects:
    """Instantiate data, model, callbacks, loggers and trainer, in this order.

    Every run logs to ``metrics.csv`` in its folder, whatever loggers it has, and writes plain checkpoints unless
    the trainer is given a ``CheckpointIO`` of its own.

    Args:
        config: the composed config.
        plain: the same, as plain containers.
        callbacks: callbacks beside those of the config.
    """
    datamodule = instantiate(config, "data")
    with restored(bool(config.get("resume") or config.get("ckpt_path"))):
        model = instantiate(config, "model")
    callbacks = [*_each(config, "callbacks"), *callbacks]
    loggers = _each(config, "logger")
    if not any(isinstance(logger, CSVLogger) for logger in loggers):
        loggers.insert(0, CSVLogger(save_dir=config.paths.output_dir))
    trainer = _trainer(config, plain, callbacks, loggers)
    return Objects(datamodule, model, trainer, loggers)


def log_hyperparameters(loggers: Sequence[Logger], model: LightningModule, plain: Mapping[str, Any]) -> None:
    """Tell every logger the config and the number of parameters."""
    parameters = list(model.parameters())
    sizes = {
        "total": sum(parameter.numel() for parameter in parameters),
        "trainable": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
    }
    for logger in loggers:
        logger.log_hyperparams({**plain, "parameters": sizes})


def devices_of(trainer: Trainer) -> dict[str, Any]:
    """What the trainer runs on: accelerator, number of processes, the names of GPUs, and threads a process.

    The number of threads is part of it because sums are split among them: with another one the last bits differ.
    """
    accelerator = type(trainer.accelerator).__name__.removesuffix("Accelerator").lower()
    names = (
        [torch.cuda.get_device_name(index) for index in trainer.device_ids] if accelerator == "cuda" else []
    )
    threads = torch.get_num_threads()
    return {"accelerator": accelerator, "world_size": trainer.world_size, "names": names, "threads": threads}


def _each(config: DictConfig, group: str) -> list[Any]:
    """Instantiate every node with a ``_target_`` of a group such as callbacks."""
    nodes = config.get(group)
    if nodes is None:
        return []
    if not isinstance(nodes, DictConfig):
        raise ConfigError(
            f"{group}: a mapping of names to configs is needed, not {OmegaConf.to_container(nodes)!r}."
        )
    return [instantiate(config, f"{group}.{name}") for name in _names(config, group)]


def _names(config: DictConfig, group: str) -> list[str]:
    nodes = (config.get(group) or {}).items()
    return [str(name) for name, node in nodes if isinstance(node, DictConfig) and "_target_" in node]


def _trainer(
    config: DictConfig, plain: Mapping[str, Any], callbacks: Sequence[Callback], loggers: list[Logger]
) -> Trainer:
    plugins = _plugins(config)
    if not any(isinstance(plugin, CheckpointIO) for plugin in plugins):
        plugins.append(PlainCheckpointIO(model_config=plain["model"], data_config=plain["data"]))
    settings = config.copy()
    with open_dict(settings):
        settings.trainer.pop("plugins", None)
    try:
        trainer: Trainer = instantiate(
            settings, "trainer", callbacks=list(callbacks), logger=loggers, plugins=plugins
        )
    except _lightning_refusals() as error:
        raise ConfigError(f"trainer: {error}") from error
    return trainer


def _plugins(config: DictConfig) -> list[Any]:
    plugins = OmegaConf.select(config, "trainer.plugins")
    if plugins is None:
        return []
    built = (
        instantiate(config, "trainer.plugins", _convert_="object")
        if OmegaConf.is_config(plugins)
        else plugins
    )
    return list(built) if isinstance(built, list) else [built]


def _lightning_refusals() -> tuple[type[Exception], ...]:
    """What the Trainer raises for settings that do not go together or hardware that is not there."""
    from lightning.fabric.utilities.exceptions import MisconfigurationException

    return (MisconfigurationException, ValueError)
