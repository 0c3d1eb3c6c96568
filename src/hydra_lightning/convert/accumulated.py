"""Gradients that are accumulated as the Trainer does it: over so many batches, and what is left over after the last."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.batches import Loader
from hydra_lightning.convert.edits import placed
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells


@dataclass(frozen=True)
class Accumulated:
    """Steps that are made now and then.

    Attributes:
        piece: the branch that makes them.
        batches: over how many of them, where it says so.
        body: the statements of a batch, as if each made a step, of a loss that is not divided.
        loss: where ``backward`` is called, and of what.
    """

    piece: Piece
    batches: ast.expr
    body: list[Piece]
    loss: tuple[Piece, ast.expr]


def accumulated(flow: Flow, loader: Loader, loss: tuple[Piece, ast.expr]) -> Accumulated | None:
    """Steps ``if (i + 1) % k == 0 or i + 1 == len(loader)`` of a loss that is divided by ``k``; None for others."""
    for place, piece in enumerate(flow.body):
        node = piece.node
        if not isinstance(node, ast.If) or node.orelse or not _counts_from_zero(flow.batches.node):
            continue
        if not all(isinstance(each, (ast.Expr, ast.Assign, ast.AugAssign)) for each in node.body):
            continue
        batches = _batches(node.test, loader, piece)
        divided = _undivided(flow.body[:place], loss, ast.unparse(batches)) if batches is not None else None
        if batches is None or divided is None or not all(map(only_tells, _rest(flow.body[place + 1 :]))):
            continue
        body, undivided = divided
        inside = [Piece(each, piece.source, piece.names) for each in node.body]
        return Accumulated(piece, batches, [*body, *inside, *flow.body[place + 1 :]], undivided)
    return None


def _rest(pieces: Sequence[Piece]) -> Iterator[ast.stmt]:
    """What follows the steps, but for sums and counters."""
    return (each.node for each in pieces if not isinstance(each.node, (ast.Assign, ast.AugAssign)))


def _counts_from_zero(loop: ast.stmt) -> bool:
    calls = ast.walk(loop.iter) if isinstance(loop, ast.For) else ()
    return any(
        isinstance(each, ast.Call)
        and ast.unparse(each.func) == "enumerate"
        and len(each.args) + len(each.keywords) == 1
        for each in calls
    )


def _batches(test: ast.expr, loader: Loader, piece: Piece) -> ast.expr | None:
    """``k`` of ``(i + 1) % k == 0 or i + 1 == len(loader)``."""
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.Or) or len(test.values) != 2:
        return None
    i, length = loader.index, f"len({loader.name})"
    ends = {f"{i} + 1 == {length}", f"{length} == {i} + 1", f"{i} == {length} - 1", f"{length} - 1 == {i}"}
    for one, other in (test.values, test.values[::-1]):
        if (
            isinstance(one, ast.Compare)
            and isinstance(one.left, ast.BinOp)
            and isinstance(one.left.op, ast.Mod)
            and ast.unparse(one) == f"({i} + 1) % {ast.unparse(one.left.right)} == 0"
            and ast.unparse(ast.parse(piece.part(other))) in ends
        ):
            return one.left.right
    return None


def _undivided(
    body: Sequence[Piece], loss: tuple[Piece, ast.expr], by: str
) -> tuple[list[Piece], tuple[Piece, ast.expr]] | None:
    """The statements up to ``backward``, and its loss, without a division; None where there is none."""
    piece, value = loss
    if (whole := _dividend(value, by)) is not None:
        # (loss / k).backward()
        return [*body], (piece, whole)
    for place, each in enumerate(body):
        node = each.node
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name) or not isinstance(value, ast.Name) or target.id != value.id:
            continue
        rest = [*body[:place], *body[place + 1 :]]
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div) and ast.unparse(node.value) == by:
            return rest, loss
        whole = _dividend(node.value, by) if isinstance(node, ast.Assign) else None
        if isinstance(whole, ast.Name) and whole.id == target.id:
            return rest, loss
        if whole is not None:
            made = placed(f"{each.part(target)} = {each.part(whole)}", each)
            return [*body[:place], made, *body[place + 1 :]], loss
    return None


def _dividend(node: ast.expr, by: str) -> ast.expr | None:
    is_divided = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    return node.left if is_divided and isinstance(node, ast.BinOp) and ast.unparse(node.right) == by else None
