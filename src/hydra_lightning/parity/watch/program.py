"""What a program does beside its training: seeds, files, options, input, processes."""

from __future__ import annotations

import argparse
import builtins
import functools
import os
import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch

from hydra_lightning.parity.recorder import Recorder
from hydra_lightning.parity.tape import PLAIN
from hydra_lightning.parity.watch.around import around


class AskedForInputError(Exception):
    """The program wants to be typed to."""


def watch_seeds(recorder: Recorder) -> None:
    def seeded(what: str) -> Callable[..., None]:
        def note(*args: Any, **kwargs: Any) -> None:
            values = [value for value in [*args, *kwargs.values()] if isinstance(value, PLAIN)]
            recorder.event("seed", function=what, values=values)

        return note

    around(torch, "manual_seed", seeded("torch.manual_seed"))
    around(random, "seed", seeded("random.seed"))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        around(numpy.random, "seed", seeded("numpy.random.seed"))


def watch_files(recorder: Recorder) -> None:
    around(torch, "save", lambda *args, **kwargs: recorder.event("save"))
    around(torch, "load", lambda *args, **kwargs: recorder.event("load"))


def watch_input() -> None:
    def asked(*args: Any) -> str:
        raise AskedForInputError(*args)

    builtins.input = asked


def watch_arguments(recorder: Recorder) -> None:
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


def watch_processes(recorder: Recorder) -> None:
    """Note where the program starts processes of its own, in which nothing is recorded; loaders have workers."""
    from multiprocessing.process import BaseProcess

    def started(*args: Any) -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_globals.get("__name__", "").startswith("torch.utils.data"):
                return
            frame = frame.f_back
        recorder.tape.processes.append(recorder.site())

    around(BaseProcess, "start", started)
    around(os, "fork", started)
