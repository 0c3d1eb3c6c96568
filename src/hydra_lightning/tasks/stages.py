"""One stage of the trainer (fit, validate, test, predict), with the mistakes that Lightning meets on the way told."""

from __future__ import annotations

from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException

from hydra_lightning.errors import ConfigError
from hydra_lightning.tasks.objects import Objects
from hydra_lightning.training.checkpoint_io import check_checkpoint, explained_load_errors


def run_stage(
    objects: Objects, stage: str, ckpt_path: str | None, weights_only: bool | None = None, **options: Any
) -> None:
    """Call ``trainer.fit`` or the like, from ``ckpt_path`` if there is one.

    Args:
        objects: what to run.
        stage: the trainer's method: ``fit``, ``validate``, ``test`` or ``predict``.
        ckpt_path: a checkpoint to start from.
        weights_only: False loads a checkpoint that holds Python objects.
        options: more arguments of that method.

    Raises:
        CheckpointError: the checkpoint is missing, corrupt, or of another model.
        ConfigError: settings that do not go together, or a monitor that nothing logs.
    """
    if ckpt_path is not None:
        check_checkpoint(ckpt_path, objects.model, weights_only=weights_only)
    run = getattr(objects.trainer, stage)
    try:
        with explained_load_errors(ckpt_path, objects.model):
            run(
                objects.model,
                datamodule=objects.datamodule,
                ckpt_path=ckpt_path,
                weights_only=weights_only,
                **options,
            )
    except MisconfigurationException as error:
        raise ConfigError(str(error)) from error
    except RuntimeError as error:
        if not str(error).startswith("Early stopping conditioned on metric"):
            raise
        raise ConfigError(str(error)) from error
