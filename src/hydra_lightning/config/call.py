"""Holds the arguments of one ``_target_`` against its signature."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hydra_lightning.config.messages import nearest
from hydra_lightning.config.problems import Problem
from hydra_lightning.config.signatures.model import Parameter, Signature
from hydra_lightning.config.signatures.types import BUILT, fits, in_words

SPECIAL = ("_target_", "_args_", "_partial_", "_recursive_", "_convert_")
CONVERSIONS = ("none", "partial", "object", "all")


class _Unresolved:
    """Stands for a value that is missing or does not resolve, which is a problem of its own."""


UNRESOLVED: Final = _Unresolved()


def is_node(value: Any) -> bool:
    """Whether Hydra builds an object of ``value``."""
    return isinstance(value, Mapping) and "_target_" in value


def check_call(key: str, node: Mapping[str, Any], signature: Signature, completed: bool) -> Iterator[Problem]:
    """What is wrong with calling ``signature`` with the arguments of ``node``.

    Args:
        key: where the node is.
        node: plain, resolved.
        completed: others may add arguments before the call.
    """
    yield from _special(key, node)
    given = {name: value for name, value in node.items() if name not in SPECIAL}
    positional = node.get("_args_")
    positional = positional if isinstance(positional, list) else []
    named = {parameter.name: parameter for parameter in signature.named()}
    yield from _positional(key, positional, given, signature)
    for name, value in given.items():
        if name in named:
            yield from _value(f"{key}.{name}", value, named[name], signature)
        elif _is_misspelt_special(name):
            yield Problem(f"{key}.{name}", f"Hydra has no such key.{nearest(name, SPECIAL)}")
        elif not signature.open:
            yield _unknown(key, name, signature)
    if not (node.get("_partial_") is True or completed):
        yield from _missing(key, positional, given, signature)


def _special(key: str, node: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("_partial_", "_recursive_"):
        if name in node and not isinstance(node[name], bool) and node[name] is not UNRESOLVED:
            yield Problem(f"{key}.{name}", f"wants true or false, not {node[name]!r}")
    convert = node.get("_convert_", "none")
    if convert is not UNRESOLVED and str(convert).lower() not in CONVERSIONS:
        yield Problem(f"{key}._convert_", f"wants one of {', '.join(CONVERSIONS)}, not {convert!r}")
    if not isinstance(node.get("_args_", []), list) and node["_args_"] is not UNRESOLVED:
        yield Problem(f"{key}._args_", f"wants a list, not {node['_args_']!r}")


def _positional(
    key: str, values: list[Any], given: Mapping[str, Any], signature: Signature
) -> Iterator[Problem]:
    takes = [each for each in signature.parameters if each.kind in ("positional", "normal")]
    if len(values) > len(takes) and not any(each.kind == "rest" for each in signature.parameters):
        count = f"{len(takes)} argument{'s' * (len(takes) != 1)}"
        text = f"{signature.target} takes at most {count} by position, not {len(values)}"
        yield Problem(f"{key}._args_", text, signature=str(signature))
    for index, (value, parameter) in enumerate(zip(values, takes, strict=False)):
        if parameter.name in given:
            text = f"{parameter.name} is given twice: by name, and by position in _args_"
            yield Problem(f"{key}.{parameter.name}", text, signature=str(signature))
        yield from _value(f"{key}._args_.{index}", value, parameter, signature)


def _value(key: str, value: Any, parameter: Parameter, signature: Signature) -> Iterator[Problem]:
    value = _as_passed(value)
    if value is BUILT or fits(value, parameter.type) or _is_default(value, parameter):
        return
    wanted = in_words(parameter.type)
    hint = ""
    if isinstance(value, str) and _is_number(value) and fits(float(value), parameter.type):
        hint = " (without quotes it is a number)"
    elif isinstance(value, (int, float)) and fits(str(value), parameter.type):
        hint = " (in quotes it is a text)"
    text = f"{signature.target} wants {wanted}, not {_shown(value)}{hint}"
    yield Problem(key, text, signature=str(signature))


def _unknown(key: str, name: str, signature: Signature) -> Problem:
    if any(each.name == name and each.kind == "positional" for each in signature.parameters):
        text = f"{signature.target} takes {name} by position only: put it in _args_"
    else:
        text = f"{signature.target} takes no such argument.{nearest(name, [each.name for each in signature.named()])}"
    return Problem(f"{key}.{name}", text, signature=str(signature))


def _missing(
    key: str, values: list[Any], given: Mapping[str, Any], signature: Signature
) -> Iterator[Problem]:
    takes = [each for each in signature.parameters if each.kind in ("positional", "normal")]
    by_position = {each.name for each in takes[: len(values)]}
    absent = [
        each.name
        for each in signature.parameters
        if each.required and each.name not in by_position and each.name not in given
    ]
    if absent:
        names = ", ".join(absent)
        text = (
            f"{signature.target} needs {names}, and {'it is' if len(absent) == 1 else 'they are'} not given"
        )
        yield Problem(key, text, signature=str(signature))


def _as_passed(value: Any) -> Any:
    """``value`` with what Hydra builds, or what is not known, replaced by a mark that fits any type."""
    if value is UNRESOLVED or is_node(value):
        return BUILT
    if isinstance(value, Mapping):
        return {name: _as_passed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_passed(each) for each in value]
    return value


def _is_default(value: Any, parameter: Parameter) -> bool:
    """Whether ``value`` is the default: annotations are not always true of it."""
    try:
        default = ast.literal_eval(parameter.default or "")
    except (ValueError, SyntaxError):
        return False
    default = list(default) if isinstance(default, tuple) else default
    return bool(value == default and type(value) is type(default))


def _is_misspelt_special(name: str) -> bool:
    return name.startswith("_") and bool(nearest(name, SPECIAL))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(value: Any) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."
