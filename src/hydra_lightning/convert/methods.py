"""Functions of a program that read what it makes, as its model, become methods of the LightningModule."""

from __future__ import annotations

import ast
import re

from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, attribute
from hydra_lightning.convert.settings import owner_of
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import helpers_of


def methods_of(program: Program) -> list[Piece]:
    """The functions that the training uses and that read names of the program that are no constants, or its options."""
    flow = program.flow
    owners = {name for piece in program.objects for name in piece.defines} | {*program.devices}
    owners |= {owner_of(code) for code in program.settings if not code.isidentifier()}
    owners -= {*program.constants, *program.settings}
    trained = [
        *pieces_in(flow.before),
        *flow.body,
        *flow.statements,
        *pieces_in(flow.after),
        *program.at_start,
    ]
    functions = [each for each in helpers_of(program, trained) if isinstance(each.node, ast.FunctionDef)]
    functions = [each for each in functions if each in flow.helpers or _is_called(each, trained)]
    # A function in a function reads what is made around it.
    local = [
        each for each in flow.setup if isinstance(each.node, ast.FunctionDef) and _is_called(each, trained)
    ]
    found = [*local, *(each for each in functions if each.uses & owners)]
    while True:
        names = {name for each in found for name in each.defines}
        more = [each for each in functions if each not in found and each.uses & names]
        if not more:
            return found
        found += more


def _is_called(function: Piece, pieces: list[Piece]) -> bool:
    return any(function.defines & piece.uses for piece in pieces)


def method_of(scope: Scope, piece: Piece) -> str:
    """A function as a method."""
    assert isinstance(piece.node, ast.FunctionDef)
    free = piece.uses
    inner = Scope(
        {code: each for code, each in scope.settings.items() if owner_of(code) in free},
        scope.setting,
        {name: code for name, code in scope.names.items() if name in free},
        scope.used,
        moves=True,
    )
    name = piece.node.name
    arguments = piece.node.args
    is_empty = not (arguments.args or arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg)
    head = rf"def {attribute(name)}(self{'' if is_empty and not arguments.kwarg else ', '}"
    return re.sub(rf"def {name}\s*\(\s*", head, inner.code(piece), count=1)
