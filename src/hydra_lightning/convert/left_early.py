"""An epoch that is left before its last batch, and goes on with the next one: Lightning has no place for that."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused


def told(error: Refused, program: Program) -> Refused:
    """A refusal of what trains differently, with the way out that the recording took, where there is one."""
    sites = [*_taken(program)]
    if error.code != "not-the-same" or not sites:
        return error
    why = (
        "an epoch is left here before its last batch, as its steps decide. Lightning can end an epoch after a number "
        "of batches (if i >= n: break), and a training after an evaluation, or after a number of steps where the "
        "loop over the epochs is left there, too; this it cannot do.\n"
    )
    return Refused(error.code, sites[0], why + error.why)


def _taken(program: Program) -> Iterator[str]:
    """Where the recording left the loop over the batches, but for a number of them that is known."""
    cut = program.cuts.get("train")
    for piece in program.flow.body:
        lines = program.tape.lines.get(piece.source.path, ())
        if (cut is None or piece is not cut.piece) and not program.is_step_limit(piece):
            yield from (
                f"{piece.source.path}:{each.lineno}" for each in _breaks(piece.node) if each.lineno in lines
            )


def _breaks(node: ast.AST) -> Iterator[ast.Break]:
    """The ``break`` of the loop that a statement is in."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Break):
            yield each
        elif not isinstance(each, (ast.For, ast.While)):
            yield from _breaks(each)
