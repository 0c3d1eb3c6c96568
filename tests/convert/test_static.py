"""What is known of values in one call of a function, without running it."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from hydra_lightning.convert.static import OBJECT, UNKNOWN, is_grad_enabled, known_in, value_of

RUN_EPOCH = """
def run_epoch(model, loader, optimizer=None, verbose=True):
    training = optimizer is not None
    count = 0
    for x in loader:
        count += 1
"""


def expression(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("optimizer is None", False),
        ("optimizer is not None and not verbose", False),
        ("verbose or loader", True),
        ("mode == 'train'", True),
        ("optimizer == 1", UNKNOWN),
        ("loader", UNKNOWN),
        ("len(loader) > 1", UNKNOWN),
    ],
)
def test_the_value_of_an_expression(code: str, value: Any) -> None:
    assert value_of(expression(code), {"optimizer": OBJECT, "verbose": True, "mode": "train"}) is value


def test_a_function_that_trains_where_it_is_given_an_optimizer() -> None:
    (function,) = ast.parse(RUN_EPOCH).body
    assert isinstance(function, ast.FunctionDef)
    given = {"model": expression("net"), "loader": expression("loader"), "optimizer": expression("adam")}
    training = known_in(function, given, {})
    assert (training["training"], training["verbose"]) == (True, True)
    evaluating = known_in(function, {name: given[name] for name in ("model", "loader")}, {})
    assert evaluating["training"] is False
    assert "count" not in evaluating


def test_gradients_that_are_switched_on_are_nothing() -> None:
    (statement,) = ast.parse("with torch.set_grad_enabled(training):\n    pass").body
    assert isinstance(statement, ast.With)
    assert is_grad_enabled(statement, {"training": True})
    assert not is_grad_enabled(statement, {"training": False})
    assert not is_grad_enabled(statement, {})
