"""What an epoch hands on to the next one must not be lost, also where the recording did not come to it."""

from __future__ import annotations

import ast

from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused


def need_all_that_is_carried(program: Program) -> None:
    """Check the statements after an epoch, once all that is kept has its place.

    Raises:
        Refused: one that has none changes a variable that the next epoch reads.
    """
    read = _read_from_before(program)
    for piece in pieces_in(program.flow.after):
        changed = {
            piece.names.get(each.id, each.id)
            for part in ast.walk(piece.node)
            if isinstance(part, (ast.Assign, ast.AugAssign))
            for each in ast.walk(part)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        }
        if id(piece.node) not in program.kept and (names := sorted(changed & read)):
            raise Refused(
                "carried",
                piece.site,
                f"the next epoch reads what is made of {', '.join(names)} after this one.",
            )


def _read_from_before(program: Program) -> set[str]:
    """Variables that the training of an epoch reads, and that it has not given a value itself."""
    flow = program.flow
    assigned: set[str] = set()
    for head in (flow.epochs, flow.batches):
        targets = ast.walk(head.node.target) if isinstance(head.node, ast.For) else ()
        assigned |= {head.names.get(each.id, each.id) for each in targets if isinstance(each, ast.Name)}
    found: set[str] = set()
    for piece in [*pieces_in(flow.before), *flow.body]:
        if id(piece.node) in program.kept:
            found |= piece.uses - assigned
        assigned |= piece.assigns
    return found & {name for piece in flow.setup for name in piece.defines} - {*program.roles.nets}
