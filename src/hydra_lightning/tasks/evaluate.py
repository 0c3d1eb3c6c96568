"""Evaluation of a checkpoint: test, validate or predict, recorded as a run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError
from hydra_lightning.runs.files import CONFIG_FILE
from hydra_lightning.runs.record import RunRecord
from hydra_lightning.runs.store import find_run
from hydra_lightning.tasks.run import run_of
from hydra_lightning.tasks.saved import best_checkpoint, on_saved_config
from hydra_lightning.tasks.summary import print_end

MODES = ("test", "validate", "predict")


def evaluate(config: DictConfig) -> dict[str, float]:
    """Evaluate a checkpoint and record the metrics, or the predictions, in a run folder.

    Reads of ``config`` what `train` reads, and: ``run`` (an id, a unique part of one, ``@last``, ``@best:METRIC`` or a
    folder: its saved config and best checkpoint), ``ckpt_path`` (wins over the run's best), ``mode`` (``test``,
    ``validate`` or ``predict``) and ``predictions`` (``parquet`` or ``safetensors``).

    Returns:
        the metrics, by name; empty after ``mode=predict``.

    Raises:
        HydraLightningError: a mistake that the user can mend; the message names file, key or path.
    """
    mode = config.get("mode", "test")
    if mode not in MODES:
        raise ConfigError(f"mode: {mode!r} is none of {', '.join(MODES)}.{nearest(str(mode), MODES)}")
    config, saved = _with_checkpoint(config)
    with run_of(config, saved) as (record, config, plain):
        metrics = _run(record, config, plain, mode)
        record.update(metrics=metrics)
    predicted = f"predictions.{config.get('predictions', 'parquet')}" if mode == "predict" else ""
    print_end(record, then=predicted)
    return metrics


def _with_checkpoint(config: DictConfig) -> tuple[DictConfig, Path | None]:
    """``config`` with ``ckpt_path`` set; on top of the saved config, and that file, when ``run`` names one."""
    config = config.copy()
    saved: Path | None = None
    reference = config.get("run")
    with open_dict(config):
        if reference:
            folder = find_run(str(reference), Path(config.paths.log_dir), with_checkpoint=True)
            config = on_saved_config(config, folder)
            saved = folder / CONFIG_FILE
            config.ckpt_path = config.get("ckpt_path") or str(best_checkpoint(folder))
        if not config.get("callbacks"):
            config.trainer.enable_checkpointing = False
        if not config.get("ckpt_path"):
            add = "" if "run" in config else "+"
            raise ConfigError(
                f"Nothing to evaluate: give {add}run=ID (a run's id, folder, @last or @best:METRIC) or ckpt_path=FILE."
            )
    return config, saved


def _run(record: RunRecord, config: DictConfig, plain: Mapping[str, Any], mode: str) -> dict[str, float]:
    from hydra_lightning.tasks.objects import begin
    from hydra_lightning.tasks.predictions import prediction_writer
    from hydra_lightning.tasks.stages import run_stage
    from hydra_lightning.training.recording import plain_metrics

    predicting = mode == "predict"
    writers = [prediction_writer(record.folder, config.get("predictions", "parquet"))] if predicting else []
    objects = begin(record, config, plain, callbacks=writers)
    options = {"return_predictions": False} if predicting else {}
    run_stage(objects, mode, config.ckpt_path, config.get("weights_only"), **options)
    return {} if predicting else plain_metrics(objects.trainer.callback_metrics)
