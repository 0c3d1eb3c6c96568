"""Turns what Hydra, OmegaConf and PyYAML raise into one message that names the place and the nearest right name."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError


def nearest(name: str, known: Iterable[str]) -> str:
    """`` Did you mean X?``, or nothing when no known name is near."""
    names = [str(other) for other in known]
    same = [other for other in names if other.lower() == name.lower()]
    match = same or get_close_matches(name, names, n=1, cutoff=0.6)
    return f" Did you mean {match[0]}?" if match else ""


def explain(error: BaseException) -> str | None:
    """What to tell the user about a config mistake; None when ``error`` is not one."""
    if isinstance(error, MissingConfigException):
        return _missing_config(error)
    if isinstance(error, OverrideParseException):
        reason = error.message.splitlines()[0]
        return (
            f"command line: {error.override!r} is not an override: {reason}\n"
            "Write key=value, and quote for the shell what has spaces, brackets or $: 'tags=[a,b]'."
        )
    if isinstance(error, MarkedYAMLError):
        return _not_yaml(error)
    if isinstance(error, ValueError) and str(error).startswith("Config group override must be"):
        return "command line: a group takes the name of an option. To choose none, write ~GROUP: ~logger"
    if isinstance(error, CompactHydraException):
        cause = error.__cause__ or error.__context__
        if isinstance(cause, OmegaConfBaseException):
            unknown = _unknown_key(cause)
            if unknown is None:
                return f"{_one_line(cause)}\n{error}"
            hints = [line for line in str(error).splitlines() if line.startswith("To append")]
            return "\n".join([unknown, *hints])
        return str(error)
    if isinstance(error, OmegaConfBaseException):
        return _unknown_key(error) or _one_line(error)
    return None


def _missing_config(error: MissingConfigException) -> str:
    missing = error.missing_cfg_file or ""
    group, _, option = missing.rpartition("/")
    where = _where_written(group, option) or str(error).split(":")[0]
    if not group:
        return f"there is no config file {missing!r}.\n{_search_path(str(error))}"
    if group.startswith("hydra/") and option not in (error.options or ()):
        kind = group.removeprefix("hydra/")
        plugin = f"hydra-{option}" if kind.endswith("_logging") else f"hydra-{option}-{kind}"
        return f"{where}: Hydra has no {kind} {option!r}. If a plugin brings it: pip install {plugin}"
    known = list(error.options or ()) or _options(group, str(error))
    if not known:
        return f"{where}: there is no config {missing}.yaml.\n{_search_path(str(error))}"
    return f"{where}: no option {option!r} in group {group}.{nearest(option, known)}\nOptions: {', '.join(known)}"


def _where_written(group: str, option: str) -> str | None:
    for argument in sys.argv[1:]:
        key, equals, value = argument.lstrip("+").partition("=")
        if equals and key.split("@")[0] == group and option in value:
            return f"command line, {argument}"
    return None


def _options(group: str, message: str) -> list[str]:
    """The options of a group, for what Hydra does not list: an option in a list of several."""
    return sorted(file.stem for folder in _folders(message) for file in (Path(folder) / group).glob("*.yaml"))


def _search_path(message: str) -> str:
    return f"Looked in {', '.join(_folders(message))}."


def _folders(message: str) -> list[str]:
    lines = [line for line in message.splitlines() if "path=file://" in line]
    return [line.split("path=")[1].removeprefix("file://") for line in lines]


def _not_yaml(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"{mark.name}:{mark.line + 1}:{mark.column + 1}" if mark else "a config file"
    return f"{where}: this is not YAML: {error.problem or error.context}."


def _unknown_key(error: OmegaConfBaseException) -> str | None:
    parent: Any = error.parent_node
    unknown = re.search(r"is not in struct|^Key '\S+' not in '", str(error))
    if unknown is None or not isinstance(parent, DictConfig):
        return None
    known = [str(key) for key in parent if key != "hydra"]
    place = error.full_key or str(error.key)
    target = parent.get("_target_")
    if isinstance(target, str) and _takes(target, str(error.key)):
        return f"{place}: {target} takes it, but no config has it yet."
    return f"{place}: no such key.{nearest(str(error.key), known)}\nKeys here: {', '.join(known)}"


def _takes(target: str, argument: str) -> bool:
    # Reading signatures uses this module.
    from hydra_lightning.config.signatures.read import TargetNotFound, read_signature

    try:
        signature = read_signature(target)
    except TargetNotFound:
        return False
    return signature is not None and any(each.name == argument for each in signature.named())


def _one_line(error: OmegaConfBaseException) -> str:
    text = (error.msg or str(error)).splitlines()[0]
    return f"{error.full_key}: {text}" if error.full_key else text
