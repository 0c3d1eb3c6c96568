"""Evaluations that follow the training, where a recording may have ended before them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from hydra_lightning.convert.source import Piece, Source


def evaluation_in(piece: Piece, sources: Mapping[str, Source], stacks: Sequence[list[str]]) -> list[str]:
    """The way from the call of a function to the loop of the evaluation in it; empty where there is none.

    Args:
        stacks: of the evaluations that were recorded.
    """
    node = piece.node
    if not isinstance(node, (ast.Expr, ast.Assign)) or not isinstance(node.value, ast.Call):
        return []
    for source in sources.values():
        for function in source.tree.body:
            if isinstance(function, ast.FunctionDef) and function.name == ast.unparse(node.value.func):
                here = Piece(function, source)
                for stack in stacks:
                    at = next((at for at, site in enumerate(stack) if here.covers(site)), None)
                    if at is not None:
                        return stack[at:]
                if "no_grad" in (told := ast.unparse(function)) or "inference_mode" in told:
                    loops = [each for each in ast.walk(function) if isinstance(each, ast.For)]
                    return [f"{source.path}:{loops[0].body[0].lineno}"] if loops else []
    return []
