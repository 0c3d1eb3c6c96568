"""JSON schemas for the config files of a project, from what they compose to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hydra_lightning.config.schema_hydra import hydra_schema
from hydra_lightning.config.schema_targets import DRAFT, TARGETS, reference, required
from hydra_lightning.config.schema_types import STAND_IN, Schema, value_schema
from hydra_lightning.config.signatures.model import Choice, Either, ListOf, Plain, Signature, Type

NONE, BOOL, STR, INT = Plain("None"), Plain("bool"), Plain("str"), Plain("int")
# The types of what train and evaluate read that is no object.
READ: dict[str, Type] = {
    "task_name": STR,
    "tags": Either((ListOf(Either((STR, INT, Plain("float")))), STR, INT, NONE)),
    "add_tags": Either((ListOf(Either((STR, INT, Plain("float")))), STR, INT, NONE)),
    "train": BOOL,
    "validate": BOOL,
    "test": BOOL,
    "strict": BOOL,
    "seed": Either((INT, NONE)),
    "ckpt_path": Either((STR, NONE)),
    "resume": Either((STR, NONE)),
    "run": Either((STR, NONE)),
    "mode": Choice(("test", "validate", "predict")),
    "predictions": Choice(("parquet", "safetensors")),
    "extras.ignore_warnings": BOOL,
    "extras.enforce_tags": BOOL,
    "extras.print_config": BOOL,
    "extras.load_in_process": BOOL,
    "extras.trusted": Either((ListOf(STR), NONE)),
}


@dataclass(frozen=True)
class Known:
    """What the schemas of all files of a project are made from.

    Args:
        signatures: of every target that its configs have.
        options: the options of each group.
        comments: a sentence on each key at the top, from the main configs.
        closed: the keys that the top (``""``) and the sections without a target may have; None leaves them open.
        groups_elsewhere: whether there may be more groups and options, in other folders that Hydra searches.
    """

    signatures: Mapping[str, Signature]
    options: Mapping[str, list[str]]
    comments: Mapping[str, str]
    closed: Mapping[str, set[str]]
    groups_elsewhere: bool = False


@dataclass(frozen=True)
class ConfigFile:
    """A config file, or the new ones of a group.

    Args:
        name: below ``configs/`` and without ``.yaml``: ``model/net/mlp``.
        package: the dotted key where its content goes; empty for the top.
        tree: what stands there once it is composed, interpolations and all.
        content: the file itself.
        is_main: it declares keys of its own.
    """

    name: str
    package: str
    tree: Any
    content: Any = field(default_factory=dict)
    is_main: bool = False

    @property
    def group(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def schema_file(self) -> str:
        return f"{self.name}.json"


def file_schema(file: ConfigFile, known: Known) -> Schema:
    """The schema of one config file."""
    to_targets = "../" * file.name.count("/") + TARGETS
    node = _node(file.tree, file.package, known, to_targets)
    if file.package == "hydra" or file.package.startswith("hydra."):
        node = hydra_schema(file.package)
    if file.is_main:
        node["additionalProperties"] = True
    if isinstance(file.content, Mapping) and "defaults" not in file.content and file.package:
        node = _complete(node, file.content, known)
    defaults = _defaults_schema(file, known, to_targets)
    if "properties" in node:
        node["properties"]["defaults"] = defaults
        return {"$schema": DRAFT, **node}
    return {"$schema": DRAFT, "properties": {"defaults": defaults}, "allOf": [node]}


def _node(tree: Any, key: str, known: Known, to_targets: str) -> Schema:
    """The schema of what is composed at ``key``."""
    any_node = {"$ref": f"{to_targets}#/definitions/any"}
    if not isinstance(tree, Mapping):
        return _leaf(key, any_node)
    children = {
        str(name): _node(value, f"{key}.{name}" if key else str(name), known, to_targets)
        for name, value in tree.items()
        if (isinstance(value, Mapping) or not key or f"{key}.{name}" in READ)
        and str(name) in known.closed.get(key, (str(name),))
    }
    target = tree.get("_target_")
    if isinstance(target, str) and target in known.signatures:
        own: Schema = {"$ref": reference(target, to_targets)}
        return {
            "if": {
                "type": "object",
                "required": ["_target_"],
                "properties": {"_target_": {"not": {"const": target}}},
            },
            "then": any_node,
            "else": {"allOf": [own, {"properties": children}]} if children else own,
        }
    if isinstance(target, str):
        return any_node
    schema: Schema = {
        "type": ["object", "string", "null"],
        "pattern": STAND_IN,
        "properties": children,
        "additionalProperties": any_node,
    }
    if not key:
        children["hydra"] = {"$ref": reference("hydra", to_targets)}
        _describe_top(schema, known, any_node)
    elif key in known.closed:
        for name in sorted(known.closed[key] - set(children)):
            children[name] = _leaf(f"{key}.{name}", any_node)
        schema["additionalProperties"] = False
    return schema


def _leaf(key: str, any_node: Schema) -> Schema:
    """The schema of a value that is no section."""
    return value_schema(READ[key], nodes=False) if key in READ else dict(any_node)


def _describe_top(schema: Schema, known: Known, any_node: Schema) -> None:
    properties = schema["properties"]
    for name in sorted(known.closed.get("", set()) - set(properties)):
        properties[name] = _leaf(name, any_node)
    for name, comment in known.comments.items():
        if name in properties:
            properties[name] = {"description": comment, "allOf": [properties[name]]}
    schema["type"] = ["object", "null"]
    if known.closed:
        schema["additionalProperties"] = False


def _complete(node: Schema, content: Mapping[str, Any], known: Known) -> Schema:
    """``node`` with the arguments that a file without a defaults list has to give to its ``_target_``."""
    signature = known.signatures.get(str(content.get("_target_")))
    if signature is None or content.get("_partial_") or content.get("_args_") or "else" not in node:
        return node
    return node | {"else": {"allOf": [node["else"], {"required": required(signature)}]}}


def _defaults_schema(file: ConfigFile, known: Known, to_targets: str) -> Schema:
    """The schema of the defaults list: groups, and the options of each."""
    named: dict[str, Schema] = {}
    patterns: dict[str, Schema] = {r"^(override )?/?hydra/": {}}
    absolute = "" if file.is_main else "/"
    for group in known.options:
        choice = {"$ref": reference(_options_of(group), to_targets)}
        named[f"{absolute}{group}"] = choice
        if not file.is_main:
            named[f"override /{group}"] = choice
            if file.group and group.startswith(f"{file.group}/"):
                named[group.removeprefix(f"{file.group}/")] = choice
        relative = group.removeprefix(f"{file.group}/") if file.group else group
        names = "|".join(sorted({re.escape(f"/{group}"), re.escape(group), re.escape(relative)}))
        patterns[rf"^(override )?({names})(@.*)?$"] = choice
        patterns[rf"^optional ({names})(@.*)?$"] = {}
    siblings = [each for each in known.options.get(file.group, []) if each != PurePosixPath(file.name).name]
    return {
        "type": "array",
        "description": "what this file is put together from; what stands later wins",
        "items": {
            "anyOf": [
                {"enum": ["_self_", *siblings]},
                {"type": "string", "pattern": r"[/@$.]"},
                {
                    "type": "object",
                    "properties": named,
                    "patternProperties": patterns,
                    "additionalProperties": known.groups_elsewhere,
                },
            ]
        },
    }


def shared_definitions(known: Known) -> Schema:
    """What the schemas of several files refer to: the options of each group, and the group ``hydra``."""
    found: Schema = {"hydra": hydra_schema("hydra")}
    for group, options in known.options.items():
        other: Schema = {"type": ["string", "null"]}
        if not known.groups_elsewhere:
            other = {"type": "string", "pattern": r"\$\{|^\?\?\?$|/|\.yaml$"}
        one = {"anyOf": [{"enum": [*options, None]}, other]}
        found[_options_of(group)] = {"anyOf": [one, {"type": "array", "items": one}]}
    return found


def _options_of(group: str) -> str:
    return f"options.{group.replace('/', '.')}"


def targets_in(tree: Any) -> Iterator[str]:
    """Every ``_target_`` in plain containers."""
    if isinstance(tree, Mapping):
        if isinstance(tree.get("_target_"), str):
            yield tree["_target_"]
        for value in tree.values():
            yield from targets_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from targets_in(value)
