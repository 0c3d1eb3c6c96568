"""The one place where a ``_target_`` becomes an object."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import hydra.utils
from hydra.errors import InstantiationException
from omegaconf import DictConfig, ListConfig, OmegaConf

from hydra_lightning.config.messages import nearest
from hydra_lightning.config.requirements import pip_name
from hydra_lightning.errors import ConfigError, HydraLightningError


def instantiate(config: DictConfig, key: str, **arguments: Any) -> Any:
    """Build the object that ``config`` describes at the dotted ``key``, with ``arguments`` on top.

    Every ``_target_`` at any depth must be of a package in ``extras.trusted``, when that list is set.

    Raises:
        ConfigError: no such key, a target that is not trusted or does not exist, or an argument that it does
            not take; names the key and, for an argument, the signature.
        Exception: what the target itself raises, as it is.
    """
    node = OmegaConf.select(config, key)
    if node is None:
        raise ConfigError(f"{key}: nothing is configured there, and it is needed.")
    check_trusted(config, key)
    try:
        return hydra.utils.instantiate(node, **arguments)
    except InstantiationException as error:
        raise _explained(error, node, key) from error


def check_trusted(config: DictConfig, key: str) -> None:
    """Raise ConfigError when a target at or below ``key`` is not of a package in ``extras.trusted``."""
    trusted = OmegaConf.select(config, "extras.trusted")
    if trusted is None:
        return
    for place, target in targets(OmegaConf.select(config, key), key):
        package = target.split(".")[0]
        if package not in trusted:
            raise ConfigError(
                f"{place}._target_: {target} is of the package {package!r}, which is not in extras.trusted "
                f"({', '.join(trusted)}). If you trust it, add it in configs/extras/default.yaml."
            )


def targets(node: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every ``(dotted key, target)`` at or below ``node``."""
    if isinstance(node, DictConfig) and not OmegaConf.is_missing(node, "_target_"):
        if isinstance(node.get("_target_"), str):
            yield key, node["_target_"]
        for name in map(str, node):
            if not OmegaConf.is_missing(node, name):
                yield from targets(node.get(name), f"{key}.{name}")
    elif isinstance(node, ListConfig):
        for index in range(len(node)):
            if not OmegaConf.is_missing(node, index):
                yield from targets(node[index], f"{key}.{index}")


def _explained(error: InstantiationException, node: Any, key: str) -> Exception:
    """What to raise for ``error``: a ConfigError for a wrong target or argument, else what the target raised."""
    cause = error.__cause__
    place, target = _failing_target(error, node, key)
    if isinstance(cause, HydraLightningError):
        return cause
    if str(error).startswith(("Error locating target", "Expected a callable target")):
        return ConfigError(f"{place}._target_: {_why_not_found(target)}")
    if isinstance(cause, TypeError) and _raised_by_the_call(cause):
        return ConfigError(f"{place}: {target} {_call_problem(cause)}\nIt takes {_signature(target)}")
    if isinstance(cause, Exception):
        return cause
    return ConfigError(f"{place}: {str(error).splitlines()[0]}")


def _failing_target(error: InstantiationException, node: Any, key: str) -> tuple[str, str]:
    relative = ""
    for line in str(error).splitlines():
        if line.strip().startswith("full_key:"):
            relative = line.split("full_key:")[1].strip()
    known = dict(targets(node, key))
    for place in (relative, f"{key}.{relative}", key):
        if place in known:
            return place, known[place]
    return relative or key, known.get(key, "")


def _raised_by_the_call(error: TypeError) -> bool:
    """Whether the arguments did not fit, rather than the target failing inside: the last frame is Hydra's call."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("hydra.")


def _call_problem(error: TypeError) -> str:
    text = str(error)
    return text.split(")", 1)[1].strip() if ")" in text.split(" ")[0] else text


def _signature(target: str) -> str:
    try:
        return str(inspect.signature(hydra.utils.get_object(target)))
    except (TypeError, ValueError):
        return "arguments that cannot be read from it"


def _why_not_found(target: str) -> str:
    """The first part of a dotted path that cannot be imported or is not there."""
    parts = target.split(".")
    module = None
    for index in range(len(parts)):
        path = ".".join(parts[: index + 1])
        try:
            module = importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name and error.name != path and not path.startswith(f"{error.name}."):
                return (
                    f"{target}: importing {path} needs {error.name!r}, which is not installed. "
                    f"Type: pip install {pip_name(error.name)}"
                )
            if module is None:
                return f"{target}: no package {path!r} is installed or in the project."
            return _no_attribute(target, module, parts[index:])
        except Exception as error:
            return f"{target}: importing {path} fails: {type(error).__name__}: {error}"
    return f"{target}: this is a module, not a class or function."


def _no_attribute(target: str, owner: Any, names: list[str]) -> str:
    for name in names:
        if not hasattr(owner, name):
            return (
                f"{target}: {getattr(owner, '__name__', owner)} has no {name!r}.{nearest(name, dir(owner))}"
            )
        owner = getattr(owner, name)
    return f"{target} cannot be imported."
