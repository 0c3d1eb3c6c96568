"""Loops over batches that are left after so many: ``if i >= 5: break``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.batches import Loader
from hydra_lightning.convert.known import UNKNOWN, Known
from hydra_lightning.convert.rewrite import is_only_a_move
from hydra_lightning.convert.settings import Setting, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_leaves, only_tells

# How many batches are done before a loop is left at its top, but for the limit, by how the counter is compared.
MORE: dict[type[ast.cmpop], int] = {ast.GtE: 0, ast.Eq: 0, ast.Gt: 1}


@dataclass(frozen=True)
class Cut:
    """Where a loop over batches is left.

    Attributes:
        piece: the statement.
        batches: how many it does; None where the setting is None, and it does all.
        setting: that says so, where one does.
        is_at_top: whether one more is fetched.
    """

    piece: Piece
    batches: int | None
    setting: Setting | None
    is_at_top: bool


def cut_of(
    loader: Loader, body: Sequence[Piece], known: Known, settings: Mapping[str, Setting]
) -> Cut | None:
    """Where a loop over the batches of a loader is left after a number of them that is known.

    Args:
        body: its statements.
    """
    for place, piece in enumerate(body):
        found = _limit(piece, loader.index, known) if only_leaves(piece.node) else None
        if found is None:
            continue
        limit, more = found
        is_at_top = all(map(_only_prepares, body[:place]))
        if not is_at_top and not all(only_tells(each.node) for each in body[place + 1 :]):
            return None
        value = known.value(limit, piece)
        setting = setting_in(limit, piece, settings)
        if loader.first and not loader.first.isdigit():
            return None
        more += (not is_at_top) - int(loader.first or 0)
        if value is None and setting is not None and more == 0:
            return Cut(piece, None, setting, is_at_top)
        batches = value + more if isinstance(value, int) else 0
        if batches > 0 and (setting is None or batches == value):
            return Cut(piece, batches, setting, is_at_top)
    return None


def _only_prepares(piece: Piece) -> bool:
    """Whether a statement tells, moves or unpacks a batch."""
    calls = any(isinstance(each, ast.Call) for each in ast.walk(piece.node))
    return (
        only_tells(piece.node) or is_only_a_move(piece) or (isinstance(piece.node, ast.Assign) and not calls)
    )


def _limit(piece: Piece, index: str | None, known: Known) -> tuple[ast.expr, int] | None:
    """The limit in ``i >= limit``, and how many batches more are done; conditions beside it ask for one at most."""
    assert isinstance(piece.node, ast.If)
    test = piece.node.test
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    compared = [(each, found) for each in parts if (found := _compared(each, index)) is not None]
    others = [each for each in parts if all(each is not one for one, _ in compared)]
    if len(compared) != 1:
        return None
    ((_, (limit, more)),) = compared
    values = [known.value(each, piece) for each in others]
    is_asked = all(each is not UNKNOWN and each for each in values)
    return (limit, more) if is_asked or known.value(limit, piece) is None else None


def _compared(node: ast.expr, index: str | None) -> tuple[ast.expr, int] | None:
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in MORE:
        return None
    left, limit, more = node.left, node.comparators[0], MORE[type(node.ops[0])]
    for more_on_the_left, counter in _counters(left):
        if isinstance(counter, ast.Name) and counter.id == index:
            less, one = _without_one(limit)
            return one, more - more_on_the_left - less
    return None


def _counters(node: ast.expr) -> Iterator[tuple[int, ast.expr]]:
    """``i`` of ``i`` and of ``i + 1``, and what is added to it."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and ast.unparse(node.right) == "1":
        yield 1, node.left
    yield 0, node


def _without_one(node: ast.expr) -> tuple[int, ast.expr]:
    """``n`` of ``n`` and of ``n - 1``, and what is taken from it."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and ast.unparse(node.right) == "1":
        return 1, node.left
    return 0, node
