"""Overrides of a command line as the text of an experiment file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException

from hydra_lightning.config.experiment_files import GROUP
from hydra_lightning.config.layout import COLLECTIONS
from hydra_lightning.config.messages import explain
from hydra_lightning.config.signatures.read import read_signature
from hydra_lightning.config.yaml_text import LINE_WIDTH, as_yaml, comment_lines
from hydra_lightning.errors import ConfigError

NULL_IS_ABSENT = (
    *("ckpt_path", "optimized_metric", "resume", "seed", "tags", "test", "validate", "weights_only"),
)


@dataclass
class Parts:
    """What an experiment file says: what it builds on, the options it adds and chooses, and its keys."""

    bases: list[str] = field(default_factory=list)
    added: dict[str, Any] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    nulls: list[str] = field(default_factory=list)


def parse(overrides: Sequence[str]) -> list[Override]:
    """The overrides, read by Hydra's parser.

    Raises:
        ConfigError: one is not an override, or it is a sweep, which belongs in another file.
    """
    parser = OverridesParser.create()
    try:
        parsed: list[Override] = parser.parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise ConfigError(explain(error)) from error
    for override in parsed:
        if override.is_sweep_override():
            key, _, values = (override.input_line or "").lstrip("+").partition("=")
            raise ConfigError(
                f"{override.input_line}: an experiment is one run, and these are several. Write what a search varies "
                "into a file of configs/hparams_search:\n"
                f"hydra:\n  mode: MULTIRUN\n  sweeper:\n    params:\n      {key}: {values}"
            )
    return parsed


def parts_of(
    overrides: Sequence[Override],
    composed: Mapping[str, Any],
    is_group: Callable[[str], bool],
    later_groups: Sequence[str],
) -> Parts:
    """What a file has to say for the same config as ``overrides``.

    Args:
        overrides: none is a sweep.
        composed: the config that they compose, unresolved, as plain containers.
        is_group: whether a key is a config group.
        later_groups: groups that an experiment cannot choose from.

    Raises:
        ConfigError: an override has no equal in a file; says why and what to do instead.
    """
    parts = Parts()
    for override in overrides:
        value = None if override.is_delete() else override.value()
        if isinstance(value, dict) or not is_group(override.key_or_group):
            _add_key(parts, override, value, composed)
        else:
            _add_group(parts, override, value, later_groups)
    return parts


def _add_group(parts: Parts, override: Override, value: Any, later_groups: Sequence[str]) -> None:
    group = override.key_or_group
    if group in later_groups:
        raise ConfigError(
            f"{override.input_line}: {group} stands after experiment in the main config and wins over it, so an "
            "experiment cannot choose it. Leave it out here, and type it when you run the experiment."
        )
    if value is None and not override.is_delete():
        raise ConfigError(f"{override.input_line}: no option of a group is ~{group}")
    # `group@package`, as Hydra wants it in a defaults list.
    key = override.get_key_element().lstrip("+~")
    if group == GROUP:
        parts.bases = [value] if isinstance(value, str) else list(value or [])
    elif override.is_add():
        parts.added[key] = value
    else:
        parts.chosen[key] = value


def _add_key(parts: Parts, override: Override, value: Any, composed: Mapping[str, Any]) -> None:
    path = override.key_or_group.split(".")
    if override.is_delete():
        if not _null_is_absent(path, composed):
            raise ConfigError(
                f"{override.input_line}: a file can add and replace keys, not remove one, and null is not the same "
                f"as no {path[-1]} here. Give the key the value that you want instead."
            )
        parts.nulls.append(override.key_or_group)
    _put(parts.values, path, value, composed)


def _null_is_absent(path: Sequence[str], composed: Mapping[str, Any]) -> bool:
    """Whether a run cannot tell null from no key: a callback, a logger, an argument whose default is None."""
    if len(path) == 1:
        return path[0] in NULL_IS_ABSENT
    if len(path) == 2 and path[0] in COLLECTIONS:
        return True
    parent: Any = composed
    for name in path[:-1]:
        parent = parent.get(name) if isinstance(parent, Mapping) else None
    target = parent.get("_target_") if isinstance(parent, Mapping) else None
    signature = read_signature(target) if isinstance(target, str) else None
    return signature is not None and any(
        argument.name == path[-1] and argument.default == "None" for argument in signature.named()
    )


def _put(values: dict[str, Any], path: Sequence[str], value: Any, composed: Any) -> None:
    """Set a key, and where it is inside a list, the whole list as it is composed: YAML cannot change one item."""
    for depth, name in enumerate(path[:-1]):
        composed = composed.get(name, {}) if isinstance(composed, Mapping) else {}
        if isinstance(composed, list):
            path, value = path[: depth + 1], composed
            break
    for name in path[:-1]:
        if not isinstance(values.get(name), dict):
            values[name] = {}
        values = values[name]
    known = values.get(path[-1])
    if isinstance(value, dict) and isinstance(known, dict):
        for key, item in value.items():
            _put(known, [key], item, {})
    else:
        values[path[-1]] = value


def experiment_text(parts: Parts, name: str, description: str, order: Sequence[str]) -> str:
    """The file's text; ``order`` is that of the keys at the top of the config."""
    rank = {key: index for index, key in enumerate(order)}
    text = ["# @package _global_", *comment_lines(description)]
    defaults = [*_defaults(parts, name, rank)]
    if defaults:
        text += ["", "defaults:", *(f"  - {line}" for line in defaults)]
    values = sorted(
        parts.values.items(), key=lambda item: rank.get(item[0], -1 if _is_leaf(item[1]) else 999)
    )
    after_leaf = False
    for key, value in values:
        if not (after_leaf and _is_leaf(value)):
            text.append("")
        text += _lines({key: value})
        after_leaf = _is_leaf(value)
    return "\n".join(text) + "\n"


def _defaults(parts: Parts, name: str, rank: Mapping[str, int]) -> Iterator[str]:
    """The lines of the defaults list; Hydra wants those with ``override`` last."""
    # In a folder, what a relative name means would depend on how the experiment is chosen, alone or in a list.
    above = f"/{GROUP}/" if "/" in name else ""
    yield from (as_yaml(f"{above}{base}") for base in parts.bases)
    for group, option in parts.added.items():
        yield f"/{group}: {as_yaml(option)}"
    for group in sorted(parts.chosen, key=lambda key: (rank.get(key.split("/")[0], 999), key)):
        yield f"override /{group}: {as_yaml(parts.chosen[group])}"
    if (parts.bases or parts.added) and parts.values:
        yield "_self_"


def _lines(values: Mapping[Any, Any], depth: int = 0) -> Iterator[str]:
    indent = "  " * depth
    for key, value in values.items():
        start = f"{indent}{as_yaml(key)}:"
        if not _is_leaf(value):
            yield start
            yield from _lines(value, depth + 1)
            continue
        line = f"{start} {as_yaml(value)}"
        if isinstance(value, list) and len(line) > LINE_WIDTH:
            yield start
            yield from (f"{indent}  - {as_yaml(item)}" for item in value)
        else:
            yield line


def _is_leaf(value: Any) -> bool:
    return not (isinstance(value, Mapping) and value)
