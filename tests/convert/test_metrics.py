"""The numbers that a program prints, and their names."""

import ast
from collections.abc import Collection

import pytest

from hydra_lightning.convert.metrics import printed
from hydra_lightning.convert.source import Piece, Source


def numbers(code: str, *several: str, others: Collection[str] = ()) -> dict[str, str]:
    source = Source("train.py", code)
    pieces = [Piece(each, source) for each in source.tree.body]
    found = printed(pieces, {"epoch"}, lambda piece: others, several=several)
    return {name: ast.unparse(value) for name, _, value in found}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (
            'print(f"epoch {epoch} val loss {loss:.4f}, accuracy {hits / n}")',
            {"loss": "loss", "acc": "hits / n"},
        ),
        ('print("loss %.4f (%d/%d)" % (loss, hits, total))', {"loss": "loss"}),
        ('line = stamp() + " " + f"loss {loss}"\nprint(line)', {"loss": "loss"}),
        ('line = "f1 " + f"{score}"\nlog.info(line)', {"f1": "score"}),
        ('print(f"pass {epoch}: {total / n:.3f} per digit")', {"result": "total / n"}),
        ('print("loss", epoch, loss)', {"loss": "loss"}),
        ("found = scores.compute()\nprint(epoch, found)", {"*": "found"}),
        ('found = scores.compute()\nprint(found, found["acc"])', {"*": "found"}),
        ("print(scores.compute())", {"*": "scores.compute()"}),
        ('took = time.time() - start\nprint(f"loss {loss} in {took:.1f}s")', {"loss": "loss"}),
        ('print(f"loss {loss} ({time.time() - start:.1f}s)")', {"loss": "loss"}),
        ("found = other.compute()\nprint(found)", {"found": "found"}),
    ],
)
def test_numbers_have_the_names_that_they_are_told_with(code: str, found: dict[str, str]) -> None:
    assert numbers(code, "scores") == found


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("loss {seen:.3f}, overlap on unseen rows {mean:.3f}", "overlap"),
        ("loss {seen:.3f}, on unseen rows {mean:.3f}", "loss"),
        ("loss {seen:.3f} and val {mean:.3f}", "loss"),
        ("loss {seen:.3f} / {mean:.3f}", "loss"),
    ],
)
def test_a_number_beside_that_of_the_training(told: str, name: str) -> None:
    assert numbers(f'print(f"{told}")', others=["seen"]) == {name: "mean"}


def test_a_number_without_a_word_before_it_has_its_own_name() -> None:
    found = numbers('print(f"loss {seen:.3f}, {right:.1%} are right")', others=["seen"])
    assert found == {"right": "right"}
