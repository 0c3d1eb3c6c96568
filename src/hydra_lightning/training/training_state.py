"""What a training is in the middle of, beside what a checkpoint of Lightning holds: captured, and put back."""

from __future__ import annotations

import builtins
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer import call
from lightning.pytorch.trainer.connectors.logger_connector.result import _Metadata, _ResultMetric, _Sync
from torchmetrics import Metric

from hydra_lightning.training.random_state import random_state, set_random_state
from hydra_lightning.training.resumable_loader import (
    ResumableLoader,
    generator_states,
    set_generator_states,
)

State = dict[str, Any]

CONNECTOR = (
    "_callback_metrics",
    "_logged_metrics",
    "_progress_bar_metrics",
    "_first_loop_iter",
    "_current_fx",
)
CHECKPOINT = ("_last_global_step_saved", "_last_checkpoint_saved", "_defer_save_until_validation")
METADATA = (
    *("fx", "name", "prog_bar", "logger", "on_step", "on_epoch"),
    *("enable_graph", "add_dataloader_idx", "dataloader_idx", "metric_attribute"),
)


def capture(trainer: Trainer) -> State:
    """The state of this process between two batches, as plain data that shares memory with what it describes."""
    fetcher = trainer.fit_loop._data_fetcher
    ahead = len(getattr(fetcher, "batches", ()))
    return {
        "loaders": [_place(each, ahead) for each in _loaders(trainer.fit_loop)],
        "evaluation": [
            {"generators": generator_states(each), "alive": getattr(each, "_iterator", None) is not None}
            for each in _loaders(trainer.fit_loop.epoch_loop.val_loop)
        ],
        "metrics": {name: _metric_state(metric) for name, metric in _metrics(trainer)},
        "results": [_result_state(key, each) for key, each in trainer.fit_loop.epoch_loop._results.items()],
        "connector": {name: _copy(getattr(trainer._logger_connector, name)) for name in CONNECTOR},
        "checkpoints": [{name: getattr(each, name) for name in CHECKPOINT} for each in _checkpoints(trainer)],
        "gradients": _gradients(trainer),
        "random": random_state(trainer.strategy.root_device),
    }


def put_back(trainer: Trainer, state: State, callbacks: dict[str, Any], fetch: bool) -> None:
    """Bring this process to the state that ``capture`` described.

    Args:
        trainer: one that has restored the checkpoint, and run the hooks at the start of training and of the epoch.
        state: what ``capture`` gave.
        callbacks: their states in the checkpoint, once more: those hooks may have changed what was restored.
        fetch: begin to fetch the data at the place in the epoch.
    """
    call._call_callbacks_load_state_dict(trainer, {"callbacks": callbacks})
    for loader, saved in zip(
        _loaders(trainer.fit_loop.epoch_loop.val_loop), state["evaluation"], strict=False
    ):
        if saved["alive"]:
            # Workers that live on draw a random number when they are started, which happened before.
            iter(loader)
        set_generator_states(loader, saved["generators"])
    if fetch:
        for loader, place in zip(_loaders(trainer.fit_loop), state["loaders"], strict=True):
            loader.go_to(place) if isinstance(loader, ResumableLoader) else loader.load_state_dict(place)
        assert trainer.fit_loop._data_fetcher is not None
        iter(trainer.fit_loop._data_fetcher)
    metrics = dict(_metrics(trainer))
    for name, saved in state["metrics"].items():
        _set_metric(metrics[name], saved)
    results = trainer.fit_loop.epoch_loop._results
    results.clear()
    for saved in state["results"]:
        results[saved["key"]] = _result(trainer, saved)
    for name, value in state["connector"].items():
        setattr(trainer._logger_connector, name, value)
    for callback, saved in zip(_checkpoints(trainer), state["checkpoints"], strict=False):
        for name, value in saved.items():
            setattr(callback, name, value)
    for name, parameter in trainer.lightning_module.named_parameters():
        gradient = state["gradients"].get(name)
        parameter.grad = None if gradient is None else gradient.to(parameter.device)
    set_random_state(state["random"], trainer.strategy.root_device)


def _loaders(loop: Any) -> list[Any]:
    return [] if loop._combined_loader is None else list(loop._combined_loader.flattened)


def _place(loader: Any, ahead: int) -> State:
    return loader.place(ahead) if isinstance(loader, ResumableLoader) else loader.state_dict()


def _checkpoints(trainer: Trainer) -> list[ModelCheckpoint]:
    return [each for each in trainer.checkpoint_callbacks if isinstance(each, ModelCheckpoint)]


def _gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Those that a module of manual optimization may still add to; automatic optimization begins with none."""
    module = trainer.lightning_module
    if module.automatic_optimization:
        return {}
    return {name: each.grad for name, each in module.named_parameters() if each.grad is not None}


def _metrics(trainer: Trainer) -> list[tuple[str, Metric]]:
    named = trainer.lightning_module.named_modules()
    return [(name, each) for name, each in named if isinstance(each, Metric)]


def _metric_state(metric: Metric) -> State:
    return {
        "values": {name: _copy(getattr(metric, name)) for name in metric._defaults},
        "updates": metric._update_count,
        "computed": _tensor_or_none(metric._computed),
    }


def _set_metric(metric: Metric, state: State) -> None:
    for name, value in state["values"].items():
        setattr(metric, name, _on(metric.device, value))
    metric._update_count = state["updates"]
    metric._computed = _on(metric.device, state["computed"])


def _result_state(key: str, result: _ResultMetric) -> State:
    reduction = result.meta.reduce_fx
    return {
        "key": key,
        "meta": {name: getattr(result.meta, name) for name in METADATA},
        "reduction": reduction.__name__,
        "builtin": reduction is getattr(builtins, reduction.__name__, None),
        "sync": result.meta.sync.should,
        "rank_zero_only": result.meta.sync.rank_zero_only,
        "is_tensor": result.is_tensor,
        "has_reset": result.has_reset,
        "cache": _tensor_or_none(result._forward_cache),
        **_metric_state(result),
    }


def _result(trainer: Trainer, state: State) -> _ResultMetric:
    """A logged value as Lightning keeps it until the end of the epoch."""
    reduction = getattr(builtins if state["builtin"] else torch, state["reduction"])
    meta = _Metadata(**state["meta"], reduce_fx=reduction)
    meta.sync = _Sync(
        fn=trainer.strategy.reduce, _should=state["sync"], rank_zero_only=state["rank_zero_only"]
    )
    result = _ResultMetric(meta, state["is_tensor"])
    result.to(trainer.strategy.root_device)
    if not state["is_tensor"]:
        result.value = trainer.lightning_module.get_submodule(state["meta"]["metric_attribute"])
    _set_metric(result, state)
    result.has_reset = state["has_reset"]
    result._forward_cache = _on(trainer.strategy.root_device, state["cache"])
    return result


def _copy(value: Any) -> Any:
    """``value`` with containers of its own: saving must not meet one that changes, and tensors are never changed."""
    if isinstance(value, dict):
        return dict(value)
    return list(value) if isinstance(value, list) else value


def _tensor_or_none(value: Any) -> Any:
    return value if isinstance(value, torch.Tensor) else None


def _on(device: torch.device, value: Any) -> Any:
    if isinstance(value, list):
        return [_on(device, each) for each in value]
    return value.to(device) if isinstance(value, torch.Tensor) else value
