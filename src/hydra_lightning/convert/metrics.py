"""What a program prints of its evaluation becomes metrics with names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from hydra_lightning.convert.source import Piece

WORDS = {"accuracy": "acc", "perplexity": "ppl"}
PREFIXES = (
    "test",
    "val",
    "valid",
    "validation",
    "eval",
    "dev",
    "avg",
    "average",
    "mean",
    "total",
    "epoch",
    "train",
)


def printed(pieces: Sequence[Piece], counters: set[str]) -> list[tuple[str, Piece, ast.expr]]:
    """``(name, piece, expression)`` of each number that is printed, none of them twice.

    Args:
        pieces: statements, of which those that print count.
        counters: names that count epochs or batches; they are no metrics.
    """
    found: dict[str, tuple[Piece, ast.expr]] = {}
    for piece in pieces:
        for node in ast.walk(piece.node):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                for label, value in _values(node):
                    names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
                    if isinstance(value, ast.Constant) or not names or names <= counters or _is_size(value):
                        continue
                    name = _name(label, value)
                    if name and name not in found:
                        found[name] = (piece, value)
    return [(name, piece, value) for name, (piece, value) in found.items()]


def _values(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """Each value of a ``print`` with the text before it."""
    label = ""
    for argument in call.args:
        if isinstance(argument, ast.JoinedStr):
            for part in argument.values:
                if isinstance(part, ast.FormattedValue):
                    yield label, part.value
                    label = ""
                elif isinstance(part, ast.Constant):
                    label = str(part.value)
        elif (
            isinstance(argument, ast.BinOp)
            and isinstance(argument.op, ast.Mod)
            and _text(argument.left) is not None
        ):
            values = argument.right.elts if isinstance(argument.right, ast.Tuple) else [argument.right]
            yield from zip(re.split(r"%[-+ 0-9.]*[a-zA-Z]", _text(argument.left) or ""), values, strict=False)
        elif (
            isinstance(argument, ast.Call)
            and isinstance(argument.func, ast.Attribute)
            and argument.func.attr == "format"
        ):
            yield from zip(
                re.split(r"\{[^}]*\}", _text(argument.func.value) or ""), argument.args, strict=False
            )
        elif (text := _text(argument)) is not None:
            label = text
        else:
            yield label, argument
            label = ""


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_size(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "len"


def _name(label: str, value: ast.expr) -> str:
    """``loss`` from ``"| val loss "``, else from the variable ``val_loss``."""
    words = re.findall(r"[a-z_]+", label.lower().replace("%", ""))
    if not words or len(words[-1]) < 2:
        words = re.findall(r"[a-z]+", ast.unparse(value).lower()) if isinstance(value, ast.Name) else words
    words = [part for word in words for part in word.split("_") if part]
    rest = [word for word in words if word not in PREFIXES]
    return WORDS.get(rest[-1], rest[-1]) if rest else ""
