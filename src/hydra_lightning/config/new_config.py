"""Writes ``configs/GROUP/NAME.yaml`` for a class or function, from its signature and its docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hydra_lightning.config.layout import COLLECTIONS, OVERLAYS, is_chosen, options
from hydra_lightning.config.messages import nearest
from hydra_lightning.config.new_config_text import Node, text_of
from hydra_lightning.config.project import enter_project
from hydra_lightning.config.signatures.argument_docs import merged, opening
from hydra_lightning.config.signatures.docstrings import docstrings_of
from hydra_lightning.config.signatures.imported import imported_signature
from hydra_lightning.config.signatures.model import Either, Opaque, Parameter, Signature, Type
from hydra_lightning.config.signatures.read import TargetNotFound, read_signature
from hydra_lightning.errors import ConfigError

# What an argument that names a folder is set to, in a project with the group paths.
PATHS = {
    "data_dir": "${paths.data_dir}",
    "dirpath": "${paths.output_dir}/checkpoints",
    "save_dir": "${paths.output_dir}",
    "default_root_dir": "${paths.output_dir}",
}
# Arguments that only a run can give: the code calls the target with them.
GIVEN_LATER = ("params", "optimizer")
# Instances of a class are never one of these, so a function that returns one is the instance, not the class.
DATA = ("Tensor", "ndarray", "float", "int", "str", "bool", "None")


@dataclass(frozen=True)
class NewConfig:
    """What was written.

    Args:
        file: the config.
        override: what to type after ``train.py``: ``model=mine``, or ``+model=mine`` where no config has the group.
        missing: the keys that are still ``???``.
        notes: what was decided that a reader may not expect.
        imported: targets whose source does not tell their arguments, so that they were imported.
    """

    file: Path
    override: str
    missing: list[str]
    notes: list[str]
    imported: list[str]


@dataclass
class _Plan:
    """What holds for the whole file."""

    nest: Mapping[str, str]
    paths: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)


def new_config(
    project: Path,
    group: str,
    name: str,
    target: str,
    nest: Mapping[str, str] | None = None,
    partial: bool | None = None,
) -> NewConfig:
    """Write ``configs/GROUP/NAME.yaml`` for ``target``.

    Every argument is there with its default, ``???`` where it has none. A target of the groups ``optimizer`` and
    ``scheduler``, or one that takes the ``params`` or the ``optimizer`` of a run, is ``_partial_``, without them. The
    source is read; a target that is not written in Python is imported.

    Args:
        project: the folder that holds ``configs/``.
        group: a config group, ``model`` or ``model/net``; a new one may be made.
        name: the new option.
        target: the dotted path of a class or function.
        nest: the target for an argument that is an object itself, by its dotted key: ``{"net": "torch.nn.Linear"}``.
        partial: whether ``target`` is ``_partial_``; None decides as above.

    Raises:
        ConfigError: the file exists, the group is no place for an object, or a target or an argument does not exist.
    """
    configs = project / "configs"
    file = _new_file(configs, group, name)
    enter_project(configs)
    plan = _Plan(nest or {}, PATHS if (configs / "paths").is_dir() else {})
    if partial is None and (group == "model" or _is_factory(group)):
        partial = group != "model"
    node = _node(plan, target, "", partial, given=0)
    for key in plan.nest:
        parent = key.rpartition(".")[0]
        if parent and parent not in plan.nest:
            raise ConfigError(
                f"--nest {key}={plan.nest[key]}: {parent} is no object yet. Add --nest {parent}=TARGET."
            )
    known = options(configs)
    if group not in known:
        parent = group.rpartition("/")[0]
        beside = [each for each in known if each.rpartition("/")[0] == parent]
        plan.notes.append(f"{group} is a new group.{nearest(group, beside)}")
    text = text_of(node, name if group in COLLECTIONS else None)
    missing = list(_missing(OmegaConf.to_container(OmegaConf.create(text))))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    override = f"{'' if is_chosen(configs, group) else '+'}{group}={name}"
    return NewConfig(file, override, missing, plan.notes, plan.imported)


def _new_file(configs: Path, group: str, name: str) -> Path:
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", group):
        raise ConfigError(
            f"{group!r} is not the name of a group. Write model, or model/net for a group in a group."
        )
    if not re.fullmatch(r"\w[\w.-]*", name) or name.endswith((".yaml", ".yml")):
        raise ConfigError(
            f"{name!r} is not the name of a config: letters, digits, _ - and . and no .yaml at the end."
        )
    if group.partition("/")[0] in OVERLAYS:
        raise ConfigError(
            f"{group}: the files of this group change other groups and describe no object. For an experiment: "
            "hydra-lightning experiment new NAME OVERRIDES"
        )
    file = configs / group / f"{name}.yaml"
    if file.exists():
        raise ConfigError(f"{file}: exists already. Choose another name, or remove it first.")
    return file


def _node(plan: _Plan, target: str, key: str, partial: bool | None, given: int) -> Node:
    """The config of ``target`` at the dotted ``key``, whose first ``given`` arguments the code gives."""
    signature, docstrings = _signature(plan, target, key)
    later = [each.name for each in signature.parameters[:1] if each.required and each.name in GIVEN_LATER]
    is_partial = bool(later) if partial is None else partial
    if is_partial:
        positional = [each.name for each in signature.parameters if each.kind in ("positional", "normal")]
        signature = signature.without(*later, *positional[:given])
        if key and not later:
            plan.notes.append(f"{key} is _partial_: the code calls it.")
    nested = _children(plan, signature, key)
    values: dict[str, str] = {}
    for parameter in signature.named():
        path = plan.paths.get(parameter.name)
        if path and parameter.name not in nested:
            values[parameter.name] = path
            before = "???" if parameter.required else parameter.default
            plan.notes.append(f"{_join(key, parameter.name)} is {path}, not {before}.")
    return Node(signature, is_partial, opening(docstrings), merged(docstrings), values, nested)


def _signature(plan: _Plan, target: str, key: str) -> tuple[Signature, list[str]]:
    """The signature of ``target`` and its docstrings."""
    try:
        signature = read_signature(target)
    except TargetNotFound as error:
        raise ConfigError(f"{f'--nest {key}={target}' if key else target}: {error}") from error
    if signature is None:
        if target not in plan.imported:
            plan.imported.append(target)
        return imported_signature(target)
    return signature, docstrings_of(signature)


def _children(plan: _Plan, signature: Signature, key: str) -> dict[str, Node]:
    """The nested configs of a node's arguments, by the argument's name."""
    named = {each.name: each for each in signature.named()}
    nested: dict[str, Node] = {}
    for path, target in plan.nest.items():
        parent, _, name = path.rpartition(".")
        if parent != key:
            continue
        if name not in named and not signature.open:
            raise ConfigError(
                f"--nest {path}={target}: {signature.target} takes no argument {name}.{nearest(name, named)}\n"
                f"It takes {signature}"
            )
        parameter = named.get(name, Parameter(name))
        given = _arguments_given(parameter)
        nested[name] = _node(plan, target, path, _is_partial(plan, parameter, target, path), given)
    return nested


def _is_partial(plan: _Plan, parameter: Parameter, target: str, key: str) -> bool | None:
    """True when the code that takes the argument will call it; None leaves it to the target."""
    if _is_factory(parameter.name):
        return True
    if not _takes_callable(parameter.type):
        return None
    annotation = parameter.annotation or ""
    result = re.split(r"\W+", annotation.rpartition("],")[2].strip().rstrip("]"))[0]
    instance_is_called = (
        "Callable[[" in annotation and result in DATA and _signature(plan, target, key)[0].is_class
    )
    return None if instance_is_called else True


def _is_factory(name: str) -> bool:
    """Whether what is called ``name`` is made by the code that uses it: ``lr_scheduler``, ``model/optimizer``."""
    return re.split(r"[/_.]", name)[-1].lower().removesuffix("s") in ("optimizer", "scheduler")


def _takes_callable(kind: Type) -> bool:
    if isinstance(kind, Either):
        return any(map(_takes_callable, kind.members))
    return isinstance(kind, Opaque) and kind.name.rpartition(".")[2] in (
        "Callable",
        "partial",
        "type",
        "Type",
    )


def _arguments_given(parameter: Parameter) -> int:
    """How many arguments ``Callable[[A, B], C]`` says that the code gives."""
    match = re.search(r"Callable\[\[(.*?)\]\s*,", parameter.annotation or "")
    if match is None or not match[1].strip():
        return 0
    return len(re.sub(r"\[[^\[\]]*\]", "", match[1]).split(","))


def _missing(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _missing(each, _join(key, str(name)))
    elif value == "???" or (isinstance(value, list) and "???" in value):
        yield key


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def names_of(nested: Sequence[str]) -> dict[str, str]:
    """``KEY=TARGET`` texts as a mapping.

    Raises:
        ConfigError: one has another form, or a key comes twice.
    """
    found: dict[str, str] = {}
    for text in nested:
        key, equals, target = text.partition("=")
        if not (key and equals and target) or key in found:
            reason = "comes twice" if key in found else "is not of the form KEY=TARGET"
            raise ConfigError(f"--nest {text}: {reason}. Write --nest net=torch.nn.Linear")
        found[key] = target
    return found
