"""One JSON schema for each ``_target_`` of a project, in one file that the schemas of the config files refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hydra_lightning.config.schema_types import STAND_IN, Schema, argument_schema
from hydra_lightning.config.signatures.argument_docs import argument_docs, summary
from hydra_lightning.config.signatures.model import Signature
from hydra_lightning.config.signatures.modules import Library
from hydra_lightning.config.signatures.read import read_signatures

TARGETS = "targets.json"
DRAFT = "http://json-schema.org/draft-07/schema#"
SPECIAL: Schema = {
    "_args_": {"type": ["array", "string"], "description": "arguments by position"},
    "_partial_": {
        "type": ["boolean", "string"],
        "description": "true: the code that gets it calls it, with the arguments that are missing here",
    },
    "_recursive_": {
        "type": ["boolean", "string"],
        "description": "false: configs inside are not made into objects",
    },
    "_convert_": {
        "enum": ["none", "partial", "object", "all"],
        "description": "which lists and mappings become plain ones; none keeps OmegaConf's",
    },
}


def known_signatures(targets: Iterable[str]) -> dict[str, Signature]:
    """The signatures of those ``targets`` that exist and can be read."""
    read = read_signatures(sorted(set(targets)))
    return {target: each for target, each in read.items() if isinstance(each, Signature)}


def targets_schema(signatures: Mapping[str, Signature], shared: Schema) -> Schema:
    """The file of all targets and what else is ``shared``.

    Its ``#/definitions/any`` is a node of any target, which its own ``_target_`` decides.
    """
    library = Library()
    definitions: dict[str, Any] = {
        **shared,
        "any": {
            "allOf": [
                {
                    "if": {
                        "type": "object",
                        "required": ["_target_"],
                        "properties": {"_target_": {"const": target}},
                    },
                    "then": {"$ref": reference(target, file="")},
                }
                for target in signatures
            ]
        },
        "_target_": {
            "description": "the class or function that makes the object",
            "anyOf": [{"enum": list(signatures)}, {"type": "string"}],
        },
    }
    for target, signature in signatures.items():
        definitions[target] = _target_schema(signature, library)
    return {"$schema": DRAFT, "definitions": definitions}


def reference(target: str, file: str = TARGETS) -> str:
    return f"{file}#/definitions/{target}"


def required(signature: Signature) -> list[str]:
    """The arguments that a complete node has to give by name."""
    return [each.name for each in signature.named() if each.required]


def _target_schema(signature: Signature, library: Library) -> Schema:
    docs = argument_docs(signature, library)
    # A file may have a defaults list; the schema of the file says what is in it.
    defaults = {"doNotSuggest": True}
    properties = {"_target_": {"$ref": "#/definitions/_target_"}, **SPECIAL, "defaults": defaults}
    for parameter in signature.named():
        properties[parameter.name] = argument_schema(parameter, docs.get(parameter.name, ""))
    return {
        "title": signature.target,
        "description": summary(signature, library),
        "type": ["object", "string", "null"],
        "pattern": STAND_IN,
        "patternErrorMessage": f"a config of {signature.target} is wanted here.",
        "properties": properties,
        "additionalProperties": signature.open,
    }
