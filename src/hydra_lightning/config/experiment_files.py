"""The experiments of a project: where their files are, how they are called and what they say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError

GROUP = "experiment"
PART = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def experiment_name(text: str) -> str:
    """``text`` as the name of an experiment, without ``.yaml``; folders are allowed, ``ablations/wide``.

    Raises:
        ConfigError: Hydra could not choose an experiment of that name on a command line.
    """
    name = text.removesuffix(".yaml")
    plain = all(PART.fullmatch(part) for part in name.split("/"))
    if not plain or not isinstance(OverridesParser.create().parse_override(f"{GROUP}={name}").value(), str):
        raise ConfigError(
            f"{text!r} is no name for an experiment. Right are letters, digits, _ - and . after a letter, and folders: "
            "wide, ablations/wide-2"
        )
    return name


def experiment_file(project: Path, name: str) -> Path:
    return project / "configs" / GROUP / f"{name}.yaml"


def experiments(project: Path) -> dict[str, str]:
    """The one-line description of every experiment, by name: the first comment after ``# @package``."""
    folder = project / "configs" / GROUP
    files = sorted(folder.rglob("*.yaml"), key=lambda file: file.relative_to(folder).as_posix())
    return {file.relative_to(folder).with_suffix("").as_posix(): _description(file) for file in files}


def known_experiment(project: Path, name: str) -> str:
    """``name`` without ``.yaml``.

    Raises:
        ConfigError: there is no such experiment; names the nearest.
    """
    name = name.removesuffix(".yaml")
    known = experiments(project)
    if name not in known:
        listed = f"Experiments: {', '.join(known)}" if known else "There is none yet."
        raise ConfigError(
            f"There is no experiment {name!r} in {project / 'configs' / GROUP}.{nearest(name, known)}\n{listed}"
        )
    return name


def _description(file: Path) -> str:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            break
        text = line.lstrip("#").strip()
        if text and not text.startswith("@package"):
            return text
    return ""
