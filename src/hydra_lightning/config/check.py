"""Holds a composed config against everything that is known of it before anything heavy is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.base import Node
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from hydra_lightning.config.call import UNRESOLVED, check_call, is_node
from hydra_lightning.config.messages import nearest
from hydra_lightning.config.monitors import unlogged_monitors
from hydra_lightning.config.problems import Problem
from hydra_lightning.config.project_code import project_code
from hydra_lightning.config.requirements import missing_package
from hydra_lightning.config.signatures.lookup import TargetNotFound
from hydra_lightning.config.signatures.model import Signature
from hydra_lightning.config.signatures.read import read_signatures
from hydra_lightning.config.sources import Sources
from hydra_lightning.config.undeclared import undeclared

# Groups whose every member is an object of its own.
COLLECTIONS = ("callbacks", "logger")
NEEDED = ("data", "model", "trainer")


def check(config: DictConfig, sources: Sources | None = None) -> list[Problem]:
    """Everything that is wrong with ``config``, without importing what it names.

    Found are keys that nothing declares or reads, values that are missing or do not resolve, targets that do not
    exist or are not trusted, and arguments that a target does not take, lacks, or takes as another type.

    Args:
        config: the composed config, without its ``hydra`` node.
        sources: what composed it. Without it nothing is said of keys that nothing declares, nor of where a key was
            written.

    Returns:
        the problems; warnings only, where ``config.strict`` is false, of all that may still run.
    """
    problems, plain = _resolved(config)
    problems += _structure(plain, sources)
    nodes = list(_nodes(plain, ""))
    signatures = read_signatures(
        [target for _, node, _ in nodes if isinstance(target := node["_target_"], str)]
    )
    trusted = (plain.get("extras") or {}).get("trusted") if isinstance(plain.get("extras"), Mapping) else None
    for key, node, nested in nodes:
        refused = _target(key, node["_target_"], trusted, signatures)
        problems += refused
        signature = signatures.get(node["_target_"]) if not refused else None
        if isinstance(signature, Signature):
            problems += check_call(key, node, signature, completed=nested)
    problems += unlogged_monitors(plain)
    if sources is not None:
        problems += undeclared(config, plain, sources)
        problems = [each for each in problems if not _is_registered_by_the_project(each, config)]
        problems = [_placed(problem, sources) for problem in problems]
    if plain.get("strict") is False:
        return [each if each.firm else replace(each, level="warning") for each in problems]
    return problems


def _resolved(config: DictConfig) -> tuple[list[Problem], dict[str, Any]]:
    """``config`` as plain containers, and a problem for each value that is missing or does not resolve."""
    problems: list[Problem] = []
    plain = _plain(config, "", problems)
    assert isinstance(plain, dict)
    return problems, plain


def _plain(node: Any, key: str, problems: list[Problem]) -> Any:
    if not isinstance(node, (DictConfig, ListConfig)):
        return node
    if node._is_none():
        return None
    names = list(node.keys()) if isinstance(node, DictConfig) else list(range(len(node)))
    values = {name: _value(node, name, f"{key}.{name!s}" if key else str(name), problems) for name in names}
    if isinstance(node, ListConfig):
        return list(values.values())
    return {str(name): value for name, value in values.items()}


def _value(parent: DictConfig | ListConfig, name: Any, key: str, problems: list[Problem]) -> Any:
    child: Node | None = parent._get_node(name)  # type: ignore[assignment]
    assert child is not None
    if child._is_missing() and not child._is_interpolation():
        problems.append(
            Problem(key, f"needs a value (it is ???): in a config, or {key}=VALUE", firm=True, unset=True)
        )
        return UNRESOLVED
    try:
        value = parent[name]
    except InterpolationToMissingValueError:
        # The value that is missing is a problem of its own.
        return UNRESOLVED
    except OmegaConfBaseException as error:
        shown = str(child._value())
        text = re.sub(
            r"^\w+ raised while resolving interpolation: ", "", str(error.msg or error).splitlines()[0]
        )
        absent = re.search(r"Interpolation key '([^']+)' not found", text)
        if absent and absent[1] not in shown:
            # It refers to a value that is a problem of its own.
            return UNRESOLVED
        problems.append(
            Problem(key, text if shown in text else f"{shown} does not resolve: {text}", firm=True)
        )
        return UNRESOLVED
    return _plain(value, key, problems)


def _structure(plain: Mapping[str, Any], sources: Sources | None) -> Iterator[Problem]:
    """What the groups must hold for a run."""
    chosen = sources.choices if sources is not None else {}
    for group in NEEDED:
        section = plain.get(group)
        if section is None or (chosen.get(group, "") is None and not is_node(section)):
            text = f"nothing is chosen here, and a run needs it: {group}=NAME"
            yield Problem(group, text, firm=True, unset=True)
        elif section is not UNRESOLVED and not is_node(section):
            yield Problem(group, "has no _target_, so nothing can be built of it", firm=True)
    for group in COLLECTIONS:
        members = plain.get(group)
        if isinstance(members, Mapping):
            yield from _members(group, members, sources)
        elif members is not None and members is not UNRESOLVED:
            yield Problem(group, f"a mapping of names to configs is needed, not {members!r}", firm=True)


def _members(group: str, members: Mapping[str, Any], sources: Sources | None) -> Iterator[Problem]:
    """Members without a ``_target_`` are left out; meant are those of options that are not chosen now."""
    options = sources.options(group) if sources is not None else set()
    built = [name for name, member in members.items() if is_node(member)]
    for name, member in members.items():
        if member is None or member is UNRESOLVED or is_node(member) or name in options:
            continue
        near = nearest(name, [*built, *(options - {"none"})])
        text = f"has no _target_, so it is left out.{near}"
        yield Problem(f"{group}.{name}", text, level="error" if near else "warning")


def _nodes(value: Any, key: str, nested: bool = False) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every node with a ``_target_``; ``nested`` in one that is not recursive, whose owner may complete it."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield key, value, nested
            nested = nested or value.get("_recursive_") is False
        for name, child in value.items():
            yield from _nodes(child, f"{key}.{name}" if key else name, nested)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _nodes(child, f"{key}.{index}", nested)


def _target(
    key: str, target: Any, trusted: Any, signatures: Mapping[str, Signature | TargetNotFound | None]
) -> list[Problem]:
    """Why ``target`` cannot be used, if it cannot."""
    place = f"{key}._target_"
    if target is UNRESOLVED:
        return []
    if not isinstance(target, str):
        return [Problem(place, f"a dotted path is needed, not {target!r}", firm=True)]
    package = target.partition(".")[0]
    found = signatures[target]
    command = missing_package(target)
    if command is not None:
        return [Problem(place, f"{target} needs a package that is not installed. Type: {command}", firm=True)]
    if isinstance(found, TargetNotFound):
        return [Problem(place, f"{target}: {found}")]
    if isinstance(trusted, list) and package not in trusted:
        allowed = ", ".join(map(str, trusted))
        why = f"the package {package!r} is not in extras.trusted ({allowed}). If you trust it, add it there"
        return [Problem(place, f"{target}: {why}.", firm=True)]
    return []


def _is_registered_by_the_project(problem: Problem, config: DictConfig) -> bool:
    """Whether a resolver that is not known here is one that the project's ``train.py`` makes known."""
    unknown = re.search(r"Unsupported interpolation type (\w+)", problem.message)
    if unknown is None or "paths" not in config:
        return False
    code = project_code(Path(str(config.paths.root_dir)))
    return "register_new_resolver" in code and re.search(rf"['\"]{unknown[1]}['\"]", code) is not None


def _placed(problem: Problem, sources: Sources) -> Problem:
    place = sources.of(problem.key)
    if place is None:
        return problem
    return replace(problem, file=place.file, line=place.line, override=place.override)
