"""The JSON schema of the group ``hydra``, from Hydra's own structured config."""

from __future__ import annotations

import dataclasses
import enum
import typing
from typing import Any

from hydra.conf import HydraConf

from hydra_lightning.config.schema_types import STAND_IN, Schema

SCALARS: dict[Any, str] = {int: "integer", float: "number", bool: "boolean", str: "string"}


def hydra_schema(key: str) -> Schema:
    """What may stand at ``key``, as ``hydra`` or ``hydra.run``; anything where Hydra leaves it to a plugin."""
    schema = _section(HydraConf)
    for name in key.split(".")[1:]:
        schema = schema.get("properties", {}).get(name, {})
    return schema


def _section(kind: type) -> Schema:
    hints = typing.get_type_hints(kind)
    return {
        "type": ["object", "null"],
        "properties": {each.name: _value(hints[each.name]) for each in dataclasses.fields(kind)},
        "additionalProperties": False,
    }


def _value(kind: Any) -> Schema:
    members = [each for each in typing.get_args(kind) if each is not type(None)]
    if type(None) in typing.get_args(kind) and len(members) == 1:
        kind = members[0]
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _section(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {
            "anyOf": [
                {"enum": [each.name for each in kind]},
                {"type": ["string", "null"], "pattern": STAND_IN},
            ]
        }
    if kind in (int, float, bool):
        return {"type": [SCALARS[kind], "string", "null"], "pattern": STAND_IN}
    return {"type": ["string", "number", "boolean", "null"]} if kind is str else {}
