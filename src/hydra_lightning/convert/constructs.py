"""Statements that the way of a program knows by their words."""

from __future__ import annotations

import ast
import re

from hydra_lightning.convert.source import Source

# What gives an optimizer the weights of a model.
PARAMETERS = ("parameters", "named_parameters")
ASKED = (*PARAMETERS, "configure_optimizers", "step")


def phases(statement: ast.For, source: Source) -> tuple[str, list[str | bool]] | None:
    """``phase`` and its values in ``for phase in ("train", "val"):``, where what is done with it depends on it."""
    values = statement.iter
    if isinstance(values, ast.Name):
        # PHASES = ("train", "val")
        stored = [each for each in ast.walk(source.tree) if is_name(each, values.id, ast.Store)]
        made = [
            each.value
            for each in source.tree.body
            if isinstance(each, ast.Assign) and is_name(each.targets[0], values.id, ast.Store)
        ]
        values = made[0] if len(stored) == len(made) == 1 else values
    if not isinstance(statement.target, ast.Name) or not isinstance(values, (ast.Tuple, ast.List)):
        return None
    found = [each.value for each in values.elts if isinstance(each, ast.Constant)]
    known = [each for each in found if isinstance(each, (str, bool))]
    return (statement.target.id, known) if 0 < len(known) == len(values.elts) <= 4 else None


def is_of_a_run(statement: ast.stmt) -> bool:
    """Whether a statement seeds, or takes up an earlier training: what a run of Hydra-Lightning does by itself."""
    return any(
        isinstance(each, ast.Attribute) and each.attr in ("manual_seed", "load_state_dict")
        for each in ast.walk(statement)
    )


def is_always_none(statement: ast.If, source: Source) -> bool:
    """Whether a branch is taken always or never: ``if scheduler is not None:``, of what no loop around it changes."""
    test = statement.test
    if not (
        isinstance(test, ast.Compare)
        and isinstance(test.left, (ast.Name, ast.Attribute))
        and isinstance(test.ops[0], (ast.Is, ast.IsNot))
        and isinstance(test.comparators[0], ast.Constant)
    ):
        return False
    loops = [each for each in ast.walk(source.tree) if isinstance(each, (ast.For, ast.While))]
    around = [each for each in loops if each.lineno < statement.lineno <= (each.end_lineno or 0)]
    told = ast.unparse(test.left)
    return not any(
        isinstance(each, (ast.Name, ast.Attribute))
        and isinstance(each.ctx, ast.Store)
        and ast.unparse(each) == told
        for loop in around
        for each in ast.walk(loop)
    )


def chooses(statement: ast.If, source: Source) -> bool:
    """Whether branches make what is trained, or what trains it: what ``parameters()`` or ``step()`` is asked of."""
    asked = {
        ast.unparse(each.value)
        for each in ast.walk(source.tree)
        if isinstance(each, ast.Attribute) and each.attr in ASKED
    }
    assignments = (each for each in ast.walk(statement) if isinstance(each, ast.Assign))
    return any(ast.unparse(target) in asked for each in assignments for target in each.targets)


def asks_environment(test: ast.expr) -> bool:
    """Whether a condition is one of the process's environment: ``os.environ.get("TESTING") == "1"``."""
    return bool(re.search(r"\b(environ|getenv)\b", ast.unparse(test)))


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def is_an_exit(statement: ast.stmt) -> bool:
    """Whether a statement leaves the loop that it is in under a condition."""
    if isinstance(statement, ast.If):
        return any(
            isinstance(each, ast.Break) or is_an_exit(each) for each in [*statement.body, *statement.orelse]
        )
    return False


def is_name(node: ast.AST, name: str, context: type[ast.expr_context]) -> bool:
    """Whether a node reads or stores a name, as the context says."""
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, context)
