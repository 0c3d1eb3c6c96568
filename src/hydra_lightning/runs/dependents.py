"""Which settings of a run follow from others, by the interpolations of its composed config."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError

COMPOSED_FILE = ".hydra/config.yaml"
# The innermost ${key}, and the keys that a resolver is given in nested ones: ${mul:${seed},2}.
REFERENCE = re.compile(r"\$\{\s*(\.*[^${}:,\s]+)\s*\}")


def dependents(folder: Path, settings: Iterable[str], keys: Iterable[str]) -> set[str]:
    """Those of ``settings`` whose value was interpolated from one of ``keys``, directly or by way of others.

    A key stands for what is below it too. A run that no script started has no composed config, and so none.

    Raises:
        RunError: the composed config cannot be read.
    """
    found, known = set(keys), set(settings)
    references = list(_references(folder))
    size = -1
    while size != len(found):
        size = len(found)
        for source, target in references:
            for key in sorted(found):
                if _within(key, target):
                    found.add(source + key[len(target) :])
                elif target.startswith(f"{key}."):
                    found.add(source)
    # A setting is a whole list, so what stands in it counts for the list.
    return {name for name in known if any(_within(name, key) or _within(key, name) for key in found)}


def _within(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")


def _references(folder: Path) -> Iterator[tuple[str, str]]:
    """Each key of the composed config with a key that its value names."""
    import yaml

    file = folder / COMPOSED_FILE
    try:
        text = file.read_bytes()
        config = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        return
    except (OSError, yaml.YAMLError) as error:
        raise RunError(f"{file} cannot be read: {error}") from error
    for key, value in _texts(config, ()):
        for reference in REFERENCE.findall(value):
            yield ".".join(key), _absolute(reference, key)


def _texts(value: Any, key: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, (*key, str(name)))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, (*key, str(place)))
    elif isinstance(value, str) and "${" in value:
        yield key, value


def _absolute(reference: str, key: tuple[str, ...]) -> str:
    """``reference`` from the root; ``.x`` is beside ``key``, ``..x`` one level above."""
    name = reference.lstrip(".")
    dots = len(reference) - len(name)
    name = name.replace("[", ".").replace("]", "")
    return ".".join((*key[: len(key) - dots], name)) if dots else name
