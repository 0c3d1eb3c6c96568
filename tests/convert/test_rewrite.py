"""Statements as they go into a class."""

from __future__ import annotations

from hydra_lightning.convert.rewrite import Scope
from hydra_lightning.convert.source import Piece, Source


def written(text: str, author: str) -> str:
    source = Source("train.py", text, written=author)
    return Scope({}, str).code(Piece(source.tree.body[0], source))


def test_what_is_left_of_a_statement_that_the_trainer_does_goes() -> None:
    author = "for micro in range(2):\n    train()\n    accelerator.wait_for_everyone()\n"
    text = "for micro in range(2):\n    train()\n    pass\n"
    assert written(text, author) == "for micro in range(2):\n    train()"


def test_a_branch_with_nothing_else_in_it_stays_one() -> None:
    text = "if late:\n    pass\nelse:\n    train()\n"
    assert written(text, text.replace("pass", "accelerator.wait_for_everyone()")) == text.rstrip("\n")


def test_the_author_may_write_what_does_nothing() -> None:
    text = "for micro in range(2):\n    train()\n    pass\n"
    assert written(text, "") == text.rstrip("\n")
