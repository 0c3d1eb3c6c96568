"""Steps that are made as the Trainer accumulates; the others are made as they are written."""

from __future__ import annotations

import ast

import pytest

from hydra_lightning.convert.accumulated import accumulated
from hydra_lightning.convert.batches import Loader
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.source import Piece, Source

PROGRAM = """for epoch in range(3):
    for i, (x, y) in enumerate(loader):
        loss = criterion(net(x), y)
        (loss / every).backward()
        if (i + 1) % every == 0 or i + 1 == len(loader):
            optimizer.step()
            optimizer.zero_grad()
"""
BACKWARD = "(loss / every).backward()"


def read(program: str) -> tuple[list[str], str, str] | None:
    """The statements of a batch, what is optimised and over how many batches."""
    source = Source("train.py", program)
    epochs = source.tree.body[0]
    assert isinstance(epochs, ast.For)
    batches = epochs.body[0]
    assert isinstance(batches, ast.For)
    body = [Piece(each, source) for each in batches.body]
    flow = Flow([], Piece(epochs, source), [], Piece(batches, source), body, [], [])
    piece = next(each for each in body if ".backward(" in each.text())
    call = piece.node.value if isinstance(piece.node, ast.Expr) else None
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    found = accumulated(flow, Loader("loader", None, "x, y", "i"), (piece, call.func.value))
    if found is None:
        return None
    texts = [each.text() for each in found.body]
    return texts, ast.unparse(found.loss[1]), ast.unparse(found.batches)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BACKWARD, "loss.backward()"),
        (BACKWARD, "(loss / 2).backward()"),
        (" or i + 1 == len(loader)", ""),
        (" or i + 1 == len(loader)", " or i == len(loader)"),
        ("(i + 1) % every", "i % every"),
        ("enumerate(loader)", "enumerate(loader, 1)"),
        (
            "            optimizer.zero_grad()\n",
            "            if late:\n                optimizer.zero_grad()\n",
        ),
        (
            "            optimizer.zero_grad()\n",
            "            optimizer.zero_grad()\n        scheduler.step()\n",
        ),
    ],
)
def test_other_steps_stay_as_they_are(old: str, new: str) -> None:
    assert PROGRAM.count(old) == 1
    assert read(PROGRAM.replace(old, new)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BACKWARD, BACKWARD),
        (BACKWARD, "loss = loss / every\n        loss.backward()"),
        (BACKWARD, "loss /= every\n        loss.backward()"),
        ("criterion(net(x), y)\n        (loss / every)", "criterion(net(x), y) / every\n        loss"),
        ("i + 1 == len(loader)", "i == len(loader) - 1"),
        ("(i + 1) % every == 0 or i + 1 == len(loader)", "i + 1 == len(loader) or (i + 1) % every == 0"),
    ],
)
def test_the_loss_is_not_divided_and_each_batch_is_a_step(old: str, new: str) -> None:
    assert PROGRAM.count(old) == 1
    found = read(PROGRAM.replace(old, new))
    assert found is not None
    texts, loss, batches = found
    assert texts[0] == "loss = criterion(net(x), y)"
    assert texts[2:] == ["optimizer.step()", "optimizer.zero_grad()"]
    assert (loss, batches) == ("loss", "every")
