"""Keys that the main config and its groups do not declare, and that nothing reads: most often misspelt ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_lightning.config.call import is_node
from hydra_lightning.config.messages import nearest
from hydra_lightning.config.problems import Problem
from hydra_lightning.config.sources import Sources

# What train and evaluate read at the top of a config, and in its groups that are no objects.
READ = {
    "": (
        *("data", "model", "callbacks", "logger", "trainer", "paths", "extras"),
        *("task_name", "tags", "add_tags", "seed", "strict", "ckpt_path", "weights_only"),
        *("train", "test", "optimized_metric", "mode", "run", "predictions"),
    ),
    "extras": ("ignore_warnings", "enforce_tags", "print_config", "trusted"),
    "paths": ("root_dir", "data_dir", "log_dir", "model_dir", "output_dir", "work_dir"),
}
NO_SOURCE = frozenset(
    ("data", "logs", "model", "notebooks", "tests", "configs", "node_modules", "site", "build")
)


def undeclared(
    config: DictConfig, plain: Mapping[str, Any], hydra: DictConfig, sources: Sources
) -> Iterator[Problem]:
    """A problem for each such key, at the top and in the sections below it that are no objects.

    A key is read when an interpolation or the project's own code names it.
    """
    suspects = list(_suspects(plain, "", _groups(hydra)))
    if not suspects:
        return
    text = OmegaConf.to_yaml(config)
    code = _code(Path(str(config.paths.root_dir))) if "paths" in config and "root_dir" in config.paths else ""
    for parent, name, siblings in suspects:
        key = f"{parent}.{name}" if parent else name
        if not sources.declared(key) and not _interpolated(key, text) and not _in_code(name, code):
            known = [*siblings, *READ.get(parent, ())]
            near = nearest(name, [other for other in known if other != name])
            yield Problem(key, f"no such key, and nothing reads it.{near}")


def _suspects(section: Mapping[str, Any], key: str, groups: set[str]) -> Iterator[tuple[str, str, list[str]]]:
    """``(key of the section, name, all names in it)`` of what is not known to be read."""
    for name, value in section.items():
        path = f"{key}.{name}" if key else name
        if name not in READ.get(key, ()) and path not in groups:
            yield key, name, list(section)
        elif path in READ and isinstance(value, Mapping) and not is_node(value):
            yield from _suspects(value, path, groups)


def _groups(hydra: DictConfig) -> set[str]:
    return {str(group).split("@")[-1].replace("/", ".") for group in hydra.runtime.choices}


def _interpolated(key: str, text: str) -> bool:
    return re.search(r"\$\{[^}]*?\b" + re.escape(key) + r"\b", text) is not None


def _in_code(name: str, code: str) -> bool:
    return re.search(r"[.'\"]" + re.escape(name) + r"\b", code) is not None


def _code(root: Path) -> str:
    """The project's Python files."""
    texts: list[str] = []
    folders = [root]
    while folders:
        folder = folders.pop()
        for item in sorted(folder.iterdir()):
            if item.is_dir():
                inside = (item / "pyvenv.cfg").exists() or item.name.startswith((".", "__"))
                if not inside and not (folder == root and item.name in NO_SOURCE):
                    folders.append(item)
            elif item.suffix == ".py":
                texts.append(item.read_text(errors="replace"))
    return "\n".join(texts)
