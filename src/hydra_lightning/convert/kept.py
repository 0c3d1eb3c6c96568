"""Training steps that Lightning's automatic optimization would change: kept as they are, statement by statement."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.batches import called, is_drawn_late, loader_of
from hydra_lightning.convert.flow import Block, Flow, pieces_in
from hydra_lightning.convert.recorded import calls_a_model, evaluates, events_in, makers_of
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import draws, is_a_way_out, is_only_a_move
from hydra_lightning.convert.roles import Roles, find_evaluation, nets_of, public
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.teachers import with_teachers
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.convert.told import names_of, told_of_evaluation
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
    optimizers, schedulers = (makers_of(kind, flow.setup, tape) for kind in ("optimizer", "scheduler"))
    makers = [*optimizers, *(piece for piece in schedulers if piece not in optimizers)]
    made = {each for stack in tape.stacks.get("optimizer", {}).values() for each in stack}
    if not optimizers and any(map(flow.epochs.covers, made)):
        raise Refused(
            "several-trainings",
            flow.epochs.site,
            "each turn of this loop makes an optimizer: it is a training of its own, as one of each fold. Make an "
            "option of what differs between them and convert one; a sweep runs all: -m data.fold=0,1,2",
        )
    if not optimizers:
        why = "no optimizer is made before the loop over epochs."
        if not any(tape.stacks.get("optimizer", {})):
            why += " Weights that are changed by hand need torch.optim.SGD, whose step() it is."
        raise Refused("no-optimizer", flow.batches.site, why)
    for kind in ("optimizer", "scheduler"):
        for site in tape.stacks.get(kind, {}):
            stack = tape.stacks[kind][site]
            if not any(piece.covers(each) for piece in makers for each in stack):
                raise Refused(f"{kind}-place", site, f"a {kind} is made after the loop over epochs begins.")
    for piece in makers:
        if len(piece.defines) != 1:
            raise Refused("optimizer-place", piece.site, "what is made here is not assigned to one name.")
    nets = with_teachers(nets_of(flow, makers), flow, tape)
    train = loader_of(flow, flow.batches, flow.setup, flow.before)
    train.is_late = is_drawn_late(train, flow, tape)
    if train.made is not None and called(train.made[1]) == "range":
        why = "the batches are cut by hand."
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
        train=train,
        kept=why if len(optimizers) == 1 else "there are several optimizers.",
    )
    try:
        find_evaluation(roles, flow)
    except Refused:
        # It has no place of its own in Lightning; its statements are kept.
        roles.val = roles.val_block = None
    if roles.val_block is not None:
        roles.plateau = _plateau(roles, flow, tape)
    return roles


def _plateau(roles: Roles, flow: Flow, tape: Tape) -> tuple[Piece, ast.Name] | None:
    """The step of the only scheduler, after an epoch, where it is given what the evaluation gave, and what that is."""
    stepped = [
        piece
        for piece in pieces_in([*flow.before, *flow.body, *flow.after])
        if "schedule" in events_in(piece, tape)
    ]
    is_one = len(roles.schedulers) == 1 and roles.classes[roles.schedulers[0]].endswith("ReduceLROnPlateau")
    if not is_one or len(stepped) != 1 or stepped[0] not in flow.after:
        return None
    call = stepped[0].node.value if isinstance(stepped[0].node, ast.Expr) else None
    given = call.args if isinstance(call, ast.Call) else []
    return (stepped[0], given[0]) if len(given) == 1 and isinstance(given[0], ast.Name) else None


@dataclass(frozen=True)
class Kept:
    """The statements of a training that are kept, by where they go.

    Attributes:
        start: of an epoch.
        step: of a batch.
        last: of the last batch of an epoch, after its step.
        end: of an epoch, after the evaluation.
        held: names that live longer than one of them.
        told: the numbers of an evaluation in a step that are printed.
    """

    start: list[Piece]
    step: list[Piece]
    last: list[Piece]
    end: list[Piece]
    held: set[str]
    told: list[tuple[str, Piece, ast.expr]]


def kept_statements(flow: Flow, roles: Roles, tape: Tape, makers: Collection[str]) -> Kept:
    """Leave out what only tells, and find the names that are carried from batch to batch.

    Raises:
        Refused: what follows an epoch trains with what its evaluation gave.
    """
    body = [piece for piece in flow.statements if calls_a_model(piece, tape) or not _is_left_out(piece)]
    roots = [
        piece
        for piece in body
        if calls_a_model(piece, tape) or acts(piece, tape, roles.nets) or _is_given(piece, makers)
    ]
    place = next((flow.after.index(node) for node in flow.after if isinstance(node, Block)), len(flow.after))
    before = [node if isinstance(node, Piece) else node.head for node in flow.before]
    before = [piece for piece in before if evaluates(piece, tape) or not _is_left_out(piece)]
    after = [node if isinstance(node, Piece) else node.head for node in flow.after]
    last = [piece for piece in after[:place] if events_in(piece, tape) & (TRAINING - {"mode", "schedule"})]
    end = [piece for piece in after if events_in(piece, tape) & {"schedule"}]
    if roles.plateau is not None:
        # Stepped where the evaluation ends.
        end = [piece for piece in end if piece is not roles.plateau[0]]
    for piece in end:
        if piece.uses & {name for each in after for name in each.defines} - set(makers):
            raise Refused("scheduler", piece.site, "the scheduler is given what the evaluation gave.")
    given = {*re.findall(r"\w+", roles.train.target), roles.train.index}
    counters = {each.id for head in (flow.epochs, flow.batches) for each in targets_in(head)}
    if roles.val_block is None:
        # An evaluation without a loop of its own.
        roots_of_end = [
            piece for piece in after if evaluates(piece, tape) or events_in(piece, tape) & {"mode"}
        ]
        if any(evaluates(each, tape) for each in after):
            # val_loss /= len(data)
            found_here = set().union(*(each.defines for each in after if evaluates(each, tape)))
            changes = [each for each in after if isinstance(each.node, ast.AugAssign)]
            roots_of_end += [each for each in changes if each.defines & found_here]
            ended = told_of_evaluation(after, tape, counters)
            end, _ = _slice(after, [*end, *roots_of_end], names_of(ended))
        else:
            end, _ = _slice(after, end, ())
    told = told_of_evaluation(flow.statements, tape, counters)
    carried: set[str] = set()
    while True:
        step, wanted = _slice(body, roots, carried | names_of(told))
        found = (wanted & {name for piece in body for name in piece.defines}) - given
        if found <= carried:
            break
        carried |= found
    for piece in [*last, *end]:
        wanted |= piece.uses
    # An evaluation that stays as it is leaves the model in its mode.
    switched = any(evaluates(each, tape) for each in before) or any(
        "mode" in events_in(each, tape) for each in end
    )
    kinds = TRAINING if switched else TRAINING - {"mode"}
    modes = [piece for piece in before if events_in(piece, tape) == {"mode"}]
    if not switched and all(
        piece.text(comments=False) in {f"{net}.train()" for net in roles.nets} for piece in modes
    ):
        # Lightning does it, too.
        before = [piece for piece in before if piece not in modes]
    start_roots = [
        piece
        for piece in before
        if evaluates(piece, tape)
        or events_in(piece, tape) & kinds
        or (isinstance(piece.node, ast.Expr) and draws(piece))
    ]
    start, _ = _slice(before, start_roots, wanted)
    held = carried | ({name for piece in start for name in piece.defines} & wanted)
    held |= {name for piece in step for name in piece.defines} & set().union(*(p.uses for p in [*last, *end]))
    return Kept(start, step, last, end, held, told)


def targets_in(loop: Piece) -> list[ast.Name]:
    """The names that a loop gives a value at each turn."""
    targets = ast.walk(loop.node.target) if isinstance(loop.node, ast.For) else ()
    return [each for each in targets if isinstance(each, ast.Name)]


def _is_given(piece: Piece, makers: Collection[str]) -> bool:
    """Whether a function is given optimizers or schedulers, which it may change."""
    calls = [each for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
    given = [
        each
        for call in calls
        for argument in call.args
        for each in (argument.elts if isinstance(argument, (ast.List, ast.Tuple)) else [argument])
        if isinstance(each, ast.Name)
    ]
    return any(piece.names.get(each.id, each.id) in makers for each in given)


def _is_left_out(piece: Piece) -> bool:
    return only_tells(piece.node) or is_only_a_move(piece) or is_a_way_out(piece.node)


def acts(piece: Piece, tape: Tape, nets: Collection[str]) -> bool:
    """Whether a statement trains, or does something that is not known."""
    if events_in(piece, tape) & TRAINING:
        return True
    inside = [
        Piece(each, piece.source, piece.names) for each in ast.walk(piece.node) if isinstance(each, ast.Expr)
    ]
    if draws(piece) or any(not only_tells(each.node) and not only_collects(each, nets) for each in inside):
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


def only_collects(piece: Piece, nets: Collection[str]) -> bool:
    """``losses.append(loss.item())``, ``meter.update(...)``, a text; not ``average.update(net)``"""
    value = piece.node.value if isinstance(piece.node, ast.Expr) else None
    if isinstance(value, ast.Constant):
        return True
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    if value.func.attr in ("append", "extend"):
        return True
    given = [_asked(each) for each in value.args]
    names = {piece.names.get(each.id, each.id) for each in given if isinstance(each, ast.Name)}
    return value.func.attr in ("update", "add") and bool(given) and names.isdisjoint(nets)


def _asked(node: ast.expr) -> ast.expr:
    """``net`` of ``net.parameters()``"""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return node.func.value
    return node


def resets(statement: ast.stmt) -> bool:
    """``accuracy.reset()``, ``meter.clear()``, also of each in a loop"""
    if isinstance(statement, ast.For):
        return all(map(resets, [*statement.body, *statement.orelse]))
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr in ("reset", "clear")
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
            wanted -= piece.assigns
            wanted |= piece.uses
    return kept[::-1], wanted
