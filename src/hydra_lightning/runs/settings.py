"""The settings of runs, out of their saved configs, and which of them differ."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.files import CONFIG_FILE
from hydra_lightning.runs.folder import is_run_id

# The places of a run, and what only says how it is shown.
NOT_SETTINGS = ("paths", "extras", "hydra", "tags", "add_tags", "task_name", "logger")

# Stands for the run's folder, whose name is another one in every config.
OWN_FOLDER = "__own_folder__"

# What a config as we write it does not have: anchors, tags, directives, documents, comments, tabs.
NOT_PLAIN = re.compile(r"(?:^|\s)[&*!%#]|^---|^\.\.\.|\t", re.MULTILINE)

# The line of paths.root_dir, as we write it.
ROOT = re.compile(r"^paths:\n(?:  .*\n)*?  root_dir: (/[^'\"\n]*[^'\"\n/])$", re.MULTILINE)

Plain = str | float | int | bool | None


def read_settings(folder: Path) -> dict[str, Plain]:
    """Every value of the saved config by its dotted key; a list is its JSON.

    Left out are ``paths`` and the like, and values that name the run's own folder. Paths in the project are
    relative to it, so that they are equal on every machine.

    Raises:
        RunError: ``config.yaml`` is missing or broken.
    """
    return {key: value for block in read_blocks(folder).values() for key, value in block.items()}


def read_blocks(folder: Path) -> dict[str, dict[str, Plain]]:
    """The settings by the top-level keys of ``config.yaml``; equal ones of several runs are one object.

    Raises:
        RunError: ``config.yaml`` is missing or broken.
    """
    from yaml import YAMLError

    file = folder / CONFIG_FILE
    own = folder.name if is_run_id(folder.name) else f"{folder.parent.name}/{folder.name}"
    try:
        text = file.read_text(encoding="utf-8").replace(own, OWN_FOLDER)
        root = ROOT.search(text)
        text = text.replace(f"{root[1]}/", "") if root else text
        parts = pieces(text)
        if parts is not None:
            return {part.partition(":")[0]: _settings(part) for part in parts if _settings(part)}
        blocks: dict[str, dict[str, Plain]] = {}
        for key, value in _settings(text).items():
            blocks.setdefault(key.partition(".")[0], {})[key] = value
        return blocks
    except FileNotFoundError:
        raise RunError(f"{folder} has no {CONFIG_FILE}, so its settings are not known.") from None
    except YAMLError as error:
        raise RunError(f"{file} cannot be read: {error}") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{file} cannot be read as the config of a run: {error}") from error


@lru_cache(maxsize=50_000)
def _settings(piece: str) -> dict[str, Plain]:
    """The settings in the text of some top-level keys."""
    kept = {key: value for key, value in _load(piece).items() if key.partition(".")[0] not in NOT_SETTINGS}
    return {key: value for key, value in kept.items() if not (isinstance(value, str) and OWN_FOLDER in value)}


def differing(runs: Sequence[Mapping[str, Plain]], asked: Sequence[str]) -> dict[str, list[str]]:
    """The keys whose values differ between ``runs``, each with the keys that always have the same value.

    Those in ``asked`` (what was typed, or varied by a sweep) come first; after them the shortest name stands
    for the others: with ``num_classes: 10`` and ``output_size: ${num_classes}`` there is one thing to see.
    """
    keys = dict.fromkeys(key for run in runs for key in run)
    ranked = sorted(keys, key=lambda key: (asked.index(key) if key in asked else len(asked), key.count(".")))
    by_values: dict[tuple[Any, ...], list[str]] = {}
    for key in ranked:
        # A missing key is no null, and True is no 1.
        values = tuple((type(run[key]), run[key]) if key in run else None for run in runs)
        if any(value != values[0] for value in values):
            by_values.setdefault(values, []).append(key)
    return {first: others for first, *others in by_values.values()}


def asked(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys that sweeps vary, then those of typed overrides, each by how many of the runs have them."""
    swept: Counter[str] = Counter()
    typed: Counter[str] = Counter()
    for record in records:
        swept.update((record.get("sweep") or {}).get("params") or ())
        typed.update(override.lstrip("+~").partition("=")[0] for override in record.get("overrides") or ())
    return list(dict.fromkeys(key for counts in (swept, typed) for key, _ in counts.most_common()))


def pieces(text: str) -> list[str] | None:
    """The text of each key of a block mapping; None where it may be anything but one, as YAML is large."""
    if any(character in text for character in "&*!%#\t") and NOT_PLAIN.search(text):
        return None
    found: list[list[str]] = []
    for line in text.splitlines(keepends=True):
        if line[0] in " -\n":
            if not found:
                return None
            found[-1].append(line)
        else:
            name, colon, rest = line.partition(":")
            if not (colon and name.isidentifier() and rest[:1] in (" ", "\n")):
                return None
            found.append([line])
    return ["".join(lines) for lines in found]


@lru_cache(maxsize=50_000)
def _load(piece: str) -> dict[str, Plain]:
    """The flat values of a mapping. Runs share most pieces of their configs, and YAML is slow: each is read once."""
    name, _, below = piece.partition(":\n")
    parts = None
    if name.isidentifier() and below.startswith("  ") and "\n-" not in piece:
        parts = pieces(below[2:].replace("\n  ", "\n"))
    if parts is not None:
        return {f"{name}.{key}": value for part in parts for key, value in _load(part).items()}
    import yaml

    value = yaml.load(piece, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(value, dict):
        raise ValueError("it is no mapping.")
    return _flat(value, "") if value else {}


def _flat(value: Any, key: str) -> dict[str, Plain]:
    if isinstance(value, dict) and value:
        below: dict[str, Plain] = {}
        for name, item in value.items():
            below |= _flat(item, f"{key}.{name}" if key else str(name))
        return below
    if isinstance(value, (dict, list)):
        return {key: json.dumps(value, default=str)}
    return {key: value if isinstance(value, (str, float, int, bool, type(None))) else str(value)}
