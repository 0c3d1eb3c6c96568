"""Importing a library must not change a training: several draw random numbers when they are imported."""

from __future__ import annotations

import builtins
import functools
import importlib
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from typing import Any

import torch


def imports_that_draw_nothing(root: str, after: Callable[[], None]) -> None:
    """Put the global generators back after every first import of a module that is not below ``root``; call ``after``.

    One program imports at its top, after the recorder has seeded; the other imports lazily, or seeds after its imports.
    """
    isolated, main = [False], threading.get_ident()

    def around(original: Callable[..., Any], absolute: Callable[..., str]) -> Callable[..., Any]:
        @functools.wraps(original)
        def load(name: str, *args: Any, **kwargs: Any) -> Any:
            # What another thread imports is no step of the training, and would take back what this one draws meanwhile.
            if threading.get_ident() != main or isolated[0]:
                return original(name, *args, **kwargs)
            module = absolute(name, *args, **kwargs)
            if module in sys.modules or _is_of_the_program(module, root):
                return original(name, *args, **kwargs)
            isolated[0] = True
            try:
                with _put_back():
                    loaded = original(name, *args, **kwargs)
                    after()
                    return loaded
            finally:
                isolated[0] = False

        return load

    builtins.__import__ = around(builtins.__import__, _in_statement)
    importlib.import_module = around(importlib.import_module, _in_call)


def _in_statement(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> str:
    """The module of an ``import``, which a relative one names from the package that it is in."""
    package = (globals or {}).get("__package__")
    return resolve_name("." * level + name, package) if level and package else name


def _in_call(name: str, package: str | None = None) -> str:
    return resolve_name(name, package) if package else name


def _is_of_the_program(name: str, root: str) -> bool:
    top = name.partition(".")[0]
    spec = PathFinder.find_spec(top)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec is not None else []
    return any(place.startswith(f"{root}/") and "/site-packages/" not in place for place in places)


@contextmanager
def _put_back() -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    numpy_state = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(python_state)
        torch.set_rng_state(torch_state)
        if numpy is not None:
            numpy.random.set_state(numpy_state)
