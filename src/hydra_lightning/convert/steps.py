"""A training whose length is a number of steps: ``while step < STEPS``."""

from __future__ import annotations

import ast

from hydra_lightning.convert.batches import assigned
from hydra_lightning.convert.program import Program


def steps_counted(program: Program) -> dict[str, str]:
    """The counter of the steps, which starts with 0 and is increased after each, as Lightning calls it."""
    flow, roles = program.flow, program.roles
    if roles.kept or roles.loss is None:
        return {}
    found = {}
    for piece in flow.body[flow.body.index(roles.loss[0]) :]:
        node = piece.node
        if (
            isinstance(node, ast.AugAssign)
            and isinstance(node.op, ast.Add)
            and ast.unparse(node.value) == "1"
        ):
            (name,) = piece.defines
            made = assigned(flow.setup, name)
            times = sum(name in each.defines for each in [*flow.setup, *flow.body])
            if made is not None and isinstance(made.node, ast.Assign) and times == 2:
                value = made.node.value
                if isinstance(value, ast.Constant) and value.value == 0:
                    found[name] = "self.global_step"
    return found


def limit_of(program: Program) -> ast.expr | None:
    """``STEPS`` in ``while step < STEPS``."""
    node = program.flow.epochs.node
    counted = steps_counted(program)
    if not isinstance(node, ast.While) or not isinstance(node.test, ast.Compare):
        return None
    left, (operator, *others), right = node.test.left, node.test.ops, node.test.comparators[0]
    name = program.flow.epochs.names.get(left.id, left.id) if isinstance(left, ast.Name) else ""
    return right if name in counted and isinstance(operator, ast.Lt) and not others else None
