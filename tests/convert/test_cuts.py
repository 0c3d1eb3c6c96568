"""Loops that are left after a number of batches that is known; the others are not."""

from __future__ import annotations

import textwrap

import pytest

from hydra_lightning.convert.batches import Loader
from hydra_lightning.convert.cuts import Cut, cut_of
from hydra_lightning.convert.known import Known
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, Source

SETTINGS = {
    name: Setting(name, name.lower(), value, "", "", "train.py:1")
    for name, value in (("LIMIT", 5), ("NONE", None))
}
TOP = "if {}:\n    break\ntrain(batch)"
BOTTOM = "train(batch)\nif {}:\n    print('enough')\n    break"


def cut(code: str, first: str = "") -> Cut | None:
    source = Source("train.py", textwrap.dedent(code))
    pieces = [Piece(each, source) for each in source.tree.body]
    return cut_of(Loader("loader", None, "batch", "i", first), pieces, Known([], SETTINGS), SETTINGS)


@pytest.mark.parametrize(
    "code",
    [
        "train(batch)\nif i >= 5:\n    break\nstep(batch)",
        "train(batch)\nif loss < 0.1:\n    break",
        "if i >= 5:\n    break\nelse:\n    train(batch)",
        "if i >= 5:\n    evaluate(batch)\n    break\ntrain(batch)",
        "if i >= limit():\n    break\ntrain(batch)",
        "if late and i >= 5:\n    break\ntrain(batch)",
        "if i < 5:\n    break\ntrain(batch)",
        "if i > 5:\n    continue\ntrain(batch)",
        TOP.format("i > LIMIT"),
    ],
)
def test_other_loops_are_not_cut(code: str) -> None:
    assert cut(code) is None


@pytest.mark.parametrize(
    ("code", "batches"),
    [
        (TOP.format("i >= 5"), 5),
        (TOP.format("i == 5"), 5),
        (TOP.format("i > 5"), 6),
        (TOP.format("i + 1 > 5"), 5),
        (TOP.format("i == 5 - 1"), 4),
        ("x, y = batch\n" + TOP.format("i >= 5"), 5),
        (TOP.format("LIMIT and i >= LIMIT"), 5),
        (TOP.format("LIMIT > 0 and i >= LIMIT"), 5),
        (BOTTOM.format("i + 1 >= 5"), 5),
        (BOTTOM.format("i >= 5"), 6),
        (BOTTOM.format("i == LIMIT - 1"), 5),
    ],
)
def test_a_loop_is_cut_after_so_many_batches(code: str, batches: int) -> None:
    found = cut(code)
    assert found is not None
    assert (found.batches, found.is_at_top) == (batches, not code.startswith("train"))
    assert (found.setting is not None) is ("LIMIT" in code)


def test_batches_may_be_counted_from_one() -> None:
    found = cut(BOTTOM.format("i == 5"), first="1")
    assert found is not None
    assert found.batches == 5


@pytest.mark.parametrize("test", ["NONE and i >= NONE", "NONE is not None and i >= NONE"])
def test_a_setting_may_say_that_it_is_not_cut(test: str) -> None:
    found = cut(TOP.format(test))
    assert found is not None
    assert (found.batches, found.setting) == (None, SETTINGS["NONE"])
