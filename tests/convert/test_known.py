"""Plain values that a program's settings and literals decide."""

import ast

import pytest

from hydra_lightning.convert.known import UNKNOWN, Known
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, Source

SETTINGS = {
    f"args.{name}": Setting(f"args.{name}", name, value, "", f"--{name}", "train.py:1")
    for name, value in {"every": None, "epochs": 3, "track": False}.items()
}


def value(code: str, setup: str = "") -> object:
    source = Source("train.py", setup)
    known = Known([Piece(each, source) for each in source.tree.body], SETTINGS)
    return known.value(ast.parse(code, mode="eval").body, Piece(ast.Pass(), source))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("args.epochs * 2 + 1", 7),
        ("args.every is not None and args.every.isdigit()", False),
        ("isinstance(args.every, int)", False),
        ("hasattr(args.every, 'isdigit')", False),
        ("not args.track", True),
        ("args.epochs in (1, 2)", False),
        ("loader.size > 3", UNKNOWN),
        ("args.every + 1", UNKNOWN),
    ],
)
def test_settings_decide(code: str, expected: object) -> None:
    assert value(code) == expected


def test_the_branch_that_is_taken_counts() -> None:
    setup = "steps = args.every\nif args.every is None:\n    steps = 5\nelse:\n    steps = read()"
    assert value("steps", setup) == 5


def test_what_is_computed_elsewhere_is_not_known() -> None:
    assert value("steps", "steps = 5\nsteps = len(loader)") is UNKNOWN
    assert value("args.epochs", "args.epochs = count()") is UNKNOWN
