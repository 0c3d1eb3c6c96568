"""What is decided in a program that was rewritten: ``if True:`` around statements, ``"no" == "fp8"``.

Every statement stays in its line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hydra_lightning.convert.source import Piece, Source, span
from hydra_lightning.convert.spans import edited
from hydra_lightning.convert.static import UNKNOWN, value_of


def without_decided(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The same files; those that are as their author wrote them stay so."""
    return {path: _folded(source) if source.written else source for path, source in sources.items()}


def _folded(source: Source) -> Source:
    source = edited(source, [(*span(node, source), text) for node, text in _expressions(source.tree, source)])
    while (decided := next(_branches(source.tree), None)) is not None:
        source = replace(source, text=_without(decided, source))
    return source


def _expressions(node: ast.AST, source: Source) -> Iterator[tuple[ast.expr, str]]:
    """The largest expressions that are decided, and what is written for them."""
    if isinstance(node, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.IfExp)):
        text = _written(node, source)
        if text is not None:
            yield node, text
            return
    for child in ast.iter_child_nodes(node):
        yield from _expressions(child, source)


def _written(node: ast.expr, source: Source) -> str | None:
    piece = Piece(ast.Pass(), source)
    if isinstance(node, ast.IfExp):
        choice = _value(node.test)
        return None if choice is UNKNOWN else piece.part(node.body if choice else node.orelse)
    value = _value(node)
    if isinstance(value, bool):
        return str(value)
    if isinstance(node, ast.BoolOp):
        rest = [each for each in node.values if _value(each) is not isinstance(node.op, ast.And)]
        if 0 < len(rest) < len(node.values):
            word = " and " if isinstance(node.op, ast.And) else " or "
            return word.join(piece.part(each) for each in rest)
    return None


def _value(node: ast.expr) -> Any:
    """What an expression is, whatever the program does; UNKNOWN where it calls something, which may do more."""
    calls = any(isinstance(each, ast.Call) for each in ast.walk(node))
    return UNKNOWN if calls else value_of(node, {})


def _branches(tree: ast.Module) -> Iterator[ast.If]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):
            yield node


def _without(node: ast.If, source: Source) -> str:
    """The text with the taken branch in place of a statement, and nothing of the other."""
    lines = source.text.splitlines(keepends=True)
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    taken = node.body if node.test.value else node.orelse  # type: ignore[attr-defined]
    head = lines[first]
    is_later = head[node.col_offset :].startswith("elif")
    indent = head[: node.col_offset]
    inside = lines[first : last + 1]
    if is_later:
        kept = _of_an_elif(node, inside, indent)
    elif not taken:
        kept = [f"{indent}pass\n", *["\n"] * (last - first)]
    elif isinstance(taken[0], ast.If) and lines[taken[0].lineno - 1].lstrip().startswith("elif"):
        at = taken[0].lineno - 1 - first
        kept = ["\n"] * at + [inside[at].replace("elif", "if", 1), *inside[at + 1 :]]
    else:
        kept = _dedented(taken, inside, first, indent)
    return "".join([*lines[:first], *kept, *lines[last + 1 :]])


def _of_an_elif(node: ast.If, inside: list[str], indent: str) -> list[str]:
    begin = node.body[0].lineno - node.lineno
    end = (node.body[-1].end_lineno or 0) - node.lineno
    if node.test.value:  # type: ignore[attr-defined]
        # The branches after it are never come to.
        return [f"{indent}else:\n", *["\n"] * (begin - 1), *inside[begin : end + 1]] + ["\n"] * (
            len(inside) - end - 1
        )
    return ["\n"] * (end + 1) + inside[end + 1 :]


def _dedented(taken: list[ast.stmt], inside: list[str], first: int, indent: str) -> list[str]:
    """The lines of a statement with those of its taken branch alone, as far left as it was."""
    begin, end = taken[0].lineno - 1 - first, (taken[-1].end_lineno or 0) - 1 - first
    while begin > 1 and inside[begin - 1].lstrip().startswith("#"):
        begin -= 1
    width = taken[0].col_offset - len(indent)
    texts = [
        each
        for statement in taken
        for each in ast.walk(statement)
        if isinstance(each, (ast.Constant, ast.JoinedStr)) and each.end_lineno != each.lineno
    ]
    fixed = {
        line - 1 - first for each in texts for line in range(each.lineno + 1, (each.end_lineno or 0) + 1)
    }
    if begin == 0:
        # if True: x = 1
        return [indent + inside[0][taken[0].col_offset :], *inside[1:]]
    kept = [
        line
        if number in fixed or not line.startswith(indent + " " * width)
        else indent + line[len(indent) + width :]
        for number, line in enumerate(inside)
    ]
    return ["\n"] * begin + kept[begin : end + 1] + ["\n"] * (len(inside) - end - 1)
