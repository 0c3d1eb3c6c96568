"""Branches that come in a later epoch or step than the recording, as a counter and settings say: they are left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.report import Line, keeps_the_best
from hydra_lightning.convert.rewrite import is_a_way_out
from hydra_lightning.convert.settings import owner_of
from hydra_lightning.convert.source import Piece, Source, was_run
from hydra_lightning.convert.static import UNKNOWN, value_of

LATER = "it comes later than the recording, and is left out: convert with more --epochs"


def with_later(lines: Sequence[Line], sources: Mapping[str, Source], program: Program) -> list[Line]:
    """``lines``, of which those of such branches are to be done.

    Args:
        lines: what became of every statement.
        sources: the program as the author wrote it.
    """
    counters, settings = _counters(program), {owner_of(code) for code in program.settings}
    known = {code: each.value for code, each in program.settings.items() if code not in counters}
    sites = {
        site
        for path, source in sources.items()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.If)
        and counters & (names := _names(node.test))
        and names <= counters | settings
        and value_of(node.test, known) is UNKNOWN
        for site in _waiting(node, Piece(node, source), program, lines)
    }
    return [replace(line, what="to do", why=LATER) if line.site in sites else line for line in lines]


def _waiting(node: ast.If, piece: Piece, program: Program, lines: Sequence[Line]) -> Iterator[str]:
    """The place of a branch that was not taken and trains, where it was left out."""
    left_out = {line.site for line in lines if line.what == "not exercised"}
    for branch in (node.body, node.orelse):
        acts = [each for each in branch if not (_leaves(each) or keeps_the_best(each))]
        if not acts or any(was_run(piece, each, program.tape) for each in branch):
            continue
        places = [f"{piece.source.path}:{number}" for number in (node.lineno, branch[0].lineno)]
        yield from [each for each in places if each in left_out][:1]


def _leaves(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Return, ast.Raise)) or is_a_way_out(statement)


def _counters(program: Program) -> set[str]:
    """The names that count epochs, batches and steps, as the author wrote them."""
    flow = program.flow
    counted = [each.node for each in flow.body if isinstance(each.node, ast.AugAssign)]
    heads = [head.node for head in (flow.epochs, flow.batches) if isinstance(head.node, ast.For)]
    targets = [*(each.target for each in counted), *(each.target for each in heads)]
    return set().union(*map(_names, targets))


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
