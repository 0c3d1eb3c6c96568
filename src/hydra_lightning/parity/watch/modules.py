"""What models are made of, are given and give, in which mode, and the losses of evaluations."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn

from hydra_lightning.parity.checksums import of_tensors
from hydra_lightning.parity.recorder import Recorder

LOSSES = (
    *("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "poisson_nll_loss"),
)


def watch_modules(recorder: Recorder) -> None:
    called = nn.Module.__call__
    depth = [0]
    transparent: dict[type, bool] = {}

    @functools.wraps(called)
    def call(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if depth[0]:
            return called(self, *args, **kwargs)
        cls = type(self)
        if cls not in transparent:
            transparent[cls] = _is_of_lightning(self)
        if transparent[cls] or not (recorder.described(self) or any(True for _ in self.parameters())):
            return called(self, *args, **kwargs)
        return _outermost(recorder, self, called, depth, args, kwargs)

    nn.Module.__call__ = call  # type: ignore[method-assign]
    train = nn.Module.train
    load = nn.Module.load_state_dict
    switching = [False]

    @functools.wraps(train)
    def switch(self: nn.Module, mode: bool = True) -> Any:
        if switching[0] or depth[0] or transparent.get(type(self)):
            return train(self, mode)
        switching[0] = True
        try:
            if recorder.described(self):
                recorder.event("mode", recorder.name(self, "module"), train=mode)
            return train(self, mode)
        finally:
            switching[0] = False

    @functools.wraps(load)
    def restore(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        recorder.keep_weights()
        recorder.event("restore")
        return load(self, *args, **kwargs)

    nn.Module.train = switch  # type: ignore[method-assign]
    nn.Module.load_state_dict = restore  # type: ignore[method-assign]


def _outermost(
    recorder: Recorder,
    module: nn.Module,
    called: Callable[..., Any],
    depth: list[int],
    args: Any,
    kwargs: dict[str, Any],
) -> Any:
    grad = torch.is_grad_enabled()
    name = recorder.name(module, "module")
    recorder.modules[id(module)] = module
    if grad:
        recorder.forward()
    facts: dict[str, Any] = {"train": module.training, "grad": grad, "batch": of_tensors((args, kwargs))}
    if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
        facts["autocast"] = True
    depth[0] += 1
    try:
        output = called(module, *args, **kwargs)
    finally:
        depth[0] -= 1
    if not grad or not facts["train"]:
        facts["output"] = of_tensors(output)
    recorder.event("forward", name, **facts)
    return output


def _is_of_lightning(module: nn.Module) -> bool:
    """A LightningModule or a wrapper of one: what it calls is what an original would call."""
    return any(
        cls.__module__.split(".")[0] in ("lightning", "pytorch_lightning") for cls in type(module).__mro__
    )


def watch_made(recorder: Recorder) -> None:
    """Note the arguments of models, as a config cannot hold what they are computed of."""
    original = nn.Module.__init__

    @functools.wraps(original)
    def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        frame: FrameType | None = sys._getframe(1)
        inits: list[FrameType] = []
        while frame is not None and frame.f_code.co_name == "__init__":
            inits.append(frame)
            frame = frame.f_back
        if inits and inits[-1].f_locals.get("self") is self:
            recorder.built(type(self).__name__, inits[-1])

    nn.Module.__init__ = init  # type: ignore[method-assign]


def watch_losses(recorder: Recorder) -> None:
    functional = nn.functional
    for name in LOSSES:
        original = getattr(functional, name)

        @functools.wraps(original)
        def loss(*args: Any, _original: Any = original, _name: str = name, **kwargs: Any) -> Any:
            value = _original(*args, **kwargs)
            if not torch.is_grad_enabled() and isinstance(value, torch.Tensor):
                exact = float(value).hex() if value.numel() == 1 else f"crc {of_tensors(value)}"
                recorder.event("loss", value=exact, function=_name)
            return value

        setattr(functional, name, loss)
