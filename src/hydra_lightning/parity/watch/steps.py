"""What a step does: backward, the optimizer, the schedule, clipping."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from hydra_lightning.parity.checksums import gradient_norm
from hydra_lightning.parity.recorder import Recorder
from hydra_lightning.parity.tape import PLAIN
from hydra_lightning.parity.watch.around import around


def watch_backward(recorder: Recorder) -> None:
    running = [False]

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(loss: Any, *args: Any, **kwargs: Any) -> Any:
            if running[0]:
                return original(loss, *args, **kwargs)
            recorder.backward(loss)
            running[0] = True
            try:
                return original(loss, *args, **kwargs)
            finally:
                running[0] = False

        return call

    torch.Tensor.backward = watched(torch.Tensor.backward)  # type: ignore[method-assign]
    torch.autograd.backward = watched(torch.autograd.backward)
    around(torch.autograd, "grad", lambda *args, **kwargs: recorder.event("grad"))


def watch_optimizers(recorder: Recorder) -> None:
    original = Optimizer.__init__

    @functools.wraps(original)
    def init(self: Optimizer, params: Any, defaults: dict[str, Any]) -> None:
        original(self, params, defaults)
        plain = {key: value for key, value in defaults.items() if isinstance(value, (*PLAIN, tuple))}
        groups = [
            {
                "parameters": len(group["params"]),
                "elements": sum(each.numel() for each in group["params"]),
                "options": {
                    key: value
                    for key, value in group.items()
                    if key != "params" and isinstance(value, PLAIN) and plain.get(key) != value
                },
            }
            for group in self.param_groups
        ]
        name = recorder.name(self, "optimizer", defaults=plain, groups=groups)
        recorder.event("optimizer", name)
        for group in self.param_groups:
            recorder.parameters |= {id(each): each for each in group["params"]}

    Optimizer.__init__ = init  # type: ignore[method-assign]

    elements: dict[tuple[str, int, int], int] = {}

    def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        groups = optimizer.param_groups
        name = recorder.name(optimizer, "optimizer")
        # Groups that are trained alike are one: how parameters are grouped is no part of the training.
        rates: Counter[float] = Counter()
        for number, group in enumerate(groups):
            place = (name, number, len(group["params"]))
            if place not in elements:
                elements[place] = sum(each.numel() for each in group["params"])
            rates[float(group.get("lr", 0))] += elements[place]
        norm = gradient_norm(each for group in groups for each in group["params"])
        closure = len(args) > 1 or kwargs.get("closure") is not None
        recorder.event(
            "step",
            name,
            lr=[rate.hex() for rate in sorted(rates)],
            sizes=[rates[rate] for rate in sorted(rates)],
            gradient=norm.hex(),
            closure=closure,
        )

    register_optimizer_step_post_hook(stepped)
    for owner, kind in ((Optimizer, "optimizer"), (nn.Module, "module")):
        around(owner, "zero_grad", lambda self, *args, _kind=kind, **kwargs: _zero(recorder, self, _kind))


def _zero(recorder: Recorder, thing: Any, kind: str) -> None:
    recorder.event("zero", recorder.name(thing, kind))


def watch_schedulers(recorder: Recorder) -> None:
    from torch.optim import lr_scheduler

    classes = [
        each for each in vars(lr_scheduler).values() if isinstance(each, type) and hasattr(each, "step")
    ]
    depth = [0]
    for cls in classes:
        if "step" in vars(cls):
            _schedule(recorder, cls, depth)
        if "__init__" in vars(cls):
            _scheduler(recorder, cls, depth)


def _schedule(recorder: Recorder, cls: Any, depth: list[int]) -> None:
    original = cls.step

    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        # A scheduler steps once when it is made, and some step others.
        if depth[0] == 0 and recorder.described(self):
            value = args[0] if args else kwargs.get("metrics")
            shown = {"metric": float(value).hex()} if isinstance(value, (int, float, torch.Tensor)) else {}
            recorder.event("schedule", recorder.name(self, "scheduler"), **shown)
        depth[0] += 1
        try:
            return original(self, *args, **kwargs)
        finally:
            depth[0] -= 1

    cls.step = step


def _scheduler(recorder: Recorder, cls: Any, depth: list[int]) -> None:
    original = cls.__init__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        depth[0] += 1
        try:
            original(self, *args, **kwargs)
        finally:
            depth[0] -= 1
        if depth[0] == 0 and not recorder.described(self):
            optimizer = getattr(self, "optimizer", None)
            # Accelerate wraps it.
            optimizer = getattr(optimizer, "optimizer", optimizer)
            known = recorder.name(optimizer, "optimizer") if isinstance(optimizer, Optimizer) else ""
            recorder.event("scheduler", recorder.name(self, "scheduler", optimizer=known))

    cls.__init__ = init


def watch_clipping(recorder: Recorder) -> None:
    from torch.nn.utils import clip_grad

    for name in ("clip_grad_norm_", "clip_grad_value_"):
        original = getattr(clip_grad, name)

        @functools.wraps(original)
        def clip(*args: Any, _original: Any = original, _name: str = name, **kwargs: Any) -> Any:
            limit: Any = args[1] if len(args) > 1 else kwargs.get("max_norm", kwargs.get("clip_value"))
            recorder.event("clip", function=_name, limit=float(limit))
            return _original(*args, **kwargs)

        for owner in (clip_grad, nn.utils):
            setattr(owner, name, clip)
