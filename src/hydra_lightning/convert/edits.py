"""Files of a program with parts of them written otherwise, every statement still in its line."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from hydra_lightning.convert.source import ADDED, Piece, Source

Node = TypeVar("Node", bound=ast.AST)
UNKNOWN = object()


def edited(source: Source, edits: Iterable[tuple[int, int, str]]) -> Source:
    """A file with each span of bytes replaced by a text; what is inside a replaced span stays replaced."""
    data = source.text.encode()
    parts, at = [], 0
    for first, last, text in sorted(edits, key=lambda each: (each[0], -each[1])):
        if first < at:
            continue
        lost = data[first:last].count(b"\n") - text.count("\n")
        is_statement = not text or text.endswith("\n")
        parts += [data[at:first].decode(), text, "\n" * lost if is_statement else "\\\n" * lost]
        at = last
    parts.append(data[at:].decode())
    return replace(source, text="".join(parts))


def again(node: Node, source: Source) -> Node:
    """The node of an edited file that was ``node`` before."""
    same = [
        each
        for each in ast.walk(source.tree)
        if type(each) is type(node) and getattr(each, "lineno", 0) == getattr(node, "lineno", 0)
    ]
    best = min(same, key=lambda each: abs(each.col_offset - node.col_offset))  # type: ignore[attr-defined]
    assert isinstance(best, type(node))
    return best


def placed(code: str, piece: Piece) -> Piece:
    """A statement that is written instead of ``piece``, in its line and with the comments above it."""
    return placed_all([code], piece)[0]


def placed_all(codes: Iterable[str], piece: Piece) -> list[Piece]:
    """Statements that are written instead of ``piece``, all of them in its line."""
    lines = piece.source.text.splitlines()[: piece.node.lineno - 1]
    kept = 0
    while kept < len(lines) and lines[-kept - 1].lstrip().startswith("#"):
        kept += 1
    above = [each.lstrip() for each in lines[len(lines) - kept :]]
    text = "\n".join([*[""] * (len(lines) - kept), *above, ADDED.join(codes)])
    span = piece.source.span or (piece.node.lineno, piece.node.end_lineno or piece.node.lineno)
    source = Source(piece.source.path, text, span, function=piece.function)
    return [Piece(each, source) for each in source.tree.body]


def specialised(source: Source, node: Node, constants: Mapping[str, object]) -> tuple[Node, Source]:
    """A statement with names replaced by their values, and branches that these decide left out."""
    written = edited(source, _Folding(source, constants).edits(node))
    return again(node, written), written


class _Folding:
    """Finds what constants decide in the statements of a file."""

    def __init__(self, source: Source, constants: Mapping[str, object]) -> None:
        self.source, self.constants = source, constants

    def edits(self, node: ast.AST) -> list[tuple[int, int, str]]:
        is_literal = isinstance(node, ast.If) and isinstance(node.test, ast.Constant)
        if isinstance(node, ast.If) and not is_literal and self.value(node.test) is not UNKNOWN:
            return self._branch(node, bool(self.value(node.test)))
        if isinstance(node, ast.Name):
            is_read = node.id in self.constants and isinstance(node.ctx, ast.Load)
            return [(*self.span(node), repr(self.constants[node.id]))] if is_read else []
        if isinstance(node, ast.expr) and self.value(node) is not UNKNOWN:
            return [] if isinstance(node, ast.Constant) else [(*self._around(node), repr(self.value(node)))]
        if isinstance(node, ast.BoolOp):
            return self._operands(node)
        if isinstance(node, ast.IfExp) and (known := self.value(node.test)) is not UNKNOWN:
            taken = node.body if known else node.orelse
            first, last = self.span(node)
            start, stop = self.span(taken)
            return [self._gap(first, start), *self.edits(taken), self._gap(stop, last)]
        return [each for child in ast.iter_child_nodes(node) for each in self.edits(child)]

    def value(self, node: ast.expr) -> object:
        """What an expression is, as far as constants tell."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self.constants.get(node.id, UNKNOWN)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            value = self.value(node.operand)
            return UNKNOWN if value is UNKNOWN else not value
        if isinstance(node, ast.BoolOp):
            values = [self.value(each) for each in node.values]
            decides = isinstance(node.op, ast.Or)
            if any(value is not UNKNOWN and bool(value) is decides for value in values):
                return decides
            return UNKNOWN if UNKNOWN in values else not decides
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            one, two = self.value(node.left), self._right(node.comparators[0])
            if one is UNKNOWN or two is UNKNOWN:
                return UNKNOWN
            return _compared(one, node.ops[0], two)
        return UNKNOWN

    def _right(self, node: ast.expr) -> object:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = [self.value(each) for each in node.elts]
            return UNKNOWN if UNKNOWN in values else values
        return self.value(node)

    def _operands(self, node: ast.BoolOp) -> list[tuple[int, int, str]]:
        left = [each for each in node.values if self.value(each) is UNKNOWN]
        if len(left) == len(node.values):
            return [edit for each in left for edit in self.edits(each)]
        found: list[tuple[int, int, str]] = []
        at = self.span(node)[0]
        for number, each in enumerate(left):
            first, last = self.span(each)
            word = " and " if isinstance(node.op, ast.And) else " or "
            found += [(at, first, word) if number else self._gap(at, first), *self.edits(each)]
            at = last
        return [*found, self._gap(at, self.span(node)[1])]

    def _around(self, node: ast.expr) -> tuple[int, int]:
        """Where an expression is, with the brackets that are only around it."""
        first, last = self.span(node)
        data = self.source.text.encode()
        if data[first - 2 : first] in (b"=(", b" (") and data[last : last + 1] == b")":
            return first - 1, last + 1
        return first, last

    def _gap(self, first: int, last: int) -> tuple[int, int, str]:
        """What is left of a part of an expression that is dropped."""
        lines = self.source.text.encode()[first:last].splitlines(keepends=True)
        is_continued = len(lines) > 1 and lines[-2].endswith(b"\\\n")
        return first, last, ("\\\n" if is_continued else "\n") + lines[-1].decode() if len(lines) > 1 else ""

    def _branch(self, node: ast.If, taken: bool) -> list[tuple[int, int, str]]:
        start, end = self._lines(node)
        indent = " " * node.col_offset
        body = node.body if taken else node.orelse
        if not body:
            return [(start, end, f"{indent}pass\n")]
        if not taken and isinstance(body[0], ast.If) and self._is_elif(body[0]):
            first = self.span(body[0])[0]
            if self.value(body[0].test) is not UNKNOWN:
                return [(start, self._lines(body[0])[0], ""), *self.edits(body[0])]
            return [(start, self._lines(body[0])[0], ""), (first, first + 4, "if"), *self._inside(body[0])]
        if body[0].lineno == node.lineno:
            # if test: statement
            inner = [edit for each in body for edit in self.edits(each)]
            return [(self.span(node)[0], self.span(body[0])[0], ""), *inner]
        data = self.source.text.encode()
        starts, line = self.source.starts, body[0].lineno
        while data[starts[line - 2] : starts[line - 1]].lstrip().startswith(b"#"):
            line -= 1
        found = [(start, starts[line - 1], ""), (self._lines(body[-1])[1], end, "")]
        more = body[0].col_offset - node.col_offset
        for begin in starts[line - 1 : body[-1].end_lineno]:
            if data[begin : begin + more].isspace():
                found.append((begin, begin + more, ""))
        return [*found, *(edit for each in body for edit in self.edits(each))]

    def _inside(self, node: ast.If) -> list[tuple[int, int, str]]:
        return [each for child in ast.iter_child_nodes(node) for each in self.edits(child)]

    def _is_elif(self, node: ast.If) -> bool:
        first = self.span(node)[0]
        return self.source.text.encode()[first : first + 4] == b"elif"

    def _lines(self, node: ast.stmt) -> tuple[int, int]:
        starts = self.source.starts
        return starts[node.lineno - 1], starts[node.end_lineno or node.lineno]

    def span(self, node: ast.AST) -> tuple[int, int]:
        return Piece(ast.Pass(), self.source).span(node)


def _compared(one: object, how: ast.cmpop, two: object) -> object:
    if isinstance(how, (ast.Is, ast.IsNot)):
        return (one is two) is isinstance(how, ast.Is)
    if isinstance(how, (ast.Eq, ast.NotEq)):
        return (one == two) is isinstance(how, ast.Eq)
    if isinstance(how, (ast.In, ast.NotIn)) and isinstance(two, (list, str)):
        return (one in two) is isinstance(how, ast.In)
    return UNKNOWN
