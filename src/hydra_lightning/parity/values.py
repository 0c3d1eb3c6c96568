"""What the arguments of calls were in a frame of the program, where to ask again changes nothing."""

from __future__ import annotations

import ast
import functools
import linecache
from types import FrameType
from typing import Any

SAFE = (
    *(ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.expr_context),
    *(ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop),
)


def values_in(frame: FrameType) -> dict[str, Any]:
    """The plain values of names, attributes, sizes and sums of them that the code of a frame gives to calls."""
    first = frame.f_code.co_firstlineno
    found: dict[str, Any] = {}
    for code, line in _arguments(frame.f_code.co_filename):
        if first <= line <= frame.f_lineno and code not in found:
            try:
                value = eval(code, frame.f_globals, frame.f_locals)
            except Exception:
                # Of another function, or not made yet.
                continue
            if is_plain(value):
                found[code] = value
    return found


def arguments_in(node: ast.AST) -> list[ast.expr]:
    """What the calls in a part of a program are given."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return [value for call in calls for value in [*call.args, *(key.value for key in call.keywords)]]


@functools.cache
def _arguments(file: str) -> list[tuple[str, int]]:
    """The code and the line of each argument in a file that can be asked for again."""
    tree = ast.parse("".join(linecache.getlines(file)))
    return [
        (ast.unparse(value), value.lineno)
        for value in arguments_in(tree)
        if _is_safe(value) and not isinstance(value, ast.Constant)
    ]


def _is_safe(node: ast.expr) -> bool:
    """Whether an expression calls nothing but ``len``."""
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) == "len" and len(node.args) == 1 and _is_safe(node.args[0])
    return isinstance(node, SAFE) and all(
        _is_safe(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)
    )


def is_plain(value: Any) -> bool:
    """Numbers, texts, and lists and tuples of them."""
    if isinstance(value, (list, tuple)):
        return all(is_plain(each) for each in value)
    return value is None or type(value) in (bool, int, float, str)
