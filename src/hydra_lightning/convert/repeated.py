"""Losses that are repeated for each row of a batch and gathered: those of the last batch are cut to its rows."""

from __future__ import annotations

import ast


def is_repeated(node: ast.expr) -> bool:
    """``loss.repeat(n)``"""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "repeat"
        and len(node.args) == 1
    )


def loops_around(tree: ast.Module) -> dict[int, ast.For]:
    """The innermost loop around each call, by the identity of the call."""
    loops = [each for each in ast.walk(tree) if isinstance(each, ast.For)]
    return {id(call): each for each in loops for call in ast.walk(each) if isinstance(call, ast.Call)}


def rows_of_batch(loop: ast.For | None) -> str:
    """The number of rows in a batch of a loop, as ``len(batch["labels"])``; empty where nothing in the loop tells."""
    if loop is None:
        return ""
    counts = isinstance(loop.iter, ast.Call) and ast.unparse(loop.iter.func) == "enumerate"
    target = loop.target.elts[1] if counts and isinstance(loop.target, ast.Tuple) else loop.target
    batch = ast.unparse(target)
    assigned = (each for each in ast.walk(loop) if isinstance(each, ast.Assign))
    parts = [each.targets[0] for each in assigned if ast.unparse(each.value) == batch]
    for one in (target, *parts):
        if isinstance(one, ast.Tuple) and isinstance(one.elts[0], ast.Name):
            return f"len({one.elts[0].id})"
    items = [each for each in ast.walk(loop) if isinstance(each, ast.Subscript)]
    if keys := [ast.unparse(each) for each in items if ast.unparse(each.value) == batch]:
        return f"len({keys[0]})"
    given = (each.value for each in ast.walk(loop) if isinstance(each, ast.keyword) and each.arg is None)
    return f"len(next(iter({batch}.values())))" if batch in map(ast.unparse, given) else ""
