"""Evaluations that come again after so many steps or epochs, as the Trainer counts them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hydra_lightning.convert.blocks import Block, pieces_in
from hydra_lightning.convert.constructs import is_an_exit
from hydra_lightning.convert.recorded import evaluates, events_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape

# After the last of these, a step is done.
STEPS = frozenset(("zero", "backward", "clip", "step", "schedule"))
Nodes = Sequence[Piece | Block]


@dataclass(frozen=True)
class Interval:
    """How often a model is evaluated.

    Attributes:
        branch: the statement that decides it.
        number: of steps or epochs from one evaluation to the next.
        keys: of the Trainer; the first is given the number, and says what is counted.
        inside: the statements of the evaluation, functions and loops opened.
    """

    branch: Piece
    number: ast.expr
    keys: Mapping[str, str | None]
    inside: list[Piece | Block] = field(default_factory=list)


def of_steps(
    setup: Sequence[Piece],
    before: Nodes,
    batches: Piece,
    body: Sequence[Piece],
    opened: Nodes,
    after: Nodes,
    tape: Tape,
) -> Interval | None:
    """The evaluation after every n steps, where it is one that the Trainer can make: after all of a step.

    Args:
        opened: the statements of a step with those of its evaluation in place of their calls.
    """
    branches = [each for each in body if _is_evaluation(each, tape)]
    if len(branches) != 1 or is_an_exit(branches[0].node):
        return None
    branch = branches[0]
    place = body.index(branch)
    if any(events_in(each, tape) & STEPS for each in body[place + 1 :]):
        return None
    if any(isinstance(each, Block) or _happens(each, tape) or is_an_exit(each.node) for each in after):
        return None
    behind, restarts = _counters(setup, before, batches, body, after, place)
    found = _number(branch, behind)
    if found is None:
        return None
    name, number = found
    keys: dict[str, str | None] = {"val_check_interval": "steps"}
    if name not in restarts:
        keys["check_val_every_n_epoch"] = None
    nodes = _without(opened, [each for each in body if each is not branch])
    return Interval(branch, number, keys, nodes) if any(isinstance(each, Block) for each in nodes) else None


def of_epochs(
    epochs: Piece, after: Nodes, opened: Nodes, tape: Tape
) -> tuple[Interval | None, list[Piece | Block]]:
    """The evaluation after every n epochs, and what follows the batches of an epoch.

    Where the Trainer counts otherwise, the evaluation stays under its condition.

    Args:
        after: what follows the batches, evaluations in place.
        opened: the same, with their statements in place of them.
    """
    target = epochs.node.target if isinstance(epochs.node, ast.For) else None
    name = epochs.names.get(target.id, target.id) if isinstance(target, ast.Name) else ""
    branches = [each for each in after if isinstance(each, Piece) and _is_evaluation(each, tape)]
    counted = [each for each in branches if name in _names_in_test(each)]
    if not counted:
        return None, [*opened]
    start = _first(epochs)
    found = _number(counted[0], {name: 1 - start}) if start is not None else None
    if len(branches) == 1 and found is not None and not is_an_exit(counted[0].node):
        return Interval(counted[0], found[1], {"check_val_every_n_epoch": "epochs"}), [*opened]
    inside = _without(opened, [each for each in after if isinstance(each, Piece) and each not in counted])
    if counted[0] in inside:
        return None, [*opened]
    kept = [each for each in opened if each not in inside]
    kept.insert(opened.index(inside[0]) if inside else len(kept), counted[0])
    return None, kept


def _without(nodes: Nodes, pieces: Sequence[Piece]) -> list[Piece | Block]:
    """The nodes that are no other opening of these statements."""
    places = {_place(each) for each in pieces}
    return [each for each in nodes if _place(each if isinstance(each, Piece) else each.head) not in places]


def _place(piece: Piece) -> tuple[str, tuple[int, int] | None, int, int, str]:
    """Where a statement is, the same when it was opened twice."""
    node = piece.node
    return piece.source.path, piece.source.span, node.lineno, node.col_offset, ast.unparse(node)


def _counters(
    setup: Sequence[Piece],
    before: Nodes,
    batches: Piece,
    body: Sequence[Piece],
    after: Nodes,
    place: int,
) -> tuple[dict[str, int], set[str]]:
    """By how much each counter is less than the steps that are done, at a place of the body; which restart."""
    start = _start_of_enumerate(batches)
    behind = {} if start is None else {start[0]: 1 - start[1]}
    restarts = {*behind}
    for index, each in enumerate(body):
        if (name := _counted(each)) is None:
            continue
        inside = [one for one in pieces_in(before) if name in one.defines]
        first = [*[one for one in setup if name in one.defines], *inside][-1:]
        changes = [one for one in [*body, *pieces_in(after), *inside[:-1]] if name in one.defines]
        if first and _is_zero(first[0], name) and len(changes) == 1:
            behind[name] = int(index > place)
            restarts |= {name} if inside else set()
    return behind, restarts


def _is_evaluation(piece: Piece, tape: Tape) -> bool:
    """Whether a model is evaluated under a condition."""
    is_branch = isinstance(piece.node, ast.If) and not piece.node.orelse
    return is_branch and evaluates(piece, tape)


def _happens(piece: Piece, tape: Tape) -> bool:
    """Whether anything was recorded in a statement."""
    return bool(events_in(piece, tape)) or evaluates(piece, tape)


def _names_in_test(branch: Piece) -> set[str]:
    assert isinstance(branch.node, ast.If)
    names = (each.id for each in ast.walk(branch.node.test) if isinstance(each, ast.Name))
    return {branch.names.get(each, each) for each in names}


def _number(branch: Piece, behind: Mapping[str, int]) -> tuple[str, ast.expr] | None:
    """The counter and the number in ``(step + 1) % 100 == 0``, where that is so after each 100 of them.

    Args:
        behind: by how much each counter is less than what is done, where the condition stands.
    """
    assert isinstance(branch.node, ast.If)
    test: ast.expr = branch.node.test
    more = 0
    rest: ast.expr
    right: ast.expr | None
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        rest, right = test.operand, None
    elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        rest, right = test.left, test.comparators[0]
    else:
        return None
    if not isinstance(rest, ast.BinOp) or not isinstance(rest.op, ast.Mod):
        return None
    counter: ast.expr = rest.left
    number: ast.expr = rest.right
    if right is not None and ast.unparse(right) != "0":
        if not _is_one_less(right, number):
            return None
        more = 1
    if isinstance(counter, ast.BinOp) and isinstance(counter.op, ast.Add):
        added = _integer(counter.right)
        if added is None:
            return None
        more += added
        counter = counter.left
    if not isinstance(counter, ast.Name):
        return None
    name = branch.names.get(counter.id, counter.id)
    return (name, number) if behind.get(name) == more else None


def _is_one_less(one: ast.expr, number: ast.expr) -> bool:
    """Whether ``one`` is the last remainder: ``N - 1`` of ``N``, 1 of 2."""
    if isinstance(number, ast.Constant) and isinstance(number.value, int) and isinstance(one, ast.Constant):
        return one.value == number.value - 1
    return ast.unparse(one) == f"{ast.unparse(number)} - 1"


def _counted(piece: Piece) -> str | None:
    """``step`` of ``step += 1``"""
    node = piece.node
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name):
        return piece.names.get(node.target.id, node.target.id) if ast.unparse(node.value) == "1" else None
    return None


def _is_zero(piece: Piece, name: str) -> bool:
    """``step = 0``, ``best, step = 0.0, 0``"""
    node = piece.node
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = [*zip(target.elts, value.elts, strict=False)]
    else:
        pairs = [(target, value)]
    return any(
        isinstance(one, ast.Name) and piece.names.get(one.id, one.id) == name and ast.unparse(each) == "0"
        for one, each in pairs
    )


def _start_of_enumerate(head: Piece) -> tuple[str, int] | None:
    """The counter of ``for i, batch in enumerate(loader, 1)`` and its first value."""
    node = head.node
    if not isinstance(node, ast.For) or not isinstance(node.target, ast.Tuple):
        return None
    calls = [each for each in ast.walk(node.iter) if isinstance(each, ast.Call)]
    counts = [each for each in calls if ast.unparse(each.func) == "enumerate"]
    first = node.target.elts[0]
    if len(counts) != 1 or not isinstance(first, ast.Name):
        return None
    given = [*counts[0].args[1:], *(each.value for each in counts[0].keywords)]
    start = _integer(given[0] if given else ast.Constant(0))
    return None if start is None else (head.names.get(first.id, first.id), start)


def _first(epochs: Piece) -> int | None:
    """The first number of ``for epoch in range(1, n)``."""
    assert isinstance(epochs.node, ast.For)
    calls = [each for each in ast.walk(epochs.node.iter) if isinstance(each, ast.Call)]
    ranges = [each for each in calls if ast.unparse(each.func).endswith("range")]
    if len(ranges) != 1 or len(ranges[0].args) > 2:
        return None
    return _integer(ranges[0].args[0]) if len(ranges[0].args) == 2 else 0


def _integer(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
