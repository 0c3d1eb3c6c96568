"""Training steps that Lightning's automatic optimization would change: kept as they are, statement by statement."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.flow import Block, Flow
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import draws, is_a_way_out, is_only_a_move, only_tells
from hydra_lightning.convert.roles import (
    Roles,
    assigned,
    called,
    events_in,
    find_evaluation,
    loader_of,
    public,
)
from hydra_lightning.convert.settings import Setting, is_literal, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape

TRAINING = frozenset(("zero", "backward", "step", "schedule", "clip", "mode"))


def kept_roles(flow: Flow, tape: Tape, why: str) -> Roles:
    """The roles in a program whose steps are kept.

    Args:
        why: what automatic optimization would change.

    Raises:
        Refused: optimizers are not made before the loop over epochs, or no model is found in what makes them.
    """
    flow.body = flow.statements
    sites = {
        kind: {each for stack in tape.stacks.get(kind, {}).values() for each in stack}
        for kind in ("optimizer", "scheduler")
    }
    optimizers, schedulers = (
        [piece for piece in flow.setup if any(piece.covers(site) for site in found)]
        for found in sites.values()
    )
    makers = [*optimizers, *(piece for piece in schedulers if piece not in optimizers)]
    if not optimizers:
        raise Refused("no-optimizer", flow.batches.site, "no optimizer is made before the loop over epochs.")
    for kind in ("optimizer", "scheduler"):
        for site in tape.stacks.get(kind, {}):
            stack = tape.stacks[kind][site]
            if not any(piece.covers(each) for piece in makers for each in stack):
                raise Refused(f"{kind}-place", site, f"a {kind} is made after the loop over epochs begins.")
    for piece in makers:
        if len(piece.defines) != 1:
            raise Refused("optimizer-place", piece.site, "what is made here is not assigned to one name.")
    nets = _nets(flow, makers)
    roles = Roles(
        nets=nets,
        optimizers=optimizers,
        schedulers=[piece for piece in schedulers if piece not in optimizers],
        classes={
            piece: public(facts["class"])
            for piece in makers
            for name, facts in tape.objects.items()
            if name.startswith(("optimizer", "scheduler")) and piece.covers(str(facts["site"]))
        },
        train=loader_of(flow.batches, flow.setup, flow.before),
        kept=why if len(optimizers) == 1 else "there are several optimizers.",
    )
    find_evaluation(roles, flow)
    return roles


def _nets(flow: Flow, makers: Sequence[Piece]) -> dict[str, Piece]:
    """The models whose parameters are asked for where optimizers are made, in the order in which they are made."""
    names: set[str] = set()
    wanted = set().union(*(piece.uses for piece in makers))
    for piece in reversed(flow.setup):
        if piece not in makers and not piece.defines & wanted:
            continue
        for node in ast.walk(piece.node):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in ("parameters", "named_parameters", "configure_optimizers")
                and isinstance(node.value, ast.Name)
            ):
                names.add(piece.names.get(node.value.id, node.value.id))
    made = {name: assigned(flow.setup, name) for name in sorted(names)}
    found = {name: piece for name, piece in made.items() if piece is not None}
    if not found:
        raise Refused("parameters", makers[0].site, "the optimizer is not given the parameters() of a model.")
    return dict(sorted(found.items(), key=lambda each: flow.setup.index(each[1])))


@dataclass(frozen=True)
class Kept:
    """The statements of a training that are kept, by where they go.

    Attributes:
        start: of an epoch.
        step: of a batch.
        last: of the last batch of an epoch, after its step.
        end: of an epoch, after the evaluation.
        held: names that live longer than one of them.
    """

    start: list[Piece]
    step: list[Piece]
    last: list[Piece]
    end: list[Piece]
    held: set[str]


def kept_statements(flow: Flow, roles: Roles, tape: Tape, makers: Collection[str]) -> Kept:
    """Leave out what only tells, and find the names that are carried from batch to batch.

    Raises:
        Refused: what follows an epoch trains with what its evaluation gave.
    """
    body = [piece for piece in flow.statements if not _is_left_out(piece)]
    roots = [piece for piece in body if _acts(piece, tape)]
    place = next((flow.after.index(node) for node in flow.after if isinstance(node, Block)), len(flow.after))
    before = [node for node in flow.before if isinstance(node, Piece) and not _is_left_out(node)]
    after = [node if isinstance(node, Piece) else node.head for node in flow.after]
    last = [piece for piece in after[:place] if events_in(piece, tape) & (TRAINING - {"mode", "schedule"})]
    end = [piece for piece in after if events_in(piece, tape) & {"schedule"}]
    for piece in end:
        if piece.uses & {name for each in after for name in each.defines} - set(makers):
            raise Refused("scheduler", piece.site, "the scheduler is given what the evaluation gave.")
    given = {*re.findall(r"\w+", roles.train.target), roles.train.index}
    carried: set[str] = set()
    while True:
        step, wanted = _slice(body, roots, carried)
        found = (wanted & {name for piece in body for name in piece.defines}) - given
        if found <= carried:
            break
        carried |= found
    for piece in [*last, *end]:
        wanted |= piece.uses
    start_roots = [piece for piece in before if events_in(piece, tape) & (TRAINING - {"mode"})]
    start, _ = _slice(before, start_roots, wanted)
    held = carried | ({name for piece in start for name in piece.defines} & wanted)
    held |= {name for piece in step for name in piece.defines} & set().union(*(p.uses for p in [*last, *end]))
    return Kept(start, step, last, end, held)


def _is_left_out(piece: Piece) -> bool:
    return only_tells(piece.node) or is_only_a_move(piece) or is_a_way_out(piece.node)


def _acts(piece: Piece, tape: Tape) -> bool:
    """Whether a statement trains, or does something that is not known."""
    if events_in(piece, tape) & TRAINING:
        return True
    inside = [each for each in ast.walk(piece.node) if isinstance(each, ast.Expr)]
    if draws(piece) or any(not only_tells(each) and not only_collects(each) for each in inside):
        return True
    return any(
        isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) for each in ast.walk(piece.node)
    ) or (
        isinstance(piece.node, ast.For)
        and any(
            isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store)
            for each in ast.walk(piece.node)
        )
    )


def only_collects(statement: ast.Expr) -> bool:
    """``losses.append(loss.item())``, ``meter.update(...)``, a text"""
    value = statement.value
    if isinstance(value, ast.Constant):
        return True
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and (
            value.func.attr in ("append", "extend")
            or (value.func.attr in ("update", "add") and bool(value.args))
        )
    )


def _slice(
    pieces: Sequence[Piece], roots: Collection[Piece], at_end: Collection[str]
) -> tuple[list[Piece], set[str]]:
    """The pieces that ``roots`` and the names ``at_end`` need, and the names that have to be there before them."""
    wanted = set(at_end)
    kept: list[Piece] = []
    for piece in reversed(pieces):
        if piece in roots or (piece.defines | piece.changes) & wanted:
            kept.append(piece)
            node = piece.node
            if isinstance(node, ast.Assign) and all(
                isinstance(each, (ast.Name, ast.Tuple, ast.List)) for each in node.targets
            ):
                wanted -= piece.defines
            wanted |= piece.uses
    return kept[::-1], wanted


def has_plain_arguments(piece: Piece, path: str, settings: Mapping[str, Setting]) -> bool:
    """Whether all but the first argument of an optimizer can stand in a config."""
    call = piece.node.value if isinstance(piece.node, ast.Assign) else None
    if not isinstance(call, ast.Call) or called(call) != path.rpartition(".")[2] or not call.args:
        return False
    given = [*call.args[1:], *(each.value for each in call.keywords if each.arg)]
    plain = all(is_literal(each) or setting_in(each, piece, settings) is not None for each in given)
    return plain and all(each.arg for each in call.keywords)
