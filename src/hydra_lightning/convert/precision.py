"""Autocast around all that a program computes with its models, which is ``trainer.precision``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hydra_lightning.convert.source import Source
from hydra_lightning.parity.tape import Tape

BFLOAT16 = "bf16-mixed"


@dataclass(frozen=True)
class Precise:
    """A program without its autocasts.

    Attributes:
        sources: its files, every statement still in its line.
        sites: where the autocasts were.
    """

    sources: dict[str, Source]
    sites: list[str]


def without_autocast(sources: Mapping[str, Source], tape: Tape) -> Precise | None:
    """The program for ``trainer.precision=bf16-mixed``; None where that would not be the same.

    The Trainer's precision is around whole steps, those of evaluations, too. So every call of a model has to be under
    autocast, to bfloat16 and unconditionally. What else is computed outside of it, a proof tells. Where gradients are
    scaled, steps are kept, and the Trainer's precision would be around what changes the weights.
    """
    forwards = [event for event in tape.events if event.kind == "forward"]
    if not forwards or not all(event.data.get("autocast") for event in forwards):
        return None
    found = {path: [*_autocasts(source.tree)] for path, source in sources.items()}
    for path, source in sources.items():
        named = [
            name for each in ast.walk(source.tree) if (name := _name(each)) in ("autocast", "GradScaler")
        ]
        if len(named) != len(found[path]) or not all(map(_is_written_apart, found[path])):
            return None
    sites = [f"{path}:{each.lineno}" for path, statements in found.items() for each in statements]
    return Precise({path: _without(source, found[path]) for path, source in sources.items()}, sites)


def _name(node: ast.AST) -> str:
    """The last name of ``torch.autocast``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _autocasts(tree: ast.Module) -> Iterator[ast.With]:
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and len(node.items) == 1 and _is_bfloat16(node.items[0].context_expr):
            yield node


def _is_bfloat16(call: ast.expr) -> bool:
    """Whether a call is ``torch.autocast(device, dtype=torch.bfloat16)``; on a CPU, that is its default."""
    if not isinstance(call, ast.Call) or _name(call.func) != "autocast":
        return False
    given = dict(zip(("device_type", "dtype", "enabled"), call.args, strict=False))
    given |= {key.arg or "**": key.value for key in call.keywords}
    told = {name: ast.unparse(value) for name, value in given.items()}
    if told.pop("enabled", "True") != "True" or told.keys() - {"device_type", "dtype"}:
        return False
    return told.get("dtype", "") == "torch.bfloat16" or (
        "dtype" not in told and told.get("device_type") in ("'cpu'", None) and "cuda" not in ast.unparse(call)
    )


def _is_written_apart(statement: ast.With) -> bool:
    """Whether its body can be moved to the left: it has lines of its own, and no text over several of them."""
    texts = (each for each in ast.walk(statement) if isinstance(each, (ast.Constant, ast.JoinedStr)))
    return statement.body[0].lineno > _end(statement.items[0].context_expr) and not any(
        _end(each) > each.lineno for each in texts
    )


def _end(node: ast.expr) -> int:
    return node.end_lineno or node.lineno


def _without(source: Source, statements: list[ast.With]) -> Source:
    lines = source.text.splitlines(keepends=True)
    for statement in statements:
        last = _end(statement.items[0].context_expr)
        indent = lines[statement.lineno - 1][: statement.col_offset]
        _, mark, comment = lines[last - 1].partition("#")
        for number in range(statement.lineno, last + 1):
            lines[number - 1] = f"{indent}#{comment}" if mark and number == last else "\n"
        width = statement.body[0].col_offset - statement.col_offset
        for number in range(last + 1, (statement.end_lineno or last) + 1):
            line = lines[number - 1]
            lines[number - 1] = line[width:] if not line[:width].strip() and line.strip() else line
    text = "".join(lines)
    return replace(source, text=text, written=source.written or source.text) if statements else source
