"""What a program's plain values are when training begins, as far as its settings and literals tell."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hydra_lightning.convert.settings import Setting, literal_of, setting_in
from hydra_lightning.convert.source import Piece

UNKNOWN = literal_of(ast.Name("unknown"))
CALLS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (int, float, str, bool, len, abs, min, max, hasattr, isinstance)
}
TYPES = {each.__name__: each for each in (int, float, str, bool, list, tuple, dict)}
OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}


class Known:
    """The values of names after the statements of ``pieces``."""

    def __init__(self, pieces: Iterable[Piece], settings: Mapping[str, Setting]) -> None:
        self._settings = settings
        self._values: dict[str, Any] = {}
        for piece in pieces:
            self._run(piece)

    def value(self, node: ast.expr, piece: Piece) -> Any:
        """The value of an expression, ``UNKNOWN`` where it is not certain."""
        try:
            return self._value(node, piece)
        except (TypeError, ValueError, ArithmeticError, LookupError):
            # It would fail in the program too, or is not what it looks like.
            return UNKNOWN

    def forget(self, names: Iterable[str]) -> None:
        """Names that training changes."""
        for name in names:
            self._values[name] = UNKNOWN

    def _run(self, piece: Piece) -> None:
        node = piece.node
        if isinstance(node, ast.If):
            test = self.value(node.test, piece)
            if test is not UNKNOWN:
                for each in node.body if test else node.orelse:
                    self._run(Piece(each, piece.source, piece.names))
                return
        value = self.value(node.value, piece) if isinstance(node, ast.Assign) else UNKNOWN
        single = isinstance(node, ast.Assign) and all(isinstance(each, ast.Name) for each in node.targets)
        for name in piece.defines:
            self._values[name] = value if single else UNKNOWN
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            # first, last = 2, 5
            self._values |= {
                piece.names.get(target.id, target.id): self.value(part, piece)
                for targets in node.targets
                if isinstance(targets, ast.Tuple)
                for target, part in zip(targets.elts, node.value.elts, strict=False)
                if isinstance(target, ast.Name)
            }
        for part in ast.walk(node):
            if isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(part.ctx, ast.Store):
                self._values[ast.unparse(part)] = UNKNOWN

    def _value(self, node: ast.expr, piece: Piece) -> Any:
        if isinstance(node, ast.Name):
            name = piece.names.get(node.id, node.id)
            if name in self._values:
                return self._values[name]
            if node.id in TYPES:
                return TYPES[node.id]
        if isinstance(node, (ast.Attribute, ast.Subscript)) and ast.unparse(node) in self._values:
            return UNKNOWN
        setting = setting_in(node, piece, self._settings)
        if setting is not None:
            return setting.value
        literal = literal_of(node)
        if literal is not UNKNOWN:
            return literal
        if isinstance(node, ast.BoolOp):
            # An operand that is not known does not matter when another one decides.
            values = [self.value(each, piece) for each in node.values]
            decides = isinstance(node.op, ast.Or)
            if any(each is not UNKNOWN and bool(each) is decides for each in values):
                return decides
            return UNKNOWN if any(each is UNKNOWN for each in values) else values[-1]
        parts = [self._value(each, piece) for each in _operands(node)]
        if not parts or any(each is UNKNOWN for each in parts):
            return UNKNOWN
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return not parts[0]
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](*parts)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return OPERATORS[type(node.ops[0])](*parts)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return CALLS[node.func.id](*parts)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(parts[0], str):
            return getattr(parts[0], node.func.attr)(*parts[1:])
        return UNKNOWN


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call) and not node.keywords:
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            return [*node.args]
        if isinstance(node.func, ast.Attribute):
            return [node.func.value, *node.args]
    return []
