"""Calls that are noted before they are made."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def around(owner: Any, name: str, before: Callable[..., None]) -> None:
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

    is_bound = inspect.ismethod(original)
    setattr(owner, name, staticmethod(call) if is_bound else call)
