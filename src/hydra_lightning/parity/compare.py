"""Holds two tapes against each other, event by event."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from hydra_lightning.parity.tape import Event, Step, Tape

TOO_FEW = 4


@dataclass(frozen=True)
class Difference:
    """The first event that is not the same.

    Attributes:
        what: ``random numbers``, ``loss``, ``learning rate``, ``gradient``, ``optimizer steps``, ``evaluation``,
            ``number of steps`` or ``final weights``.
        step: the index of the ``backward`` at or before it.
        original, other: the event on each side, None where a side has none.
    """

    what: str
    step: int
    original: Event | None
    other: Event | None


@dataclass(frozen=True)
class Comparison:
    """How far two tapes are equal.

    Attributes:
        steps: of the original.
        equal: the steps before the first difference.
        difference: None when there is none.
        notes: what is not the same and does not make the training another.
    """

    steps: int
    equal: int
    difference: Difference | None = None
    notes: list[str] = field(default_factory=list)


def compare(original: Tape, other: Tape, tolerance: float = 0.0) -> Comparison:
    """The first difference between two trainings, in the order of time.

    Compared at each ``backward``: the loss and the states of all global random number generators, but for those of
    Python and NumPy where neither training draws from them; at each optimizer
    step, where the original has an optimizer: the learning rates and the norm of the gradients; between them: the
    losses of evaluations, or what the model gave there; at the end: the number of steps and the weights.

    Args:
        original: what was recorded of the one.
        other: of the other.
        tolerance: the relative difference of losses, learning rates and norms that is let pass. When it is not 0,
            evaluations are compared by their losses alone, and the weights are not compared.
    """
    notes: list[str] = []
    if not _of_kind(original.events, "step") and _of_kind(other.events, "step"):
        # Its weights are changed by hand, which no event tells.
        other = replace(other, events=[event for event in other.events if event.kind != "step"])
        notes.append(
            "the original has no optimizer: its rates and gradients are compared by what comes of them"
        )
    steps, others = original.steps(), other.steps()
    trained = _trained(original), _trained(other)
    idle = _idle(steps) & _idle(others)
    if steps and others:
        first, second = steps[0].backward.data["rng"], others[0].backward.data["rng"]
        notes += [
            f"the generators of {name} are in another state, and neither training draws from them"
            for name in sorted(idle)
            if first.get(name) != second.get(name)
        ]
    is_lightning = "lightning" in other.facts.get("versions", {})
    early = "before training" + (", as the Trainer's sanity check does" if is_lightning else "")
    evaluation = functools.partial(
        _evaluation, tolerance=tolerance, trained=trained, early=early, notes=notes
    )
    for index, (step, twin) in enumerate(zip_longest(steps, others)):
        if step is None or twin is None:
            event = (step or twin).backward
            sides = (event, None) if twin is None else (None, event)
            return Comparison(len(steps), index, Difference("number of steps", index, *sides), notes)
        last = index == len(steps) - 1
        # What follows the last step of the one comes before the next of another that trains on.
        following = [each for later in others[index + 1 : index + 2] for each in later.before]
        difference = _difference(step, twin, tolerance, idle, following if last else None, evaluation)
        if difference is not None:
            return Comparison(len(steps), index, difference, notes)
    if not tolerance and original.weights != other.weights:
        return Comparison(
            len(steps), len(steps), Difference("final weights", len(steps) - 1, None, None), notes
        )
    return Comparison(len(steps), len(steps), None, notes)


def _difference(
    step: Step,
    twin: Step,
    tolerance: float,
    idle: set[str],
    following: Sequence[Event] | None,
    evaluation: Callable[..., Difference | None],
) -> Difference | None:
    """The first difference of two steps; what is evaluated after them is compared where they are the last ones."""
    found = evaluation(step.index, step.before, twin.before, after=False)
    if found is not None:
        return found
    one, two = step.backward, twin.backward
    states = [
        {name: state for name, state in side.data["rng"].items() if name not in idle} for side in (one, two)
    ]
    if states[0] != states[1]:
        return Difference("random numbers", step.index, one, two)
    if not _equal(one.data["loss"], two.data["loss"], tolerance):
        return Difference("loss", step.index, one, two)
    stepped = zip_longest(_of_kind(step.after, "step"), _of_kind(twin.after, "step"))
    for one_step, other_step in stepped:
        if one_step is None or other_step is None:
            return Difference("optimizer steps", step.index, one_step, other_step)
        ours, theirs = one_step.data, other_step.data
        if ours["sizes"] != theirs["sizes"] or not _equal(ours["lr"], theirs["lr"], tolerance):
            return Difference("learning rate", step.index, one_step, other_step)
        if not _equal([ours["gradient"]], [theirs["gradient"]], tolerance):
            return Difference("gradient", step.index, one_step, other_step)
    if following is not None:
        return evaluation(step.index, step.after, [*twin.after, *following], after=True)
    return None


def _idle(steps: Sequence[Step]) -> set[str]:
    """The generators of Python and NumPy that stay as they are, as from the first step on."""
    states = [step.backward.data["rng"] for step in steps]
    return {name for name in ("python", "numpy") if len({state.get(name) for state in states}) == 1}


def _evaluation(
    index: int,
    events: Sequence[Event],
    others: Sequence[Event],
    *,
    after: bool,
    tolerance: float,
    trained: tuple[set[str], set[str]],
    early: str,
    notes: list[str],
) -> Difference | None:
    """What the model gave between two steps, and at the end.

    More evaluation on the other side than on the original one is no difference: it changes no training by itself.
    """
    when = "after training" if after else early if index == 0 else f"before step {index}"
    ours, theirs = ([event for event in side if event.is_evaluation] for side in (events, others))
    if [each.data["output"] for each in ours] != [each.data["output"] for each in theirs[: len(ours)]]:
        # The model may be called in other pieces, as layer by layer, to compute the same losses.
        losses = _of_kind(events, "loss"), _of_kind(others, "loss")
        rests = _without_loss(events, trained[0]), _without_loss(others, trained[1])
        if all(losses) and rests[0] == rests[1][: len(rests[0])]:
            ours, theirs = losses
    if not ours or not theirs:
        if theirs:
            notes.append(_more(len(theirs), when))
        elif ours:
            return Difference("evaluation", index, ours[0], None)
        return None
    key = "value" if ours[0].kind == "loss" else "output"
    if key == "output" and tolerance:
        return None
    for one, two in zip_longest(ours, theirs):
        if one is None:
            notes.append(_more(len(theirs) - len(ours), when))
            return None
        if two is None or not _equal([one.data[key]], [two.data[key]], tolerance):
            return Difference("evaluation", index, one, two)
    return None


def _trained(tape: Tape) -> set[str]:
    """The modules that training calls."""
    return {event.about for event in tape.events if event.kind == "forward" and event.data["grad"]}


def _without_loss(events: Sequence[Event], trained: set[str]) -> list[int]:
    """What the model gave after the last loss: no loss says whether it is the same. Its parts may draw pictures."""
    last = max((index for index, event in enumerate(events) if event.kind == "loss"), default=-1)
    rest = [event for event in events[last + 1 :] if event.is_evaluation and not event.data["grad"]]
    return [event.data["output"] for event in rest if event.about in trained]


def _more(batches: int, when: str) -> str:
    return f"the other run evaluates {batches} more {'batch' if batches == 1 else 'batches'} {when}"


def _of_kind(events: Sequence[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def _equal(values: Sequence[str | int], others: Sequence[str | int], tolerance: float) -> bool:
    if values == others or not tolerance:
        return values == others
    return len(values) == len(others) and all(
        _near(value, other, tolerance) for value, other in zip(values, others, strict=True)
    )


def _near(value: str | int, other: str | int, tolerance: float) -> bool:
    if not (isinstance(value, str) and isinstance(other, str)) or value.startswith("crc"):
        # A checksum says nothing of how far two tensors are apart.
        return True
    one, two = float.fromhex(value), float.fromhex(other)
    return value == other or abs(one - two) <= tolerance * max(abs(one), abs(two))
