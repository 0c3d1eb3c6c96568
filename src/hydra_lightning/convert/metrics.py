"""What a program prints of its evaluation becomes metrics with names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from hydra_lightning.convert.source import Piece

WORDS = {"accuracy": "acc", "perplexity": "ppl"}
KNOWN = frozenset(
    (
        *(
            "loss",
            "acc",
            "accuracy",
            "f1",
            "auc",
            "dice",
            "iou",
            "mae",
            "mse",
            "rmse",
            "error",
            "score",
            "bleu",
        ),
        *("precision", "recall", "perplexity", "ppl", "bpc", "r2", "psnr", "elbo", "kl", "reward"),
    )
)
COUNTS = frozenset(("total", "count", "n", "num", "samples", "seen"))
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
    texts = {
        name
        for piece in pieces
        if isinstance(piece.node, ast.Assign) and _is_text(piece.node.value)
        for name in piece.defines
    }
    for piece in pieces:
        for node in ast.walk(piece.node):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                label = ""
                shown = list(_values(node))
                for told, value, following in shown:
                    if re.search(r"[a-zA-Z]{2}", told) and (_known(told) or not _known(label)):
                        label = told
                    names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
                    if (
                        not names
                        or names <= counters
                        or names <= texts
                        or _is_size(value)
                        or (isinstance(value, ast.Name) and value.id in COUNTS and len(shown) > 1)
                        or following.lstrip().startswith("/")
                    ):
                        # A count of so many: the share of it comes next, or is no metric.
                        continue
                    name = _name(label, value)
                    label = ""
                    if name and name not in found:
                        found[name] = (piece, value)
    return [(name, piece, value) for name, (piece, value) in found.items()]


def _values(call: ast.Call) -> Iterator[tuple[str, ast.expr, str]]:
    """Each value of a ``print`` with the text before and after it."""
    parts: list[str | ast.expr] = []
    for argument in call.args:
        parts += [*_parts(argument), " "]
    for index, part in enumerate(parts):
        if isinstance(part, ast.expr):
            around = [parts[index - 1] if index else "", parts[index + 1] if index + 1 < len(parts) else ""]
            before, after = (each if isinstance(each, str) else "" for each in around)
            if not before.strip() and index > 1 and isinstance(parts[index - 2], str):
                before = str(parts[index - 2])
            yield before, part, after


def _parts(argument: ast.expr) -> Iterator[str | ast.expr]:
    """The texts and values of one argument, alternating."""
    if isinstance(argument, ast.JoinedStr):
        for part in argument.values:
            if isinstance(part, ast.FormattedValue):
                yield part.value
            elif isinstance(part, ast.Constant):
                yield str(part.value)
        return
    texts: list[str] = []
    values: list[ast.expr] = []
    if (
        isinstance(argument, ast.BinOp)
        and isinstance(argument.op, ast.Mod)
        and _text(argument.left) is not None
    ):
        values = list(argument.right.elts) if isinstance(argument.right, ast.Tuple) else [argument.right]
        texts = re.split(r"%[-+ 0-9.]*[a-zA-Z]", (_text(argument.left) or "").replace("%%", ""))
    elif isinstance(argument, ast.Call) and ast.unparse(argument.func).endswith(".format"):
        assert isinstance(argument.func, ast.Attribute)
        texts, values = re.split(r"\{[^}]*\}", _text(argument.func.value) or ""), list(argument.args)
    elif (text := _text(argument)) is not None:
        texts = [text]
    else:
        values = [argument]
        texts = [""]
    for index, text in enumerate(texts):
        yield text
        if index < len(values):
            yield values[index]


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _known(label: str) -> bool:
    return not KNOWN.isdisjoint(re.findall(r"[a-z0-9]+", label.lower().replace("_", " ")))


def _is_text(value: ast.expr) -> bool:
    """Whether an expression puts a text together."""
    while isinstance(value, ast.BinOp):
        value = value.right
    return isinstance(value, ast.JoinedStr) or _text(value) is not None


def _is_size(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "len"


def _name(label: str, value: ast.expr) -> str:
    """``loss`` from ``"| val loss "``, else from the variable ``val_loss``."""
    words = re.findall(r"[a-z_]+", label.lower().replace("%", ""))
    if not words or len(words[-1]) < 2:
        words = re.findall(r"[a-z]+", ast.unparse(value).lower()) if isinstance(value, ast.Name) else words
    words = [part for word in words for part in word.split("_") if part]
    rest = [word for word in words if word not in PREFIXES]
    rest = [word for word in rest if word in KNOWN] or rest
    return WORDS.get(rest[-1], rest[-1]) if rest else ""
