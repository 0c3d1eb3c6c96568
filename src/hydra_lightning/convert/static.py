"""What is known without running anything, as ``optimizer=None`` of a function that trains and evaluates."""

from __future__ import annotations

import ast
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

UNKNOWN = object()
ORDERED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
# Some object, as an optimizer: not None, and true.
OBJECT = type("OBJECT", (), {})()


def known_in(
    function: ast.FunctionDef, given: Mapping[str, ast.expr], outside: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of names in one call of a function.

    Args:
        given: the arguments of the call, by parameter.
        outside: what is known where it is called.
    """
    taken = function.args
    positional = [*taken.posonlyargs, *taken.args]
    defaults = dict(zip(reversed(positional), reversed(taken.defaults), strict=False))
    defaults |= {
        each: value for each, value in zip(taken.kwonlyargs, taken.kw_defaults, strict=True) if value
    }
    names = [each for each in ast.walk(function) if isinstance(each, ast.Name)]
    stored = Counter(each.id for each in names if isinstance(each.ctx, ast.Store))
    known: dict[str, Any] = {}
    for parameter in [*positional, *taken.kwonlyargs]:
        name, default = parameter.arg, defaults.get(parameter)
        value = value_of(given[name], outside) if name in given else UNKNOWN
        if name in given and value is UNKNOWN and isinstance(default, ast.Constant) and default.value is None:
            # What is given where nothing would be None.
            value = OBJECT
        if name not in given and default is not None:
            value = value_of(default, {})
        if not stored[name]:
            known[name] = value
    return with_assigned(function.body, known)


def with_assigned(statements: Sequence[ast.stmt], known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known, and the values of names that statements assign once."""
    nodes = [node for each in statements for node in ast.walk(each)]
    stored = Counter(
        each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )
    found = dict(known)
    for each in statements:
        if isinstance(each, ast.Assign) and isinstance(target := each.targets[0], ast.Name):
            found |= {target.id: value_of(each.value, found)} if stored[target.id] == 1 else {}
    return found


def is_grad_enabled(statement: ast.With, known: Mapping[str, Any]) -> bool:
    """Whether a ``with torch.set_grad_enabled(training)`` does nothing, as the value is true."""
    (item, *others) = statement.items
    call = item.context_expr
    return (
        not others
        and isinstance(call, ast.Call)
        and ast.unparse(call.func).endswith("set_grad_enabled")
        and len(call.args) == 1
        and value_of(call.args[0], known) is True
    )


def value_of(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of an expression of constants and known names; UNKNOWN where it is not known."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return known.get(node.id, UNKNOWN)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        value = value_of(node.operand, known)
        return UNKNOWN if value is UNKNOWN else not value
    if isinstance(node, ast.BoolOp):
        return _joined(node, known)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compared(node.ops[0], value_of(node.left, known), value_of(node.comparators[0], known))
    return UNKNOWN


def _joined(node: ast.BoolOp, known: Mapping[str, Any]) -> Any:
    ends = isinstance(node.op, ast.Or)
    values = [value_of(each, known) for each in node.values]
    if any(value is not UNKNOWN and bool(value) is ends for value in values):
        return ends
    return UNKNOWN if UNKNOWN in values else values[-1]


def _compared(how: ast.cmpop, left: Any, right: Any) -> Any:
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(how, (ast.Is, ast.IsNot)):
        return (left is right) is isinstance(how, ast.Is)
    if OBJECT in (left, right):
        return UNKNOWN
    if isinstance(how, (ast.Eq, ast.NotEq)):
        return (left == right) is isinstance(how, ast.Eq)
    if type(how) in ORDERED and isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return ORDERED[type(how)](left, right)
    return UNKNOWN


def flat(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements, those under ``if True`` in its place."""
    for statement in statements:
        if isinstance(statement, ast.If) and isinstance(statement.test, ast.Constant):
            yield from flat(statement.body if statement.test.value else statement.orelse)
        else:
            yield statement
