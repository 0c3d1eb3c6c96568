"""What differs between two configs, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Differences:
    """Values by their path of keys; of a mapping that is on one side only, the whole."""

    changed: dict[Path, tuple[Any, Any]] = field(default_factory=dict)
    added: dict[Path, Any] = field(default_factory=dict)
    removed: dict[Path, Any] = field(default_factory=dict)

    def keys(self) -> list[str]:
        return [dotted(path) for path in (*self.changed, *self.added, *self.removed)]


def differences(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Differences:
    """What changes from ``before`` to ``after``, both plain containers; ``1``, ``1.0`` and ``true`` differ."""
    found = Differences()
    _compare(before, after, (), found)
    return found


def _compare(before: Mapping[Any, Any], after: Mapping[Any, Any], above: Path, found: Differences) -> None:
    for key, new in after.items():
        path = (*above, key)
        if key not in before:
            found.added[path] = new
        elif isinstance(new, Mapping) and isinstance(before[key], Mapping):
            _compare(before[key], new, path, found)
        elif not same(before[key], new):
            found.changed[path] = (before[key], new)
    found.removed.update({(*above, key): old for key, old in before.items() if key not in after})


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The leaves of a config with their paths, in its order."""
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path, value


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal and of one type, in all depths; NaN is the same as NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))


def dotted(path: Path) -> str:
    return ".".join(str(key) for key in path)
