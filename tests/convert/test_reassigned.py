"""Options that are assigned to after parsing are variables from there on."""

import textwrap

import pytest

from hydra_lightning.convert.reassigned import without_reassigned
from hydra_lightning.convert.source import Source
from hydra_lightning.parity.tape import Tape


def rewritten(code: str, **options: object) -> str:
    tape = Tape("completed", ["train.py"], "")
    values = [{"name": name, "value": value} for name, value in options.items()]
    tape.arguments.append({"site": "train.py:1", "options": values})
    source = Source("train.py", textwrap.dedent(code).strip())
    return without_reassigned({"train.py": source}, tape)["train.py"].text


def test_options_that_stay_are_left_alone() -> None:
    assert (
        rewritten("steps = args.epochs * 10\nargs.other = 3", epochs=2)
        == "steps = args.epochs * 10\nargs.other = 3"
    )


def test_an_option_is_a_variable_after_its_assignment() -> None:
    before = """
        warmup = args.steps // 10
        args.steps = args.steps + 1
        train(args.steps)
        """
    after = "warmup = args.steps // 10\nsteps = args.steps + 1\ntrain(steps)"
    assert rewritten(before, steps=100) == after


@pytest.mark.parametrize(
    ("given", "after"),
    [
        (None, "if True:\n    steps = args.epochs * n\ntrain(steps)"),
        (50, "if False:\n    args.steps = args.epochs * n\ntrain(args.steps)"),
    ],
)
def test_the_branch_is_the_one_that_was_taken(given: int | None, after: str) -> None:
    before = """
        if args.steps is None:
            args.steps = args.epochs * n
        train(args.steps)
        """
    assert rewritten(before, steps=given, epochs=3) == after


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    assert (
        rewritten("steps = 3\nargs.steps = 4\ntrain(args.steps)", steps=1)
        == "steps = 3\nsteps_ = 4\ntrain(steps_)"
    )


@pytest.mark.parametrize(
    ("told", "given", "taken"),
    [
        (
            "args.steps is not None",
            50,
            "if True:\n    print(args.steps)\nelse:\n    args.steps = 5\ntrain(args.steps)",
        ),
        (
            "args.steps is not None",
            None,
            "if False:\n    print(args.steps)\nelse:\n    steps = 5\ntrain(steps)",
        ),
        # What the data decide is not known.
        ("len(rows) > 4", None, "if given:\n    print(args.steps)\nelse:\n    steps = 5\ntrain(steps)"),
    ],
)
def test_a_name_may_tell_whether_an_option_was_given(told: str, given: int | None, taken: str) -> None:
    before = f"""
        given = {told}
        if given:
            print(args.steps)
        else:
            args.steps = 5
        train(args.steps)
        """
    assert rewritten(before, steps=given) == f"given = {told}\n{taken}"


def test_a_name_that_is_told_of_a_new_value_is_not_known() -> None:
    before = """
        args.steps = 5
        given = args.steps is not None
        if given:
            args.steps = 6
        """
    assert "if given:" in rewritten(before, steps=None)
