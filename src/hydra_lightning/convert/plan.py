"""The plan of a conversion as YAML: printed, edited by a person, and read back."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hydra_lightning.config.yaml_text import as_yaml, entry
from hydra_lightning.convert.convert import Conversion
from hydra_lightning.convert.wishes import Wishes
from hydra_lightning.errors import ConfigError
from hydra_lightning.parity.sides import Script

KEYS = ("program", "arguments", "folder", "name", "steps", "settings")
TOLD = ("roles", "files", "statements")
WORDS = {
    "name": "of the files and the experiment",
    "steps": "automatic, or manual: the statements of a step stay as they are",
    "settings": "the last part of a key can have another name, but for arguments of foreign classes",
}
STEPS = ("automatic", "manual")


@dataclass(frozen=True)
class Plan:
    """What is to be converted, and what is decided about it."""

    program: Script
    name: str | None
    wishes: Wishes


def is_plan(file: Path) -> bool:
    return file.suffix in (".yaml", ".yml")


def plan_data(program: Script, found: Conversion) -> dict[str, Any]:
    """The plan of a conversion as plain data."""
    told: dict[str, Any] = {"program": str(program.file), "arguments": [*program.arguments]}
    if program.folder is not None:
        told["folder"] = str(program.folder)
    return {
        **told,
        "name": found.experiment,
        "steps": found.steps,
        "settings": found.keys,
        "roles": roles_data(found),
        "files": list(found.files),
        "statements": [f"{each.site}  {each.what}: {each.why}" for each in found.lines],
    }


def plan_text(data: Mapping[str, Any]) -> str:
    """A plan as YAML; what can be edited comes first."""
    lines = ["# The plan of a conversion. Edit it and carry it out: hydra-lightning convert PLAN.yaml"]
    for name, value in data.items():
        if name == TOLD[0]:
            lines += ["", "# What follows is what was found; it is not read back."]
        if isinstance(value, dict) and value:
            lines += entry(name, "", WORDS.get(name, ""))
            lines += [f"  {as_yaml(key)}: {as_yaml(each)}" for key, each in value.items()]
        elif name in TOLD:
            lines += [f"{name}:", *(f"  - {as_yaml(each)}" for each in value)]
        else:
            lines += entry(name, as_yaml(value), WORDS.get(name, ""))
    return "\n".join(lines) + "\n"


def roles_data(found: Conversion) -> dict[str, Any]:
    """Who is who in the program, each with its place."""
    roles = found.roles
    told: dict[str, Any] = {f"model {name}": piece.site for name, piece in roles.nets.items()}
    told |= {f"optimizer {_names(piece.defines)}": piece.site for piece in roles.optimizers}
    told |= {f"scheduler {_names(piece.defines)}": piece.site for piece in roles.schedulers}
    for kind, loader in (("training", roles.train), ("evaluation", roles.val)):
        if loader is not None:
            made = f", {loader.made[0].site}" if loader.made else ""
            told[f"{kind} loader"] = f"{loader.name or 'in the loop'}{made}"
    if roles.loss is not None:
        told["loss"] = roles.loss[0].site
    if roles.kept:
        told["manual because"] = roles.kept
    return told


def _names(defined: set[str]) -> str:
    return " ".join(sorted(defined))


def read_plan(file: Path) -> Plan:
    """The plan in ``file``. A program that is not found from here is looked for beside the plan.

    Raises:
        ConfigError: it is no plan; names the key.
    """
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file} is not YAML: {error}") from error
    if not isinstance(data, dict) or "program" not in data:
        raise ConfigError(f"{file} is not a plan: it has no key program. --plan prints one.")
    for key in data:
        if key not in (*KEYS, *TOLD):
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(KEYS)}."
            raise ConfigError(f"{file}: {key}: a plan has no such key. {hint}")
    program, folder = _found(file, data["program"]), data.get("folder")
    arguments = data.get("arguments") or []
    if not isinstance(arguments, list):
        raise ConfigError(f"{file}: arguments: wants a list such as ['--lr', '0.1'], not {arguments!r}.")
    steps = data.get("steps")
    if steps not in (None, *STEPS):
        raise ConfigError(f"{file}: steps: automatic or manual, not {steps!r}.")
    settings = data.get("settings") or {}
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings.values()):
        raise ConfigError(
            f"{file}: settings: wants a key for each setting, such as --lr: model.optimizer.lr."
        )
    script = Script(program, tuple(map(str, arguments)), _found(file, folder) if folder else None)
    return Plan(script, data.get("name"), Wishes(steps, dict(settings)))


def _found(plan: Path, path: Any) -> Path:
    for each in (Path(str(path)), plan.parent / str(path)):
        if each.exists():
            return each
    raise ConfigError(f"{plan}: {path}: no such file, neither from here nor beside the plan.")
