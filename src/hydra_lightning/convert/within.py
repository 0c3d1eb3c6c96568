"""An evaluation within a step, under a condition: its numbers are logged where they were printed."""

from __future__ import annotations

import ast
import itertools
import textwrap
from dataclasses import replace

from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.kept import targets_in
from hydra_lightning.convert.metrics import printed, texts_in
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.recorded import evaluates
from hydra_lightning.convert.rewrite import Scope, used_in, without_telling
from hydra_lightning.convert.settings import setting_in
from hydra_lightning.convert.source import Piece, branches_of
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.convert.told import log_text


def code_in_step(program: Program, scope: Scope, piece: Piece) -> str:
    """A statement of a step; of an evaluation in it the numbers are logged that were printed."""
    if not evaluates(piece, program.tape) or not isinstance(piece.node, (ast.If, ast.Try)):
        return replace(scope, edits={**scope.edits, **without_telling(piece.node)}).code(piece)
    edits: dict[int, str] = {}
    texts = texts_in([piece])
    for node in itertools.chain(*branches_of(piece.node)):
        inner = Piece(node, piece.source, piece.names)
        remembers = _only_remembers(program, inner, piece)
        if not remembers and not only_tells(node):
            continue
        logged = _logged(program, inner, texts)
        is_text = not remembers and any(map(is_print, ast.walk(node)))
        if not logged and (is_text or evaluates(inner, program.tape)):
            # What it tells is no number, or it saves what a model gives.
            continue
        for name, one, value in logged:
            program.logs(f"val/{name}", one, value)
        calls = [log_text("val", name, scope.code(one, value), "") for name, one, value in logged]
        edits[id(node)] = textwrap.indent("\n".join(calls), " " * node.col_offset).lstrip()
    return replace(scope, edits=edits).code(piece)


def used_in_step(program: Program, piece: Piece) -> set[str]:
    """The names that a statement of a step reads as it is written."""
    code = code_in_step(program, Scope({}, lambda name: name), piece)
    return used_in(piece) & {each.id for each in ast.walk(ast.parse(code)) if isinstance(each, ast.Name)}


def is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "print"


def _logged(program: Program, piece: Piece, texts: set[str]) -> list[tuple[str, Piece, ast.expr]]:
    """The numbers that a statement prints, without settings."""
    numbers = printed([piece], _counters(program) | texts)
    return [each for each in numbers if setting_in(each[2], each[1], program.settings) is None]


def _only_remembers(program: Program, piece: Piece, around: Piece) -> bool:
    """Whether a statement only saves, tells and remembers values that nothing else needs.

    Args:
        around: the statement that it is in; of what that prints, the numbers are needed alone.
    """
    flow = program.flow
    others = [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after)]
    unread = {id(each) for each in ast.walk(piece.node)}
    texts = texts_in([around])
    for each in ast.walk(around.node):
        if isinstance(each, ast.Expr) and is_print(each.value):
            told = Piece(each, around.source, around.names)
            numbers = {id(part) for _, _, value in _logged(program, told, texts) for part in ast.walk(value)}
            unread |= {id(part) for part in ast.walk(each)} - numbers
    read = {
        other.names.get(each.id, each.id)
        for other in others
        for each in ast.walk(other.node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and id(each) not in unread
    }
    is_text = isinstance(piece.node, ast.Assign) and piece.defines <= texts
    return (is_text or _remembers(piece.node)) and not piece.defines & read


def _remembers(statement: ast.stmt) -> bool:
    """Whether a statement under a condition only remembers values, tells and saves."""
    return isinstance(statement, ast.If) and all(
        isinstance(each, (ast.Assign, ast.AugAssign)) or only_tells(each) or _remembers(each)
        for each in [*statement.body, *statement.orelse]
    )


def _counters(program: Program) -> set[str]:
    flow = program.flow
    added = {name for each in flow.body if isinstance(each.node, ast.AugAssign) for name in each.defines}
    heads = (flow.epochs, flow.batches)
    return added | {head.names.get(each.id, each.id) for head in heads for each in targets_in(head)}
