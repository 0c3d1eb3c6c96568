"""What the first difference of two trainings means, as far as the tapes tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from hydra_lightning.parity.compare import Difference
from hydra_lightning.parity.tape import Event, Step, Tape

# What each kind of event does, with a loader or a number of times before or after it.
ACTS = {
    "iter": "starts a data loader",
    "seed": "seeds a generator",
    "clip": "clips gradients",
    "zero": "sets gradients to zero",
    "optimizer": "makes an optimizer",
    "restore": "loads weights",
}


def explain(difference: Difference, original: Tape, other: Tape) -> list[str]:
    """Sentences, the most telling first; the two sides are called "the original" and "the other run"."""
    sides = (original, other)
    steps = [_step(tape, difference.step) for tape in sides]
    told: list[str] = []
    told += _by_kind(difference, steps)
    if difference.what == "learning rate":
        told += _scheduled(sides, difference.step)
    told += _optimizers(sides)
    return list(dict.fromkeys(told)) or ["Nothing on the tapes says why."]


def place(event: Event | None, tape: Tape, index: int) -> str:
    """``file:line`` of an event.

    What Lightning calls by itself comes from the line of ``fit``, as loaders do; it is placed at the forward before.
    """
    if event is None:
        return ""
    step = _step(tape, index)
    if event.site and step is not None and event.kind in ("backward", "step"):
        forwards = [each for each in step.before if each.kind == "forward" and each.data["grad"]]
        if forwards and any(each.site == event.site for each in tape.events if each.kind in ("iter", "zero")):
            return forwards[-1].site
    return event.site


def _step(tape: Tape, index: int) -> Step | None:
    steps = tape.steps()
    return steps[index] if 0 <= index < len(steps) else None


def _by_kind(difference: Difference, steps: Sequence[Step | None]) -> Iterator[str]:
    what = difference.what
    one, two = steps
    if what == "number of steps":
        side = "the original" if difference.other is None else "the other run"
        yield f"only {side} trains on from here"
        return
    if one is None or two is None:
        return
    if what == "random numbers":
        yield from _drawn(one, two)
    elif what in ("loss", "evaluation"):
        yield from _computed(difference, one, two)
    elif what == "optimizer steps":
        side = "the original" if difference.other is None else "the other run"
        yield f"only {side} steps its optimizer here: gradients are accumulated by another rule"
    elif what == "gradient":
        yield from _clipped(one, two)
        yield from _counted(one, two, ("clip", "zero"))
        yield (
            "the loss is the same and the gradients are not: they are clipped, scaled, accumulated or set to zero "
            "in another way, or belong to other parameters"
        )
    elif what == "final weights":
        yield (
            "every loss is the same and the weights at the end are not: something changes weights or buffers outside "
            "of training steps, or not every parameter is trained"
        )


def _drawn(one: Step, two: Step) -> Iterator[str]:
    states = (one.backward.data["rng"], two.backward.data["rng"])
    which = [name for name in states[0] if states[0][name] != states[1].get(name)]
    yield f"the generators of {' and '.join(which)} are not in the same state"
    forwards = [
        [each for each in step.before if each.kind == "forward" and each.data["grad"]] for step in (one, two)
    ]
    for ours, theirs in zip(*forwards, strict=False):
        yield from _modes(ours, theirs)
    yield from _counted(one, two, ("seed", "iter"))
    order = [
        [each.kind for each in step.before if each.kind in ("iter", "seed", "optimizer")]
        for step in (one, two)
    ]
    if order[0] != order[1] and sorted(order[0]) == sorted(order[1]):
        yield f"the order is another: {', '.join(order[0])} against {', '.join(order[1])}"
    if one.index == 0:
        yield (
            "random numbers are drawn by splitting data, making a model and starting a loader: they have to come in "
            "the same order"
        )


def _computed(difference: Difference, one: Step, two: Step) -> Iterator[str]:
    training = difference.what == "loss"
    calls = [
        [
            each
            for each in [*step.before, *step.after]
            if each.kind == "forward" and each.is_evaluation != training
        ]
        for step in (one, two)
    ]
    if difference.what == "evaluation" and difference.other is None:
        yield "the other run does not evaluate here"
        return
    for ours, theirs in zip(*calls, strict=False):
        yield from _modes(ours, theirs)
        if ours.data.get("autocast") != theirs.data.get("autocast"):
            side = "the original" if ours.data.get("autocast") else "the other run"
            yield f"only {side} runs its forward under autocast"
        if ours.data["batch"] != theirs.data["batch"]:
            yield "the batch is not the same"
            break
    else:
        if calls[0] and calls[1]:
            yield "the batch is the same" + (
                ", and so are the random numbers: the model, its weights or the loss function are not"
                if training
                else ": the weights, the mode or the loss function are not"
            )
    yield from _counted(one, two, ("clip", "restore"))


def _modes(ours: Event, theirs: Event) -> Iterator[str]:
    if ours.data["train"] != theirs.data["train"]:
        modes = ["train" if each.data["train"] else "eval" for each in (ours, theirs)]
        yield f"the model is in {modes[0]} mode in the original and in {modes[1]} mode in the other run"


def _clipped(one: Step, two: Step) -> Iterator[str]:
    """Clipping between ``backward`` and step that is not the same, and clipping before ``backward``."""
    calls = [
        [f"{each.data['function']}({each.data['limit']:g})" for each in step.after if each.kind == "clip"]
        for step in (one, two)
    ]
    if calls[0] and calls[1] and calls[0] != calls[1]:
        shown = [", ".join(each) for each in calls]
        yield f"gradients are clipped by {shown[0]} in the original and by {shown[1]} in the other run"
    for side, step, after in zip(("the original", "the other run"), (one, two), calls, strict=True):
        early = [each for each in step.before if each.kind == "clip"]
        if early and not after:
            yield f"{side} clips before backward ({early[-1].site}), where it changes gradients of earlier batches"


def _scheduled(sides: Sequence[Tape], index: int) -> Iterator[str]:
    """How often schedulers are stepped from the start to a step."""
    events = [
        [each for step in tape.steps()[: index + 1] for each in step.before if each.kind == "schedule"]
        for tape in sides
    ]
    counts = [len(each) for each in events]
    if counts[0] != counts[1]:
        names = ("the original", "the other run")
        more = 0 if counts[0] > counts[1] else 1
        site = events[more][-1].site or "in a library"
        yield (
            f"up to here {names[more]} steps a scheduler {_times(counts[more])} ({site}), "
            f"{names[1 - more]} {_times(counts[1 - more])}"
        )
    elif counts[0]:
        yield (
            f"up to here both step a scheduler {_times(counts[0])}: schedulers are made with other settings or stepped "
            "with other values"
        )


def _counted(one: Step, two: Step, kinds: Sequence[str]) -> Iterator[str]:
    """What one side does more often than the other since the ``backward`` before."""
    events = [[*step.before, *step.after] for step in (one, two)]
    for kind in kinds:
        counts = [Counter(_what(each) for each in side if each.kind == kind) for side in events]
        totals = [sum(each.values()) for each in counts]
        if totals[0] == totals[1]:
            continue
        more = 0 if totals[0] > totals[1] else 1
        site = next(
            (each.site for each in reversed(events[more]) if each.kind == kind and each.site), "in a library"
        )
        name = ("the original", "the other run")[more]
        rest = ("the other run", "the original")[more]
        yield (
            f"before this step {name} {ACTS[kind]} {_times(totals[more])} ({site}), {rest} {_times(min(totals))}"
        )


def _what(event: Event) -> str:
    return str(event.data.get("function", event.kind))


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _optimizers(sides: Sequence[Tape]) -> Iterator[str]:
    """Optimizers that are made with other arguments."""
    made = [
        [
            facts
            for name, facts in tape.objects.items()
            if name.startswith("optimizer") and "defaults" in facts
        ]
        for tape in sides
    ]
    for ours, theirs in zip(*made, strict=False):
        names = [facts["class"].rpartition(".")[2] for facts in (ours, theirs)]
        if names[0] != names[1]:
            yield f"the original trains with {names[0]}, the other run with {names[1]}"
            continue
        unequal = {
            key: (value, theirs["defaults"].get(key))
            for key, value in ours["defaults"].items()
            if theirs["defaults"].get(key) != value and key != "lr"
        }
        if unequal:
            shown = ", ".join(f"{key}={one!r} against {two!r}" for key, (one, two) in unequal.items())
            yield f"the optimizers are not made the same: {names[0]} with {shown}"
        sizes = [sum(group["elements"] for group in facts["groups"]) for facts in (ours, theirs)]
        if sizes[0] != sizes[1]:
            yield f"the optimizers hold other parameters: {sizes[0]} numbers against {sizes[1]}"
    if len(made[0]) != len(made[1]):
        yield f"the original makes {len(made[0])} optimizers, the other run {len(made[1])}"
