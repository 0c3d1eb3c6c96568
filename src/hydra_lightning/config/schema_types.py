"""Types of arguments as JSON schemas (draft-07, which yaml-language-server knows best)."""

from __future__ import annotations

import ast
from typing import Any

from hydra_lightning.config.signatures.model import (
    Choice,
    DictOf,
    Either,
    ListOf,
    Opaque,
    Parameter,
    Plain,
    TupleOf,
    Type,
)
from hydra_lightning.config.signatures.types import in_words

Schema = dict[str, Any]
# In the place of any value: ${...}, alone or within text, and ???.
STAND_IN = r"\$\{|^\?\?\?$"
ANY_NODE: Schema = {"$ref": "#/definitions/any"}
PLAIN = {
    "int": ["integer", "boolean"],
    "float": ["number", "boolean"],
    "str": ["string"],
    "bool": ["boolean"],
    "None": ["null"],
}


def argument_schema(parameter: Parameter, documentation: str) -> Schema:
    """What an argument takes, with its default and documentation."""
    schema = value_schema(parameter.type)
    try:
        default = ast.literal_eval(parameter.default or "...")
    except (ValueError, SyntaxError, TypeError):
        default = ...
    if default is None or isinstance(default, (bool, int, float, str)):
        schema["default"] = default
    if documentation:
        schema["description"] = documentation
    return schema


def value_schema(kind: Type, nodes: bool = True) -> Schema:
    """What may stand in a config for a value of this type; never stricter than the check of a run.

    A stand-in may stand anywhere, and so may, with ``nodes``, a config with a ``_target_`` that makes the value.
    """
    members = kind.members if isinstance(kind, Either) else (kind,)
    plain = [each for each in members if not isinstance(each, Opaque) and each != Plain("None")]
    opaque = [each for each in members if isinstance(each, Opaque)]
    if any(not each.is_class for each in opaque) or (opaque and not plain):
        return {"allOf": [ANY_NODE]}
    types: list[str] = ["array"] if opaque else []
    for each in members:
        types += _types(each)
    if "boolean" in types and not {"integer", "number"} & set(types):
        types.append("integer")
        schema: Schema = {"minimum": 0, "maximum": 1}
    else:
        schema = {}
    arrays = [each for each in members if isinstance(each, (ListOf, TupleOf))]
    if len(arrays) == 1 and not opaque:
        schema |= _items(arrays[0], nodes)
    if "string" not in types:
        types.append("string")
        schema["pattern"] = STAND_IN
        schema["patternErrorMessage"] = f"{in_words(kind)} is wanted here."
    if any(isinstance(each, DictOf) for each in members):
        types.append("object")
    elif nodes:
        types.append("object")
        schema["required"] = ["_target_"]
    if nodes:
        schema["allOf"] = [ANY_NODE]
    schema["type"] = list(dict.fromkeys(types))
    choices = [value for each in members if isinstance(each, Choice) for value in each.values]
    return {"anyOf": [{"enum": choices}, schema]} if choices else schema


def _types(kind: Type) -> list[str]:
    if isinstance(kind, Plain):
        return PLAIN[kind.name]
    if isinstance(kind, (ListOf, TupleOf)):
        return ["array", "string"] if isinstance(kind, ListOf) and kind.str_too else ["array"]
    return []


def _items(kind: ListOf | TupleOf, nodes: bool) -> Schema:
    if isinstance(kind, ListOf):
        return {"items": value_schema(kind.item, nodes)}
    items = [value_schema(each, nodes) for each in kind.items]
    return {"items": items, "minItems": len(items), "maxItems": len(items)}
