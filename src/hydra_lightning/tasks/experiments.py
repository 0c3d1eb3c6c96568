"""Experiments as files: writing one from overrides, and what one changes."""

from __future__ import annotations

import copy
import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import OmegaConf

from hydra_lightning.config.experiment_differences import Differences, differences
from hydra_lightning.config.experiment_files import (
    GROUP,
    experiment_file,
    experiment_name,
    known_experiment,
)
from hydra_lightning.config.experiment_text import experiment_text, parse, parts_of
from hydra_lightning.config.layout import chosen_groups
from hydra_lightning.config.problems import report, stopping
from hydra_lightning.errors import ConfigError, ProjectError
from hydra_lightning.tasks.check import check_overrides
from hydra_lightning.tasks.compose import compose

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Composed:
    """A composed config as unresolved plain containers, Hydra's own keys included, and the chosen options."""

    config: dict[str, Any]
    choices: dict[str, Any]


@dataclass(frozen=True)
class Changes:
    """What experiments change: options of groups (None: no option), and keys."""

    groups: dict[str, tuple[Any, Any]]
    keys: Differences


def compose_plain(project: Path, overrides: Sequence[str], config_name: str) -> Composed:
    """What ``overrides`` compose, without what is of one start only.

    Raises:
        ConfigError: they do not compose.
    """
    config: Any = OmegaConf.to_container(compose(project, overrides, config_name))
    own: Any = OmegaConf.to_container(HydraConfig.get())
    choices = own.pop("runtime")["choices"]
    own.pop("overrides")
    own["job"].pop("override_dirname")
    return Composed({**config, "hydra": own}, choices)


def new_experiment(
    project: Path,
    name: str,
    overrides: Sequence[str],
    description: str = "",
    config_name: str = "train.yaml",
) -> Path:
    """Write ``configs/experiment/NAME.yaml`` with which a run has the same config as with ``overrides``.

    The file is composed once it is written, and removed again unless that gives the same config. Where an override
    removes a callback or a logger, the file sets it to null.

    Args:
        project: the folder that holds ``configs/``.
        name: may have folders, ``ablations/wide``.
        overrides: as on the command line.
        description: one line for the head of the file; else the overrides stand there.
        config_name: the main config.

    Returns:
        the file.

    Raises:
        ProjectError: the file exists.
        ConfigError: the overrides do not compose or do not pass the strict check, or a file cannot say the same;
            nothing is left written. What the check only warns of is logged.
    """
    name = experiment_name(name)
    file = experiment_file(project, name)
    if file.exists():
        raise ProjectError(f"{file} exists. Delete it, or take another name.")
    parsed = parse(overrides)
    _refuse_null_options(project, parsed)
    wanted = compose_plain(project, overrides, config_name)
    parts = parts_of(
        parsed,
        wanted.config,
        lambda key: _is_group(project, key) or key in wanted.choices,
        later_groups(project, config_name),
    )
    _check(project, overrides, config_name)
    head = " ".join(description.split()) or f"The same as: {shlex.join(overrides)}"
    with _written(file, experiment_text(parts, name, head, list(wanted.config))):
        found = compose_plain(project, [_choosing([name], project, config_name)], config_name)
        differing = differences(_with_nulls(wanted.config, parts.nulls), found.config)
        if differing.keys():
            raise ConfigError(
                f"An experiment {name!r} would not give what these overrides give. These keys would differ: "
                f"{', '.join(differing.keys())}\n"
                "What stands after experiment in the main config (local, debug) wins over an experiment, but not over "
                "the command line: see whether one of these sets them."
            )
    return file


def changes(project: Path, names: Sequence[str], config_name: str = "train.yaml") -> Changes:
    """What the experiments ``names``, one on top of the other, change against the defaults.

    Raises:
        ConfigError: there is no such experiment, or it does not compose.
    """
    names = [known_experiment(project, name) for name in names]
    before = compose_plain(project, [], config_name)
    chosen = [_choosing(names, project, config_name)]
    after = compose_plain(project, chosen, config_name)
    old = before.choices | _lists(project, [], config_name)
    new = after.choices | _lists(project, chosen, config_name)
    groups = {
        group: (old.get(group), new.get(group))
        for group in sorted(old.keys() | new.keys())
        if group != GROUP and old.get(group) != new.get(group)
    }
    return Changes(groups, differences(before.config, after.config))


def later_groups(project: Path, config_name: str) -> list[str]:
    """The groups of the main config that win over ``experiment``, so that an experiment cannot choose them."""
    groups = _groups(project, config_name)
    return groups[groups.index(GROUP) + 1 :] if GROUP in groups else []


def _groups(project: Path, config_name: str) -> list[str]:
    return list(chosen_groups(project / "configs" / f"{config_name.removesuffix('.yaml')}.yaml"))


def _choosing(names: Sequence[str], project: Path, config_name: str) -> str:
    """The override that chooses experiments, in a main config that lists the group or does not."""
    plus = "" if GROUP in _groups(project, config_name) else "+"
    return f"{plus}{GROUP}={names[0] if len(names) == 1 else '[' + ','.join(names) + ']'}"


def _check(project: Path, overrides: Sequence[str], config_name: str) -> None:
    problems = check_overrides(project, overrides, config_name)
    if stopping(problems):
        raise ConfigError(report(problems, "nothing was written"))
    if problems:
        log.warning("%s", report(problems))


def _is_group(project: Path, key: str) -> bool:
    return "/" in key or (project / "configs" / key).is_dir()


def _refuse_null_options(project: Path, overrides: Sequence[Override]) -> None:
    for override in overrides:
        group = override.key_or_group
        if _is_group(project, group) and not override.is_delete() and override.value() is None:
            raise ConfigError(f"{override.input_line}: no option of a group is written ~{group}")


def _lists(project: Path, overrides: Sequence[str], config_name: str) -> dict[str, Any]:
    """The groups of which a list of options was chosen, which Hydra's record of choices leaves out."""
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(project / "configs"), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        chosen = loader.compute_defaults_list(config_name, list(overrides), RunMode.RUN).overrides
    return {group: option for group, option in chosen.override_choices.items() if isinstance(option, list)}


@contextmanager
def _written(file: Path, text: str) -> Iterator[None]:
    """Write a new file, and take it and its new folders away again when what follows fails."""
    made = [folder for folder in file.parents if not folder.exists()]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)
    try:
        yield
    except BaseException:
        file.unlink()
        for folder in made:
            folder.rmdir()
        raise


def _with_nulls(config: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    config = copy.deepcopy(config)
    for key in keys:
        *above, last = key.split(".")
        node = config
        for name in above:
            node = node[name]
        node[last] = None
    return config
