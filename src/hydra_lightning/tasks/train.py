"""Training: what happens in a run, from top to bottom."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError
from hydra_lightning.runs.record import RunRecord
from hydra_lightning.tasks.console import quiet_lightning
from hydra_lightning.tasks.run import run_of
from hydra_lightning.tasks.summary import print_end, print_start

if TYPE_CHECKING:
    from hydra_lightning.tasks.objects import Objects

log = logging.getLogger(__name__)


def train(config: DictConfig) -> float | None:
    """Train, test with the best checkpoint, and record it all in a run folder.

    Reads of ``config`` the groups data, model, callbacks, logger, trainer, paths, extras, and the keys
    ``train``, ``test``, ``ckpt_path`` (resume from it), ``weights_only`` (false loads a checkpoint that holds
    Python objects), ``seed`` and ``optimized_metric``.

    Returns:
        the value of ``optimized_metric`` after training and testing; None when that key is empty.

    Raises:
        HydraLightningError: a mistake that the user can mend; the message names file, key or path.
        Exception: what the model, the data or the trainer raise. The run is then recorded as failed.
    """
    with run_of(config) as (record, config, plain):
        metrics = _run(record, config, plain)
        value = _optimized(metrics, config.get("optimized_metric"))
        record.update(metrics=metrics)
    print_end(record, then="next: eval.py run={id}")
    return value


def _run(record: RunRecord, config: DictConfig, plain: Mapping[str, Any]) -> dict[str, float]:
    from lightning.pytorch import seed_everything

    from hydra_lightning.tasks.objects import build_objects, log_hyperparameters
    from hydra_lightning.training.recording import RecordProgress, plain_metrics, progress

    quiet_lightning()
    print_start(record)
    seed_everything(config.seed, workers=True, verbose=False)
    objects = build_objects(config, plain, callbacks=[RecordProgress(record)])
    record.update(devices=devices_of(objects.trainer))
    log_hyperparameters(objects, plain)

    metrics: dict[str, float] = {}
    if config.get("train", True):
        _fit(objects, config)
        record.update(**progress(objects.trainer))
        metrics |= plain_metrics(objects.trainer.callback_metrics)
    if config.get("test"):
        _test(objects, config)
        metrics |= plain_metrics(objects.trainer.callback_metrics)
    return metrics


def _fit(objects: Objects, config: DictConfig) -> None:
    from hydra_lightning.training.checkpoint_io import check_checkpoint

    weights_only = config.get("weights_only")
    if config.get("ckpt_path"):
        check_checkpoint(config.ckpt_path, objects.model, weights_only=weights_only)
    objects.trainer.fit(
        objects.model,
        datamodule=objects.datamodule,
        ckpt_path=config.get("ckpt_path"),
        weights_only=weights_only,
    )


def _test(objects: Objects, config: DictConfig) -> None:
    """Test with the best checkpoint of this training; without one, with ``ckpt_path`` or the weights as they are."""
    best = (
        getattr(objects.trainer.checkpoint_callback, "best_model_path", "")
        if config.get("train", True)
        else ""
    )
    checkpoint = best or (None if config.get("train", True) else config.get("ckpt_path"))
    if checkpoint is None:
        log.warning("No checkpoint was written: testing with the weights as they are now.")
    objects.trainer.test(objects.model, datamodule=objects.datamodule, ckpt_path=checkpoint)


def devices_of(trainer: Any) -> dict[str, Any]:
    """What the trainer runs on: accelerator, number of processes, and the names of GPUs."""
    import torch

    accelerator = type(trainer.accelerator).__name__.removesuffix("Accelerator").lower()
    names = (
        [torch.cuda.get_device_name(index) for index in trainer.device_ids] if accelerator == "cuda" else []
    )
    return {"accelerator": accelerator, "world_size": trainer.world_size, "names": names}


def _optimized(metrics: Mapping[str, float], name: str | None) -> float | None:
    if not name:
        return None
    if name not in metrics:
        known = ", ".join(metrics) or "none"
        raise ConfigError(
            f"optimized_metric: nothing logged {name!r}.{nearest(name, metrics)}\nLogged: {known}"
        )
    return metrics[name]
