"""Training: what happens in a run, from top to bottom."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError
from hydra_lightning.runs.folder import is_run_id
from hydra_lightning.runs.record import RunRecord
from hydra_lightning.runs.resume import POINT
from hydra_lightning.tasks.resume import resumed_folder, resumed_run_of
from hydra_lightning.tasks.run import run_of
from hydra_lightning.tasks.summary import print_end

if TYPE_CHECKING:
    from hydra_lightning.tasks.objects import Objects

log = logging.getLogger(__name__)


def train(config: DictConfig) -> float | None:
    """Validate first where it is asked for, train, test with the best checkpoint, and record it all in a run folder.

    Reads of ``config`` the groups data, model, callbacks, logger, trainer, paths, extras, and the keys
    ``train``, ``validate`` (before training), ``test``, ``ckpt_path`` (start from it), ``weights_only`` (false loads a
    checkpoint that holds Python objects), ``seed``, ``optimized_metric`` and ``resume`` (a run that goes on in its
    folder, with its saved config: an id, a unique part of one, ``@last``, ``@best:METRIC`` or a
    folder).

    Returns:
        the value of ``optimized_metric`` after training and testing; None when that key is empty.

    Raises:
        HydraLightningError: a mistake that the user can mend; the message names file, key or path.
        Exception: what the model, the data or the trainer raise. The run is then recorded as failed.
    """
    folder = resumed_folder(config)
    with resumed_run_of(config, folder) if folder else run_of(config) as (record, config, plain):
        metrics = _run(record, config, plain)
        value = _optimized(metrics, config)
        record.update(metrics=metrics)
    print_end(record, then=_next(record))
    return value


def _run(record: RunRecord, config: DictConfig, plain: Mapping[str, Any]) -> dict[str, float]:
    from hydra_lightning.tasks.objects import begin
    from hydra_lightning.tasks.stages import run_stage
    from hydra_lightning.training.recording import RecordProgress, plain_metrics, progress
    from hydra_lightning.training.resume import make_resumable

    objects = begin(record, config, plain, callbacks=[RecordProgress(record)])
    checkpoint = config.get("resume") or config.get("ckpt_path")
    start = functools.partial(_start, record, plain, objects, checkpoint)
    make_resumable(objects.trainer, record.folder / POINT, start)
    metrics: dict[str, float] = {}
    if config.get("train", True):
        if config.get("validate") and checkpoint is None:
            start()
            run_stage(objects, "validate", None)
        try:
            run_stage(objects, "fit", checkpoint, config.get("weights_only"))
        finally:
            record.update(**progress(objects.trainer))
        metrics |= plain_metrics(objects.trainer.callback_metrics)
    if config.get("test"):
        start()
        run_stage(objects, "test", _best_checkpoint(objects, config), config.get("weights_only"))
        metrics |= plain_metrics(objects.trainer.callback_metrics)
    return metrics


def _start(record: RunRecord, plain: Mapping[str, Any], objects: Objects, checkpoint: str | None) -> None:
    """Everything is loaded. A run that was killed before its first checkpoint begins again, with no metrics."""
    from hydra_lightning.training.csv_logger import CSVLogger

    record.start(plain)
    if checkpoint is None and len(record.data.get("attempts", ())) > 1:
        for logger in objects.loggers:
            if isinstance(logger, CSVLogger):
                logger.load_state_dict({"columns": [], "rows": 0, "last": []})


def _next(record: RunRecord) -> str:
    """What to type next; nothing where the folder has a name that does not tell one run from all others."""
    return f"next: eval.py run={record.folder.name}" if is_run_id(record.folder.name) else ""


def _best_checkpoint(objects: Objects, config: DictConfig) -> str | None:
    """The best checkpoint of this training; without training, ``ckpt_path``."""
    if not config.get("train", True):
        return str(config.ckpt_path) if config.get("ckpt_path") else None
    best: str = getattr(objects.trainer.checkpoint_callback, "best_model_path", "")
    if not best:
        log.warning("No checkpoint was written: testing with the weights as they are now.")
    return best or None


def _optimized(metrics: Mapping[str, float], config: DictConfig) -> float | None:
    name = config.get("optimized_metric")
    if not name:
        return None
    if name in metrics:
        return metrics[name]
    if not config.get("train", True):
        log.warning("optimized_metric: %s is logged by training, and there was none (train=false).", name)
        return None
    known = ", ".join(metrics) or "none"
    raise ConfigError(f"optimized_metric: nothing logged {name!r}.{nearest(name, metrics)}\nLogged: {known}")
