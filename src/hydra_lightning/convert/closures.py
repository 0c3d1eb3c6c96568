"""Optimizers of the program whose ``step`` takes no closure, as torch and the Trainer want: they are given one."""

from __future__ import annotations

import ast
import textwrap

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.source import Piece

CLOSURE = """if closure is not None:
    with torch.enable_grad():
        closure()
"""


def closures_of(program: Program) -> dict[int, str]:
    """What is written otherwise in the classes of its optimizers, by the identity of the nodes."""
    made = [piece.node.value for piece in program.roles.optimizers if isinstance(piece.node, ast.Assign)]
    names = {ast.unparse(call.func) for call in made if isinstance(call, ast.Call)}
    edits: dict[int, str] = {}
    for name in names & {*program.flow.definitions}:
        definition = program.flow.definitions[name]
        body = definition.node.body if isinstance(definition.node, ast.ClassDef) else []
        for method in body:
            if isinstance(method, ast.FunctionDef) and method.name == "step" and _takes_nothing(method.args):
                edits |= _edits(definition, method)
    return edits


def _takes_nothing(arguments: ast.arguments) -> bool:
    others = [*arguments.posonlyargs, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return len(arguments.args) == 1 and not any(others)


def _edits(definition: Piece, method: ast.FunctionDef) -> dict[int, str]:
    (owner,) = method.args.args
    is_told = isinstance(method.body[0], ast.Expr) and isinstance(method.body[0].value, ast.Constant)
    first = method.body[1 if is_told and len(method.body) > 1 else 0]
    indent = " " * first.col_offset
    code = textwrap.indent(CLOSURE, indent).lstrip() + indent + definition.part(first)
    return {id(owner): f"{owner.arg}, closure=None", id(first): code}
