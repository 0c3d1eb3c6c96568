"""The text of a new config: keys, defaults and comments, as somebody would have typed them."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hydra_lightning.config.signatures.model import Parameter, Signature
from hydra_lightning.config.yaml_text import as_yaml, comment_lines, entry


@dataclass(frozen=True)
class Node:
    """A ``_target_`` with its arguments.

    Args:
        signature: without the arguments that the code gives.
        partial: whether the node is ``_partial_``.
        summary: what the target is, in a sentence.
        docs: a sentence on each argument.
        values: YAML for arguments that are not to have their default.
        nested: the arguments that are nodes themselves.
    """

    signature: Signature
    partial: bool
    summary: str
    docs: dict[str, str]
    values: dict[str, str]
    nested: dict[str, Node]


class NotPlainError(Exception):
    """A default that no config can hold."""


def text_of(node: Node, name: str | None) -> str:
    """The file's text; with ``name`` the node is one level down, under that key."""
    head = comment_lines(node.summary)
    if name is None:
        return "\n".join([*head, *([""] if head else []), *_lines(node, "")]) + "\n"
    return "\n".join([*head, *([""] if head else []), f"{as_yaml(name)}:", *_lines(node, "  ")]) + "\n"


def _lines(node: Node, indent: str) -> Iterator[str]:
    signature = node.signature
    yield f"{indent}_target_: {signature.target}"
    if node.partial:
        yield f"{indent}_partial_: true"
    yield from _positional(node, indent)
    left_out: list[str] = []
    unknown: list[str] = []
    named = list(signature.named())
    # An argument that the signature does not name can be nested all the same, where **kwargs takes it.
    extra = [Parameter(name) for name in node.nested if name not in {each.name for each in named}]
    for parameter in [*named, *extra]:
        name, comment = parameter.name, node.docs.get(parameter.name, "")
        if name in node.nested:
            yield from entry(name, "", comment, indent)
            yield from _lines(node.nested[name], f"{indent}  ")
            continue
        try:
            value = node.values.get(name) or _default(parameter)
        except NotPlainError:
            if parameter.default != "...":
                left_out.append(f"{name}={' '.join((parameter.default or '').split())}")
            elif not name.startswith("_"):
                unknown.append(name)
        else:
            yield from entry(name, value, comment, indent)
    if left_out:
        yield from comment_lines(f"left out, as the default is no plain value: {', '.join(left_out)}", indent)
    if unknown:
        yield from comment_lines(f"can be added: {', '.join(unknown)}", indent)
    if signature.open:
        yield from comment_lines("can be added: other arguments, which **kwargs takes", indent)


def _positional(node: Node, indent: str) -> Iterator[str]:
    """``_args_`` for what cannot be given by name."""
    parameters = node.signature.parameters
    only = [each for each in parameters if each.kind == "positional"]
    rest = next((each for each in parameters if each.kind == "rest"), None)
    values: list[str] = []
    for parameter in only:
        try:
            # A plain ??? is no value within [...].
            values.append('"???"' if parameter.required else _default(parameter))
        except NotPlainError:
            break
    if only:
        yield from entry("_args_", f"[{', '.join(values)}]", ", ".join(each.name for each in only), indent)
    elif rest and not any(True for _ in node.signature.named()):
        yield from entry("_args_", "[]", node.docs.get(rest.name) or f"*{rest.name}", indent)
    elif rest:
        yield from comment_lines(
            f"*{rest.name} can be given only in _args_: [...], after the arguments by position", indent
        )


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return "???"
    value = _value(parameter.default)
    if not _is_plain(value):
        raise NotPlainError
    return as_yaml(value)


def _value(source: str) -> Any:
    special = {"inf": math.inf, "nan": math.nan}
    negative, word = source.startswith("-"), source.removeprefix("-").strip()
    match = word.removeprefix("float(").rstrip(")").strip("'\"+") if word.startswith("float(") else word
    name = match.rpartition(".")[2].lower()
    if name in special and match.rpartition(".")[0] in ("", "math", "np", "numpy", "torch"):
        return -special[name] if negative else special[name]
    try:
        return ast.literal_eval(source)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise NotPlainError from None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, (str, int)) and _is_plain(each) for key, each in value.items())
    if isinstance(value, str):
        # Hydra would take both for more than text, however they are escaped.
        return value != "???" and "${" not in value
    return value is None or isinstance(value, (bool, int, float))
