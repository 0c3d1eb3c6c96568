"""A training that ends when a metric has not been better for so many epochs: Lightning's EarlyStopping."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.batches import assigned
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells

INFINITE = ("float('inf')", "math.inf", "np.inf", "numpy.inf", "torch.inf")


@dataclass(frozen=True)
class Patience:
    """What EarlyStopping is told.

    Attributes:
        name: the variable of the metric.
        mode: ``min`` or ``max``.
        limit: of the epochs without a better value, where it stands.
        more: what is added to it.
    """

    name: str
    mode: str
    limit: tuple[Piece, ast.expr]
    more: int


def patience_of(program: Program, pieces: Sequence[Piece]) -> Patience | None:
    """What EarlyStopping has to be told to do as statements do; None where they do anything else.

    ``if loss < best: best, bad = loss, 0`` and ``else: bad += 1``, ``if bad >= PATIENCE: break`` in it or after it.
    """
    if not pieces or len(pieces) > 2 or not all(isinstance(each.node, ast.If) for each in pieces):
        return None
    first, last = pieces[0], pieces[-1]
    node, end = first.node, last.node
    assert isinstance(node, ast.If)
    assert isinstance(end, ast.If)
    inner = [each for each in node.orelse if isinstance(each, ast.If)]
    if last is first and len(inner) == 1:
        end = inner[0]
    compared, counted = _compared(node.test), _compared(end.test)
    if compared is None or counted is None or end is node or end.orelse or not _is_way_out(end.body):
        return None
    (metric, operator, best), (bad, reached, limit) = compared, counted
    if isinstance(operator, ast.Gt) and isinstance(best, ast.Name) and not _starts(program, best.id, "-"):
        # if best > loss
        metric, operator, best = best, ast.Lt(), metric
    mode = {ast.Lt: "min", ast.Gt: "max"}.get(type(operator))
    more = {ast.GtE: 0, ast.Eq: 0, ast.Gt: 1}.get(type(reached))
    if not (isinstance(metric, ast.Name) and isinstance(best, ast.Name) and isinstance(bad, ast.Name)):
        return None
    body = _assigned([each for each in node.body if not only_tells(each)])
    rest = [each for each in node.orelse if not only_tells(each) and each is not end]
    counts = [ast.unparse(each) for each in rest] == [f"{bad.id} += 1"]
    is_kept = body == {best.id: metric.id, bad.id: "0"} and counts
    if mode is None or more is None or not is_kept:
        return None
    if not _starts(program, best.id, "-" if mode == "max" else "") or not _starts(program, bad.id, "0"):
        return None
    return Patience(metric.id, mode, (last, limit), more)


def _compared(node: ast.expr) -> tuple[ast.expr, ast.cmpop, ast.expr] | None:
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return None
    return node.left, node.ops[0], node.comparators[0]


def _is_way_out(body: Sequence[ast.stmt]) -> bool:
    return any(isinstance(each, ast.Break) for each in body) and all(
        isinstance(each, ast.Break) or only_tells(each) for each in body
    )


def _assigned(body: Sequence[ast.stmt]) -> Mapping[str, str]:
    """What each name is assigned; nothing where a statement does anything else."""
    if not all(isinstance(each, ast.Assign) and len(each.targets) == 1 for each in body):
        return {}
    return {name: value for each in body if isinstance(each, ast.Assign) for name, value in _pairs(each)}


def _pairs(node: ast.Assign) -> Iterator[tuple[str, str]]:
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(map(ast.unparse, target.elts), map(ast.unparse, value.elts), strict=False)
    else:
        yield ast.unparse(target), ast.unparse(value)


def _starts(program: Program, name: str, how: str) -> bool:
    """Whether a name is infinite before training, negative with ``-``; or 0."""
    made = assigned(program.flow.setup, name)
    value = (
        dict(_pairs(made.node)).get(name, "")
        if made is not None and isinstance(made.node, ast.Assign)
        else ""
    )
    wanted = ["0"] if how == "0" else [f"{how}{each}" for each in INFINITE] + ["float('-inf')"] * (how == "-")
    return value in wanted
