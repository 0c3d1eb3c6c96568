"""Mappings as JSON in which each key begins a line, so that one value is decoded without the others.

The keys of mappings in it begin lines too, behind a space, and nothing else does: JSON writes a line break in a
text as ``\\n``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

KEY = re.compile(r'\n"([^"\\]*(?:\\.[^"\\]*)*)":')
_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def to_lines(mapping: Mapping[str, Any]) -> str:
    """``mapping`` as text."""
    return "{" + ",".join(f"{_mark(key)}{_value(value)}" for key, value in mapping.items()) + "\n}"


def from_lines(text: str) -> dict[str, Any]:
    """The mapping that ``to_lines`` wrote."""
    mapping: dict[str, Any] = json.loads(text)
    return mapping


def in_lines(text: str, key: str, default: Any = None) -> Any:
    """The value of ``key`` in what ``to_lines`` wrote, or ``default``."""
    mark = _mark(key)
    at = text.find(mark)
    return default if at < 0 else _scan(text, at + len(mark))[0]


def keys_in_lines(text: str) -> list[str]:
    """The keys of what ``to_lines`` wrote, in their order."""
    return [json.loads(f'"{key}"') if "\\" in key else key for key in KEY.findall(text)]


def within_lines(text: str, key: str, name: str, default: Any = None) -> Any:
    """The value of ``name`` in the mapping that is the value of ``key``, or ``default``."""
    start = text.find(_mark(key))
    if start < 0:
        return default
    mark = _inner_mark(name)
    end = text.find('\n"', start + 1)
    at = text.find(mark, start, len(text) if end < 0 else end)
    return default if at < 0 else _scan(text, at + len(mark))[0]


def _value(value: Any) -> str:
    if isinstance(value, dict) and value:
        return "{" + ",".join(f"{_inner_mark(name)}{json.dumps(each)}" for name, each in value.items()) + "}"
    return json.dumps(value)


@lru_cache(maxsize=10_000)
def _mark(key: str) -> str:
    return f"\n{json.dumps(key)}:"


@lru_cache(maxsize=10_000)
def _inner_mark(key: str) -> str:
    return f"\n {json.dumps(key)}:"
