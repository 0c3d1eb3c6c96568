"""Keys that the main config and its groups do not declare, and that nothing reads: most often misspelt ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf

from hydra_lightning.config.call import is_node
from hydra_lightning.config.layout import OVERLAYS
from hydra_lightning.config.messages import nearest
from hydra_lightning.config.problems import Problem
from hydra_lightning.config.project_code import project_code
from hydra_lightning.config.sources import Sources

# What train and evaluate read at the top of a config, and in its groups that are no objects.
READ = {
    "": (
        *("data", "model", "callbacks", "logger", "trainer", "paths", "extras"),
        *("task_name", "tags", "add_tags", "seed", "strict", "ckpt_path", "weights_only"),
        *("train", "validate", "test", "optimized_metric", "resume", "mode", "run", "predictions"),
    ),
    "extras": ("ignore_warnings", "enforce_tags", "print_config", "load_in_process", "trusted"),
    "paths": ("root_dir", "data_dir", "log_dir", "model_dir", "output_dir", "work_dir"),
}


Suspect = tuple[str, str, list[str]]


def undeclared(config: DictConfig, plain: Mapping[str, Any], sources: Sources) -> Iterator[Problem]:
    """A problem for each such key, at the top and in the sections below it that are no objects.

    A key is read when an interpolation or the project's own code names it.
    """
    for group in OVERLAYS:
        if isinstance(plain.get(group), Mapping):
            text = "nothing reads it. Its file needs the first line `# @package _global_`, to change other groups"
            yield Problem(f"{group}.{next(iter(plain[group]), '')}", text)
    groups = _groups(sources)
    unknown = _of_hydra(sources.hydra, OmegaConf.structured(HydraConf), "hydra")
    yield from (problem for problem in unknown if problem.key not in groups)
    suspects = list(_suspects(plain, "", groups))
    if not suspects:
        return
    read = set(_interpolated(OmegaConf.to_container(config), ()))
    code = (
        project_code(Path(str(config.paths.root_dir)))
        if "paths" in config and "root_dir" in config.paths
        else ""
    )
    for parent, name, siblings in suspects:
        key = f"{parent}.{name}" if parent else name
        if not sources.declared(key) and not _is_read(key, read) and not _in_code(name, code):
            yield Problem(key, f"no such key, and nothing reads it.{_near(name, parent, suspects, siblings)}")


def _of_hydra(node: DictConfig, known: DictConfig, key: str) -> Iterator[Problem]:
    """Keys that Hydra does not have, which `+hydra.x=` adds without a word."""
    names = [str(name) for name in known]
    for name in map(str, node):
        inner = known._get_node(name) if name in names else None
        if name not in names:
            yield Problem(f"{key}.{name}", f"Hydra has no such key.{nearest(name, names)}")
        elif isinstance(inner, DictConfig) and is_dataclass(OmegaConf.get_type(inner)):
            yield from _of_hydra(node[name], inner, f"{key}.{name}")


def _near(name: str, parent: str, suspects: list[Suspect], siblings: list[str]) -> str:
    """The nearest key that is there, else the nearest that could be."""
    doubtful = {other for place, other, _ in suspects if place == parent}
    there = [other for other in siblings if other not in doubtful]
    return nearest(name, there) or nearest(name, READ.get(parent, ()))


def _suspects(section: Mapping[str, Any], key: str, groups: set[str]) -> Iterator[Suspect]:
    """``(key of the section, name, all names in it)`` of what is not known to be read."""
    for name, value in section.items():
        path = f"{key}.{name}" if key else name
        if name not in READ.get(key, ()) and path not in groups:
            yield key, name, list(section)
        elif path in READ and isinstance(value, Mapping) and not is_node(value):
            yield from _suspects(value, path, groups)


def _groups(sources: Sources) -> set[str]:
    return {str(group).split("@")[-1].replace("/", ".") for group in sources.choices}


def _interpolated(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """The dotted keys that interpolations at or below ``path`` refer to."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _interpolated(child, (*path, str(name)))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _interpolated(child, (*path, str(index)))
    elif isinstance(value, str):
        for dots, key in re.findall(r"\$\{(\.*)([\w.\[\]-]+)(?=[}.\[])", value):
            above = path[: len(path) - len(dots)] if dots else ()
            yield ".".join([*above, key])


def _is_read(key: str, read: set[str]) -> bool:
    return any(f"{other}.".startswith(f"{key}.") or f"{key}.".startswith(f"{other}.") for other in read)


def _in_code(name: str, code: str) -> bool:
    return re.search(r"[.'\"]" + re.escape(name) + r"\b", code) is not None
