"""Statements with names replaced by values, and the branches that these decide left out."""

from __future__ import annotations

import textwrap

import pytest

from hydra_lightning.convert.edits import placed, specialised
from hydra_lightning.convert.source import Piece, Source

TRAIN = {"phase": "train"}
# What is written, and what stays of it where the phase is "train".
CASES = {
    "a name": ("f(loaders[phase])", "f(loaders['train'])"),
    "nothing to replace": ("f(x)", "f(x)"),
    "a comparison": ("f(shuffle=(phase == 'train'), n=3)", "f(shuffle=True, n=3)"),
    "one of several": ("if phase == 'train' and x > 1 and y: f()", "if x > 1 and y: f()"),
    "over lines": ("if (phase == 'train' and\n        x > 1):\n    f()", "if (\n        x > 1):\n    f()"),
    "an expression": ("x = a if phase == 'val' else b", "x = b"),
    "a branch": ("if phase == 'train':\n    # told\n    f()\nelse:\n    g()", "# told\nf()"),
    "the other": ("if phase != 'train':\n    f()\nelse:\n    g()\n    h()", "g()\nh()"),
    "neither": ("if phase == 'val':\n    f()", "pass"),
    "elif": ("if phase == 'val':\n    f()\nelif x:\n    g()", "if x:\n    g()"),
    "in": ("if phase in ('train', 'test'):\n    f()", "f()"),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_a_statement_where_the_phase_is_train(before: str, after: str) -> None:
    text = f"for phase in phases:\n{textwrap.indent(before, '    ')}\n"
    source = Source("p.py", text)
    _, written = specialised(source, source.tree.body[0], TRAIN)
    assert written.text.count("\n") == text.count("\n")
    lines = [line for line in written.text.splitlines()[1:] if line.strip()]
    assert textwrap.dedent("\n".join(lines)) == after


def test_a_statement_that_is_written_instead_keeps_its_place_and_comment() -> None:
    source = Source("p.py", "a = 1\n# of b\nb = (1 +\n     2)\n")
    piece = placed("b = 3", Piece(source.tree.body[1], source))
    assert piece.text() == "# of b\nb = 3"
    assert piece.site == "p.py:3"
    assert piece.covers("p.py:4")
    assert not piece.covers("p.py:1")
