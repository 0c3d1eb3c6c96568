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


def write_test(verdict: Verdict, experiment: Experiment, file: Path) -> Path:
    """Write a pytest and the tape of the original beside it.

    Raises:
        ParityError: the file exists, or is not in the project.
    """
    file = file if file.suffix == ".py" else file.with_suffix(".py")
    tape = file.with_suffix(".tape.json")
    root = experiment.project.resolve()
    if not file.resolve().is_relative_to(root):
        raise ParityError(f"--test {file}: not in the project {root}, whose training it repeats.")
    for each in (file, tape):
        if each.exists():
            raise ParityError(f"--test {file}: {each} is there already.")
    file.parent.mkdir(parents=True, exist_ok=True)
    verdict.tapes[0].save(tape)
    text = TEST.format(
        other=verdict.names[1],
        original=verdict.names[0],
        tape=tape.name,
        depth=len(file.resolve().relative_to(root).parts) - 1,
        overrides=list(experiment.overrides),
    )
    file.write_text(text, encoding="utf-8")
    return file


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
