"""Tells a recorder of every call in torch that makes one training another."""

from __future__ import annotations

import argparse
import builtins
import functools
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook
from torch.utils.data import DataLoader, IterableDataset

from hydra_lightning.parity.checksums import gradient_norm, of_random_state, of_tensors
from hydra_lightning.parity.imports import imports_that_draw_nothing
from hydra_lightning.parity.recorder import Recorder

LOSSES = (
    *("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "poisson_nll_loss"),
)
PLAIN = (bool, int, float, str, type(None))


def watch(recorder: Recorder) -> None:
    """Patch torch, and what else a training calls, in this process; there is no way back."""
    imports_that_draw_nothing(recorder.tape.root)
    _backward(recorder)
    _optimizers(recorder)
    _schedulers(recorder)
    _loaders(recorder)
    _modules(recorder)
    _built(recorder)
    _losses(recorder)
    _clipping(recorder)
    _seeds(recorder)
    _files(recorder)
    _input()
    _arguments(recorder)
    _processes(recorder)


def _around(owner: Any, name: str, before: Callable[..., None]) -> None:
    """Call ``before`` with the arguments of each call of ``owner.name`` that is not made by another such call."""
    original = getattr(owner, name)
    inside = [False]

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if inside[0]:
            return original(*args, **kwargs)
        inside[0] = True
        try:
            before(*args, **kwargs)
            return original(*args, **kwargs)
        finally:
            inside[0] = False

    setattr(owner, name, call)


def _backward(recorder: Recorder) -> None:
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
    _around(torch.autograd, "grad", lambda *args, **kwargs: recorder.event("grad"))


def _optimizers(recorder: Recorder) -> None:
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

    def stepped(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        groups = optimizer.param_groups
        # Groups that are trained alike are one: how parameters are grouped is no part of the training.
        rates: Counter[float] = Counter()
        for group in groups:
            rates[float(group.get("lr", 0))] += sum(each.numel() for each in group["params"])
        norm = gradient_norm(each for group in groups for each in group["params"])
        closure = len(args) > 1 or kwargs.get("closure") is not None
        recorder.event(
            "step",
            recorder.name(optimizer, "optimizer"),
            lr=[rate.hex() for rate in sorted(rates)],
            sizes=[rates[rate] for rate in sorted(rates)],
            gradient=norm.hex(),
            closure=closure,
        )

    register_optimizer_step_post_hook(stepped)
    for owner, kind in ((Optimizer, "optimizer"), (nn.Module, "module")):
        _around(owner, "zero_grad", lambda self, *args, _kind=kind, **kwargs: _zero(recorder, self, _kind))


def _zero(recorder: Recorder, thing: Any, kind: str) -> None:
    recorder.event("zero", recorder.name(thing, kind))


def _schedulers(recorder: Recorder) -> None:
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


def _loaders(recorder: Recorder) -> None:
    from torch.utils.data import dataloader

    made = DataLoader.__init__
    iterated = DataLoader.__iter__

    @functools.wraps(made)
    def init(self: DataLoader[Any], *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        dataset = type(self.dataset)
        recorder.name(
            self,
            "loader",
            batch_size=self.batch_size,
            workers=self.num_workers,
            sampler=type(self.sampler).__name__,
            drop_last=self.drop_last,
            generator=self.generator is not None,
            sized=hasattr(self.dataset, "__len__") or not isinstance(self.dataset, IterableDataset),
            dataset=f"{dataset.__module__}.{dataset.__qualname__}",
        )

    @functools.wraps(iterated)
    def iterate(self: DataLoader[Any]) -> Any:
        name = recorder.name(self, "loader")
        recorder.next_pass(_kind_of(self, recorder, name))
        recorder.event("iter", name)
        iterator = iterated(self)
        iterator._recorded_as = name  # type: ignore[attr-defined]
        return iterator

    DataLoader.__init__ = init  # type: ignore[method-assign]
    DataLoader.__iter__ = iterate  # type: ignore[method-assign]
    base = dataloader._BaseDataLoaderIter
    following = base.__next__

    @functools.wraps(following)
    def give(self: Any) -> Any:
        name = getattr(self, "_recorded_as", "")
        self._given = given = getattr(self, "_given", 0) + 1
        # The first batch is drawn, too, where it is shuffled.
        state = of_random_state() if 1 < given < 5 else None
        batch = following(self)
        if state is not None and state != of_random_state():
            recorder.tape.objects[name]["draws"] = True
        # What is fetched without gradients is evaluated, and a backward may follow it on a batch fetched before.
        if torch.is_grad_enabled():
            recorder.fetched()
            if name != recorder.loader:
                recorder.loader = name
                recorder.loader_kind = _kind_of(recorder.kept(name), recorder, name)
        return batch

    base.__next__ = give  # type: ignore[method-assign]
    for cls in (dataloader._SingleProcessDataLoaderIter, dataloader._MultiProcessingDataLoaderIter):
        if "__next__" in vars(cls):
            cls.__next__ = give  # type: ignore[method-assign]


def _kind_of(loader: DataLoader[Any], recorder: Recorder, name: str) -> str:
    """What loaders have in common that a program makes anew for each epoch."""
    facts = recorder.tape.objects[name]
    size = len(loader.dataset) if hasattr(loader.dataset, "__len__") else 0
    return f"{facts['site']} {facts['sampler']} {facts['batch_size']} {size}"


def _is_of_lightning(module: nn.Module) -> bool:
    """A LightningModule or a wrapper of one: what it calls is what an original would call."""
    return any(
        cls.__module__.split(".")[0] in ("lightning", "pytorch_lightning") for cls in type(module).__mro__
    )


def _modules(recorder: Recorder) -> None:
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
        if transparent[cls] or next(self.parameters(), None) is None:
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


def _built(recorder: Recorder) -> None:
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


def _losses(recorder: Recorder) -> None:
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


def _clipping(recorder: Recorder) -> None:
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


def _seeds(recorder: Recorder) -> None:
    def seeded(what: str) -> Callable[..., None]:
        def note(*args: Any, **kwargs: Any) -> None:
            values = [value for value in [*args, *kwargs.values()] if isinstance(value, PLAIN)]
            recorder.event("seed", function=what, values=values)

        return note

    _around(torch, "manual_seed", seeded("torch.manual_seed"))
    _around(random, "seed", seeded("random.seed"))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        _around(numpy.random, "seed", seeded("numpy.random.seed"))


def _files(recorder: Recorder) -> None:
    _around(torch, "save", lambda *args, **kwargs: recorder.event("save"))
    _around(torch, "load", lambda *args, **kwargs: recorder.event("load"))


class AskedForInputError(Exception):
    """The program wants to be typed to."""


def _input() -> None:
    def asked(*args: Any) -> str:
        raise AskedForInputError(*args)

    builtins.input = asked


def _arguments(recorder: Recorder) -> None:
    original = argparse.ArgumentParser.parse_known_args

    @functools.wraps(original)
    def parse(self: argparse.ArgumentParser, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        values = vars(result[0])
        recorder.tape.arguments.append(
            {
                "site": recorder.site(),
                "options": [
                    {
                        "name": action.dest,
                        "flags": list(action.option_strings),
                        "default": _plain(action.default),
                        "value": _plain(values.get(action.dest)),
                        "type": getattr(action.type, "__name__", None),
                        "choices": None
                        if action.choices is None
                        else [_plain(each) for each in action.choices],
                        "help": action.help if isinstance(action.help, str) else None,
                    }
                    for action in self._actions
                    if action.dest != "help"
                ],
            }
        )
        return result

    argparse.ArgumentParser.parse_known_args = parse  # type: ignore[method-assign]


def _plain(value: Any) -> Any:
    if isinstance(value, PLAIN):
        return value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else repr(value)


def _processes(recorder: Recorder) -> None:
    """Note where the program starts processes of its own, in which nothing is recorded; loaders have workers."""
    from multiprocessing.process import BaseProcess

    def started(*args: Any) -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_globals.get("__name__", "").startswith("torch.utils.data"):
                return
            frame = frame.f_back
        recorder.tape.processes.append(recorder.site())

    _around(BaseProcess, "start", started)
    _around(os, "fork", started)
