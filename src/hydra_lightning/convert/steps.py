"""Trainings that end with a number of steps: ``while step < STEPS``, ``if step >= args.max_steps: break``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.batches import assigned, iterated_by
from hydra_lightning.convert.counted import EXITS, decisive
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.leaving import leaves_all
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.roles import Roles
from hydra_lightning.convert.settings import Setting, literal_of, setting_in
from hydra_lightning.convert.source import Piece, Source, was_run
from hydra_lightning.convert.tells import only_leaves, only_tells
from hydra_lightning.parity.tape import Tape

UNLIMITED = -1
# Lightning evaluates after a step in the middle of an epoch only when the training was stopped.
LAST_EVALUATION = """if self.global_step == self.trainer.max_steps:
    # An evaluation follows the last step, also in the middle of an epoch.
    self.trainer.should_stop = True"""


@dataclass(frozen=True)
class StepLimit:
    """With which step of the optimizer a training ends.

    Attributes:
        number: of that step; -1 where a setting asks for no limit.
        setting: that says so, where one does.
        pieces: the statements that leave the loops there.
        has_epochs: whether a number of epochs ends the training, too.
        is_evaluated: whether an evaluation follows that step also in the middle of an epoch.
    """

    number: int
    setting: Setting | None
    pieces: tuple[Piece, ...]
    has_epochs: bool
    is_evaluated: bool


@dataclass(frozen=True)
class _End:
    """Where a loop ends when a counter comes to a limit.

    Attributes:
        piece: the statement.
        limit: what it compares with.
        count: where the counter is increased.
        is_asked: whether a condition asks for a limit at all.
    """

    piece: Piece
    limit: ast.expr
    count: Piece
    is_asked: bool = False


def steps_counted(flow: Flow, roles: Roles, tape: Tape) -> dict[str, str]:
    """The counters of the steps of automatic optimization, as Lightning calls them."""
    if roles.kept or roles.loss is None:
        return {}
    counters = _counters(flow, roles, tape)
    body = flow.body[flow.body.index(roles.loss[0]) :]
    found = {name for name, count in counters.items() if any(count.node is each.node for each in body)}
    return dict.fromkeys(sorted(found), "self.global_step")


def step_limit_of(flow: Flow, roles: Roles, settings: Mapping[str, Setting], tape: Tape) -> StepLimit | None:
    """The number of steps that ends a training, where one does.

    Raises:
        Refused: the number of the loop over steps is neither a literal nor a setting.
    """
    counters = _counters(flow, roles, tape)
    head = _of_head(flow.epochs, counters)
    inside = [end for each in flow.body if (end := _of_exit(each, counters)) is not None]
    inside = [end for end in inside if _is_between_steps(end, flow, roles, tape)]
    after = [each for each in flow.after if isinstance(each, Piece)]
    later = [end for each in after if (end := _of_exit(each, counters)) is not None]
    first = head if head is not None else inside[0] if len(inside) == 1 else None
    if first is None:
        return None
    number, setting = _number(first, settings), setting_in(first.limit, first.piece, settings)
    if number is None and head is not None:
        raise Refused("epochs", flow.epochs.site, "the number of steps is neither a literal nor a setting.")
    ends = [end for end in (*inside, *later) if _is_same(end, first, settings)]
    if number is None or (head is None and len(ends) != len(inside) + len(later)):
        return None
    has_epochs = head is None and not _is_in_epochs(setting, flow, settings)
    returns = any(leaves_all(end.piece) for end in inside)
    if has_epochs and not later and not returns:
        # Each epoch behind it would train one batch more.
        return None
    pieces = tuple(end.piece for end in ends)
    is_evaluated = bool(inside) and not returns and _is_evaluated(flow, roles, pieces)
    return StepLimit(number, setting, pieces, has_epochs, is_evaluated)


def _counters(flow: Flow, roles: Roles, tape: Tape) -> dict[str, Piece]:
    """Where the counters that start with 0 are increased in the steps of the only optimizer, by their names."""
    if len(roles.optimizers) != 1:
        return {}
    found = {}
    setup = [each for each in flow.setup if not _was_passed_by(each, tape)]
    for piece in flow.body:
        for node in ast.walk(piece.node):
            if (
                isinstance(node, ast.AugAssign)
                and isinstance(node.op, ast.Add)
                and ast.unparse(node.value) == "1"
            ):
                count = Piece(node, piece.source, piece.names)
                (name,) = count.defines
                made = assigned(setup, name)
                times = sum(name in each.defines for each in [*setup, *flow.body])
                if made is not None and isinstance(made.node, ast.Assign) and times == 2:
                    value = made.node.value
                    if isinstance(value, ast.Constant) and value.value == 0:
                        found[name] = count
    return found


def _was_passed_by(piece: Piece, tape: Tape) -> bool:
    """Whether a statement is a branch that the recording did not take."""
    node = piece.node
    return isinstance(node, ast.If) and not any(
        was_run(piece, each, tape) for each in [*node.body, *node.orelse]
    )


def _of_head(head: Piece, counters: Mapping[str, Piece]) -> _End | None:
    """``while step < STEPS``"""
    test = head.node.test if isinstance(head.node, ast.While) else None
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Lt):
        return None
    count = _counted_by(test.left, head, counters)
    return None if count is None else _End(head, test.comparators[0], count)


def _of_exit(piece: Piece, counters: Mapping[str, Piece]) -> _End | None:
    """``if args.max_steps > 0 and step >= args.max_steps: break``"""
    if not isinstance(piece.node, ast.If) or not only_leaves(piece.node):
        return None
    test = decisive(piece.node.test)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or EXITS.get(type(test.ops[0]), True):
        return None
    count = _counted_by(test.left, piece, counters)
    return None if count is None else _End(piece, test.comparators[0], count, test is not piece.node.test)


def _counted_by(node: ast.expr, piece: Piece, counters: Mapping[str, Piece]) -> Piece | None:
    return counters.get(piece.names.get(node.id, node.id)) if isinstance(node, ast.Name) else None


def _number(end: _End, settings: Mapping[str, Setting]) -> int | None:
    """The number of steps; None where it is not known."""
    setting = setting_in(end.limit, end.piece, settings)
    value = setting.value if setting is not None else literal_of(end.limit)
    if isinstance(value, int) and value > 0:
        return value
    return UNLIMITED if end.is_asked and (value is None or isinstance(value, int)) else None


def _is_same(one: _End, other: _End, settings: Mapping[str, Setting]) -> bool:
    settings_of = [setting_in(end.limit, end.piece, settings) for end in (one, other)]
    return settings_of[0] == settings_of[1] and _number(one, settings) == _number(other, settings)


def _is_between_steps(end: _End, flow: Flow, roles: Roles, tape: Tape) -> bool:
    """Whether a statement stands behind a whole step that is counted, or before the first of a step."""
    place = flow.body.index(end.piece)
    is_first = end.piece.node.lineno < end.count.node.lineno
    others = flow.body[:place] if is_first else flow.body[place + 1 :]
    return all(only_tells(each.node) for each in others) and _is_of_steps(end.count, roles, tape)


def _is_of_steps(count: Piece, roles: Roles, tape: Tape) -> bool:
    """Whether a counter is increased with each step of the optimizer, not with each batch of several."""
    conditions = _conditions(count.source, count.node.lineno)
    if roles.accumulate is not None:
        return bool(conditions)
    steps = [site.rpartition(":") for site in tape.stacks.get("step", {})]
    lines = [int(line) for path, _, line in steps if path == count.source.path]
    return all(_conditions(count.source, line) == conditions for line in lines) if lines else not conditions


def _conditions(source: Source, line: int) -> list[int]:
    """The lines of the conditions around a line in the inmost loop around it, as the author wrote them."""
    around = [
        each
        for each in ast.walk(ast.parse(source.written or source.text))
        if isinstance(each, ast.stmt) and each.lineno <= line <= (each.end_lineno or 0)
    ]
    loops = [number for number, each in enumerate(around) if isinstance(each, (ast.For, ast.While))]
    inmost = around[loops[-1] :] if loops else around
    return [each.lineno for each in inmost if isinstance(each, ast.If)]


def _is_in_epochs(setting: Setting | None, flow: Flow, settings: Mapping[str, Setting]) -> bool:
    """Whether there are as many epochs as the steps need: ``range(math.ceil(max_steps / len(loader)))``."""
    if setting is None or not isinstance(flow.epochs.node, ast.For):
        return False
    piece, iterated = iterated_by(flow.epochs, flow.setup)
    waiting, seen = [(piece, part) for part in ast.walk(iterated)], {piece}
    while waiting:
        piece, part = waiting.pop()
        found = setting_in(part, piece, settings)
        if found is not None and found.code == setting.code:
            return True
        made = assigned(flow.setup, piece.names.get(part.id, part.id)) if isinstance(part, ast.Name) else None
        if made is not None and made not in seen and isinstance(made.node, ast.Assign):
            seen.add(made)
            waiting += [(made, each) for each in ast.walk(made.node.value)]
    return False


def _is_evaluated(flow: Flow, roles: Roles, pieces: Sequence[Piece]) -> bool:
    """Whether an epoch that is left is evaluated before the next statement that leaves the training."""
    if roles.val_block is None or flow.interval is not None:
        return False
    left = next((place for place, each in enumerate(flow.after) if each in pieces), len(flow.after))
    return any(each is roles.val_block for each in flow.after[:left])
