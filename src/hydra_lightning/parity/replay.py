"""A recorded training as a test: the project's training must still be the same, without the original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra_lightning.errors import ParityError
from hydra_lightning.parity.record import machine
from hydra_lightning.parity.sides import Experiment, Limits
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.verdict import Verdict, judge

TEST = '''"""The training of `{other}` is that of `{original}`: every loss, random state and weight."""

from pathlib import Path

import pytest

from hydra_lightning.parity.replay import unlike, replay
from hydra_lightning.parity.verdict import text

TAPE = Path(__file__).with_name("{tape}")
PROJECT = Path(__file__).resolve().parents[{depth}]


@pytest.mark.skipif(bool(unlike(TAPE)), reason=unlike(TAPE))
def test_trains_as_the_original() -> None:
    verdict = replay(TAPE, PROJECT, {overrides})
    assert verdict.status == "PASS", text(verdict)
'''


def place_for_test(experiment: Experiment, file: Path) -> Path:
    """Where a test of that name goes.

    Raises:
        ParityError: it or its tape is there already, or it would not be in the project.
    """
    file = file if file.suffix == ".py" else file.with_suffix(".py")
    root = experiment.project.resolve()
    if not file.resolve().is_relative_to(root):
        raise ParityError(f"--test {file}: not in the project {root}, whose training it repeats.")
    for each in (file, _tape_of(file)):
        if each.exists():
            raise ParityError(f"--test {file}: {each} is there already.")
    return file


def write_test(verdict: Verdict, experiment: Experiment, file: Path) -> None:
    """Write a pytest, and the tape of the original beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    verdict.tapes[0].save(_tape_of(file))
    text = TEST.format(
        other=verdict.names[1],
        original=verdict.names[0],
        tape=_tape_of(file).name,
        depth=len(file.resolve().relative_to(experiment.project.resolve()).parts) - 1,
        overrides=list(experiment.overrides),
    )
    file.write_text(text, encoding="utf-8")


def _tape_of(test: Path) -> Path:
    return test.with_suffix(".tape.json")


def unlike(tape: Path) -> str:
    """Why this machine cannot be expected to give the bits of a tape; empty when it can."""
    import torch

    facts = Tape.load(tape).facts
    if facts["machine"] != machine():
        return f"recorded on {facts['machine']}, this is {machine()}"
    if facts["versions"]["torch"] != torch.__version__:
        return f"recorded with torch {facts['versions']['torch']}, this is {torch.__version__}"
    return ""


def replay(tape: Path, project: Path, overrides: Sequence[str]) -> Verdict:
    """Run a project's training under the recorder and compare it with a tape.

    Raises:
        ParityError: the tape cannot be read or the training cannot be recorded.
    """
    recorded = Tape.load(tape)
    facts = recorded.facts
    other = Experiment(project, tuple(overrides))
    return judge(recorded, None, other, Limits(epochs=None), facts["seed"], threads=facts["threads"])
