"""Where a project's configs are, and what groups and options they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hydra_lightning.errors import ProjectError

# Groups whose files change other groups, rather than describe an object.
OVERLAYS = ("experiment", "debug", "hparams_search", "local")
# Groups of which several options are used at once: each file names what it adds.
COLLECTIONS = ("callbacks", "logger")


def nearest_project(start: Path) -> Path:
    """The nearest folder at or above ``start`` that holds main configs, ``configs/*.yaml``.

    Raises:
        ProjectError: there is none.
    """
    start = start.expanduser().resolve()
    for folder in (start, *start.parents):
        if main_configs(folder / "configs"):
            return folder
    raise ProjectError(
        f"{start}: not in a project; neither it nor a folder above has configs/train.yaml. "
        "hydra-lightning new writes one."
    )


def main_configs(configs: Path) -> list[str]:
    """The names of the main configs, ``train`` first."""
    names = [file.stem for file in configs.glob("*.yaml")]
    return sorted(names, key=lambda name: (name != "train", name))


def options(configs: Path) -> dict[str, list[str]]:
    """Every group, nested ones too (``model/net``), and its options; a group may have none yet."""
    found: dict[str, list[str]] = {}
    for folder in sorted(configs.rglob("*")):
        if folder.is_dir() and not folder.name.startswith(("_", ".")):
            group = folder.relative_to(configs).as_posix()
            found[group] = sorted(file.stem for file in folder.glob("*.yaml"))
    return found


def chosen_groups(file: Path) -> dict[str, str | list[str] | None]:
    """The groups that the defaults list of a config file chooses from, as written, and the options chosen."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    defaults = content.get("defaults") if isinstance(content, dict) else None
    chosen: dict[str, Any] = {}
    for entry in defaults if isinstance(defaults, list) else ():
        for key, value in entry.items() if isinstance(entry, dict) else ():
            words = str(key).split("@")[0].split()
            if "override" not in words:
                chosen[words[-1]] = value
    return chosen


def is_chosen(configs: Path, group: str) -> bool:
    """Whether ``group=option`` works on the command line, because a defaults list has the group."""
    if group in chosen_groups(configs / "train.yaml"):
        return True
    parent, _, name = group.rpartition("/")
    return bool(parent) and any(
        {name, f"/{group}"} & set(chosen_groups(file)) for file in (configs / parent).glob("*.yaml")
    )
