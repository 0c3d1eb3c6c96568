"""Ways to count, leave and surround the loops of a training: each trains the same, with nothing left to do."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from plain_loop import EPOCH, EVALUATION, FILES, LOADER, PROGRAM, converted

from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("loops") / "project", "bare").root


LOOP = PROGRAM[PROGRAM.index(EPOCH) : PROGRAM.index(EVALUATION)]


def in_a_function(more: str, after: str = "") -> dict[str, str]:
    """The loop over the batches in a function, with more at the end of a step, and after the loop."""
    function = f"def learn():\n{LOOP}{textwrap.indent(more, ' ' * 8)}{textwrap.indent(after, ' ' * 4)}\n\n"
    return {LOOP: "    print(learn())\n", LOADER: LOADER + function}


# By what it is: what of the program of the table is written otherwise, and what its files then have.
LOOPS: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    "a return that leaves the loop": (
        in_a_function("if i == 2:\n    return\n"),
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "a return of what is returned after the loop": (
        in_a_function("if i == 2:\n    return loss.item()\n", "return loss.item()\n"),
        {"experiment": ["limit_train_batches: 3"]},
    ),
    "a return in a branch that only tells": (
        in_a_function(
            "if i % 2 == 0:\n    print(loss.item())\n    if i > 99:\n        return 0\n", "return i\n"
        ),
        {"module": ["        return loss\n"]},
    ),
}


@pytest.mark.parametrize(("changes", "written"), LOOPS.values(), ids=LOOPS)
def test_a_loop_trains_the_same(
    project: Path, tmp_path: Path, changes: dict[str, str], written: dict[str, list[str]]
) -> None:
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    for file, texts in written.items():
        for text in texts:
            assert text in found.files[FILES[file]]
