"""The lines of a program that were run are known, and no others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra_lightning.parity.lines import ENOUGH, watch_lines

PROGRAM = """def pick(n):
    if n > 1:
        return "many"
    return "one"


def never():
    return 1


for _ in range(3):
    pick(1)
"""


@pytest.fixture(autouse=True)
def _traced_as_before() -> Iterator[None]:
    before = sys.gettrace()
    yield
    sys.settrace(before)


def run(folder: Path, text: str) -> dict[str, list[int]]:
    program = folder / "train.py"
    program.write_text(text)
    lines: dict[str, list[int]] = {}
    watch_lines(lambda file: "train.py" if file == str(program) else "", lines)
    exec(compile(text, str(program), "exec"), {})
    sys.settrace(None)
    return lines


def test_branches_that_were_not_taken_are_missing(tmp_path: Path) -> None:
    lines = run(tmp_path, PROGRAM)
    assert {*lines} == {"train.py"}
    assert sorted(lines["train.py"]) == [1, 2, 4, 7, 11, 12]


def test_a_line_is_noted_once(tmp_path: Path) -> None:
    lines = run(tmp_path, PROGRAM + "pick(2)\npick(3)\n")["train.py"]
    assert len(lines) == len({*lines})
    assert 3 in lines


def test_a_function_that_is_called_very_often_is_not_watched_for_ever(tmp_path: Path) -> None:
    late = f"def f(n):\n    if n < 0:\n        return n\n    return 0\n\n\nfor n in range({ENOUGH}):\n    f(n)\nf(-1)\n"
    lines = run(tmp_path, late)["train.py"]
    assert {2, 4} <= {*lines}
    assert 3 not in lines
