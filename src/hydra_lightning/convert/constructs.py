"""Statements that the way of a program knows by their words."""

from __future__ import annotations

import ast


def phase(statement: ast.For) -> str:
    """``phase`` of ``for phase in ("train", "val"):`` where what is done with it depends on it."""
    values = statement.iter
    if (
        isinstance(statement.target, ast.Name)
        and isinstance(values, (ast.Tuple, ast.List))
        and 0 < len(values.elts) <= 4
        and all(
            isinstance(each, ast.Constant) and isinstance(each.value, (str, bool)) for each in values.elts
        )
    ):
        return statement.target.id
    return ""


def is_of_a_run(statement: ast.stmt) -> bool:
    """Whether a statement seeds, or takes up an earlier training: what a run of Hydra-Lightning does by itself."""
    return any(
        isinstance(each, ast.Attribute) and each.attr in ("manual_seed", "load_state_dict")
        for each in ast.walk(statement)
    )


def is_of_none(test: ast.expr) -> bool:
    """``scheduler is not None``, ``args.clip is None``"""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, (ast.Name, ast.Attribute))
        and isinstance(test.ops[0], (ast.Is, ast.IsNot))
        and isinstance(test.comparators[0], ast.Constant)
    )


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
