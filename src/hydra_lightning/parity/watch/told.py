"""The numbers that a program tells, and those that a LightningModule logs."""

from __future__ import annotations

import builtins
import importlib
import logging
import numbers
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from hydra_lightning.parity.recorder import Recorder
from hydra_lightning.parity.watch.around import around

NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+|nan|inf)(?:e[-+]?\d+)?%?(?!\w|\.\w)",
    re.I,
)
# Where libraries keep the method that is told numbers, and the place and the name of them in its arguments.
LOGGERS = {
    "torch.utils.tensorboard.writer": ("SummaryWriter", "add_scalar", 2, "scalar_value"),
    "tensorboardX.writer": ("SummaryWriter", "add_scalar", 2, "scalar_value"),
    "wandb.sdk.wandb_run": ("Run", "log", 1, "data"),
    "accelerate.accelerator": ("Accelerator", "log", 1, "values"),
}


def watch_told(recorder: Recorder) -> Callable[[], None]:
    """Note the numbers that are printed or given to a logger; returns what to call when a library was imported."""
    around(builtins, "print", lambda *args, **kwargs: recorder.told(numbers_in(" ".join(map(str, args)))))
    around(logging.Logger, "_log", lambda self, level, text, args, **kwargs: _logged(recorder, text, args))
    waiting = dict(LOGGERS)
    bars = [True]

    def imported() -> None:
        for module in [each for each in waiting if each in sys.modules]:
            name, method, place, argument = waiting.pop(module)
            _watch_logger(recorder, getattr(sys.modules[module], name), method, place, argument)
        if bars and "tqdm.std" in sys.modules:
            bars.clear()
            tqdm = sys.modules["tqdm.std"].tqdm
            around(tqdm, "write", lambda text, *args, **kwargs: recorder.told(numbers_in(text)))

    imported()
    return imported


def _watch_logger(recorder: Recorder, owner: type, method: str, place: int, name: str) -> None:
    def note(*args: Any, **kwargs: Any) -> None:
        value = args[place] if len(args) > place else kwargs.get(name)
        recorder.told([repr(each) for each in _numbers(value)])

    around(owner, method, note)


def watch_metrics(recorder: Recorder) -> None:
    """Note what every LightningModule logs in its training, and the metrics of each evaluation."""
    lightning = importlib.import_module("lightning.pytorch")

    class Metrics(lightning.Callback):  # type: ignore[misc, name-defined]
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if not trainer.sanity_checking:
                recorder.metrics(dict(trainer.callback_metrics))

        on_test_end = on_validation_end

    original = lightning.Trainer.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.callbacks.append(Metrics())

    def logged(self: Any, name: str, value: Any, *args: Any, **kwargs: Any) -> None:
        if self.trainer.training:
            recorder.metrics({name: value})

    lightning.Trainer.__init__ = init
    around(lightning.LightningModule, "log", logged)


def numbers_in(text: str) -> list[str]:
    """``["0.52", "97%"]`` of ``loss 0.52, acc 97%``."""
    return [each.replace(",", "") for each in NUMBER.findall(str(text))]


def _logged(recorder: Recorder, text: Any, args: Any) -> None:
    values = args[0] if len(args) == 1 and isinstance(args[0], Mapping) else args
    recorder.told(numbers_in(str(text) % values if args else text))


def _numbers(value: Any) -> Iterator[float]:
    """Those in what a logger is given, the dicts in it too."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _numbers(each)
    elif isinstance(value, numbers.Real) or (torch.is_tensor(value) and value.numel() == 1):
        yield float(value)
