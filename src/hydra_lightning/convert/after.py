"""Evaluations that follow the training, where a recording may have ended before them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from hydra_lightning.convert.source import Piece, Source


def evaluation_in(piece: Piece, sources: Mapping[str, Source], stacks: Sequence[list[str]]) -> list[str]:
    """The way from a statement to the evaluation in it, or in the function that it calls; empty where there is none.

    In a statement it is a loop; a function may evaluate without one, as all data may be one batch.

    Args:
        stacks: of the evaluations that were recorded.
    """
    node = piece.node
    if isinstance(node, (ast.With, ast.For)):
        return _loop_in(node, piece.source)
    if not isinstance(node, (ast.Expr, ast.Assign)) or not isinstance(node.value, ast.Call):
        return []
    for source in sources.values():
        for function in source.tree.body:
            if isinstance(function, ast.FunctionDef) and function.name == ast.unparse(node.value.func):
                here = Piece(function, source)
                for stack in stacks:
                    at = next((at for at, site in enumerate(stack) if here.covers(site)), None)
                    if at is not None:
                        return [piece.site, *stack[at:]]
                if "backward(" in ast.unparse(function):
                    # Another training.
                    return []
                if loop := _loop_in(function, source):
                    return [piece.site, *loop]
                single = [each for each in function.body if _is_without_grad(each)]
                return [piece.site, f"{source.path}:{single[0].lineno}"] if single else []
    return []


def _loop_in(node: ast.stmt, source: Source) -> list[str]:
    """The first statement of a loop without gradients; empty where there is none."""
    told = ast.unparse(node)
    if not ("no_grad" in told or "inference_mode" in told) or ".backward(" in told:
        return []
    loops = [each for each in ast.walk(node) if isinstance(each, ast.For)]
    return [f"{source.path}:{loops[0].body[0].lineno}"] if loops else []


def _is_without_grad(statement: ast.stmt) -> bool:
    told = ast.unparse(statement.items[0]) if isinstance(statement, ast.With) else ""
    return "no_grad" in told or "inference_mode" in told
