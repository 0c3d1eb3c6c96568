"""The first difference of two tapes, of events that are written by hand."""

from __future__ import annotations

from dataclasses import replace

from hydra_lightning.parity.compare import Difference, compare
from hydra_lightning.parity.tape import Event, Tape

BACKWARD = Event("backward", "train.py:9", "loader0", {"loss": ["0x1.0p+0"], "rng": {"torch": 1}})
STEP = Event("step", "train.py:10", "optimizer0", {"lr": ["0x1.0p-4"], "sizes": [8], "gradient": "0x1.0p+0"})
FORWARD = Event("forward", "train.py:8", "module0", {"grad": True, "train": True, "batch": 0})
TRAINED = [FORWARD, BACKWARD, STEP] * 4


def gave(output: int, module: str = "module0") -> Event:
    return Event(
        "forward", "train.py:14", module, {"grad": False, "train": False, "batch": 0, "output": output}
    )


def loss(value: float) -> Event:
    return Event("loss", "train.py:15", "", {"value": value.hex(), "function": "mse_loss"})


def first(original: list[Event], other: list[Event]) -> tuple[str, int] | None:
    difference: Difference | None = compare(tape(original), tape(other)).difference
    return (difference.what, difference.step) if difference else None


def tape(events: list[Event]) -> Tape:
    return Tape("completed", ["train.py"], "/program", events=events)


def test_an_evaluation_in_other_pieces_is_compared_by_its_losses() -> None:
    evaluated = [*TRAINED, gave(1), gave(2), loss(0.5)]
    assert first(evaluated, [*TRAINED, gave(2), loss(0.5)]) is None
    assert first(evaluated, [*TRAINED, gave(2), loss(0.6)]) == ("evaluation", 3)


def test_what_no_loss_is_computed_of_has_to_be_there() -> None:
    tested = [*TRAINED, gave(1), loss(0.5), gave(2)]
    assert first(tested, tested) is None
    assert first(tested, [*TRAINED, gave(1), loss(0.5)]) == ("evaluation", 3)
    assert first(tested, [*TRAINED, gave(1), loss(0.5), gave(3)]) == ("evaluation", 3)


def test_a_picture_of_a_part_of_the_model_may_be_left_out() -> None:
    drawn = [*TRAINED, gave(1), loss(0.5), gave(2, "module1")]
    assert first(drawn, [*TRAINED, gave(1), loss(0.5)]) is None


def test_training_in_eval_mode_is_compared_by_its_loss() -> None:
    trained = Event(
        "forward", "train.py:8", "module0", {"grad": True, "train": False, "batch": 0, "output": 3}
    )
    original = [*TRAINED, gave(1), loss(0.5), trained, BACKWARD, STEP]
    assert first(original, [*TRAINED, gave(1), loss(0.5), FORWARD, BACKWARD, STEP]) is None


def test_more_evaluation_is_told_and_no_difference() -> None:
    found = compare(tape(TRAINED), tape([gave(1), *TRAINED, gave(2)]))
    assert found.difference is None
    assert found.notes == [
        "the other run evaluates 1 more batch before training",
        "the other run evaluates 1 more batch after training",
    ]


def test_the_sanity_check_of_lightning_is_named() -> None:
    other = tape([gave(1), *TRAINED])
    other.facts["versions"] = {"lightning": "2.6"}
    told = "the other run evaluates 1 more batch before training, as the Trainer's sanity check does"
    assert compare(tape(TRAINED), other).notes == [told]


def test_a_training_that_goes_on_evaluates_before_its_next_step() -> None:
    evaluated = [*TRAINED, gave(1), loss(0.5)]
    assert first(evaluated, [*evaluated, BACKWARD, STEP]) == ("number of steps", 4)
    assert first(evaluated, [*TRAINED, BACKWARD, STEP]) == ("evaluation", 3)


def test_steps_that_are_missing() -> None:
    assert first(TRAINED, TRAINED[:-3]) == ("number of steps", 3)


def test_an_original_without_an_optimizer_is_compared_without_its_steps() -> None:
    by_hand = [FORWARD, BACKWARD] * 4
    found = compare(tape(by_hand), tape(TRAINED))
    assert found.difference is None
    assert found.notes == [
        "the original has no optimizer: its rates and gradients are compared by what comes of them"
    ]
    assert first(TRAINED, by_hand) == ("optimizer steps", 0)


def drawing(numpy: list[int], torch: int = 1) -> list[Event]:
    """Four steps, before each of which the generators are in those states."""
    states = [{"torch": torch, "numpy": each} for each in numpy]
    return [
        each
        for rng in states
        for each in (FORWARD, replace(BACKWARD, data=BACKWARD.data | {"rng": rng}), STEP)
    ]


def test_a_generator_that_nothing_draws_from_may_be_in_another_state() -> None:
    found = compare(tape(drawing([5, 5, 5, 5])), tape(drawing([7, 7, 7, 7])))
    assert found.difference is None
    assert found.notes == [
        "the generators of numpy are in another state, and neither training draws from them"
    ]
    assert compare(tape(drawing([5, 5, 5, 5])), tape(drawing([5, 5, 5, 5]))).notes == []


def test_a_generator_that_one_side_draws_from_has_to_be_in_the_same_state() -> None:
    assert first(drawing([5, 5, 6, 6]), drawing([7, 7, 7, 7])) == ("random numbers", 0)
    assert first(drawing([7, 7, 7, 7]), drawing([7, 7, 8, 8])) == ("random numbers", 2)
    assert first(drawing([5, 5, 5, 5], torch=1), drawing([5, 5, 5, 5], torch=2)) == ("random numbers", 0)
