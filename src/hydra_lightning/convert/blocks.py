"""Loops on the way of a program, and where statements are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra_lightning.convert.source import Piece, Source


@dataclass(frozen=True)
class Place:
    """Where statements are.

    Attributes:
        names: what their names are called where they go.
        stacks: that lead through them.
        depth: of their function in these.
        known: values of names in this call of a function.
    """

    source: Source
    names: Mapping[str, str]
    stacks: Sequence[list[str]]
    depth: int
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Block:
    """A loop on the way, and what is in it.

    Attributes:
        inside: its statements, with loops and functions of the way opened.
        body, place: these as they are written.
    """

    head: Piece
    inside: list[Piece | Block]
    body: Sequence[ast.stmt]
    place: Place


def pieces_in(nodes: Sequence[Piece | Block]) -> Iterator[Piece]:
    """All pieces, those in loops too."""
    for node in nodes:
        if isinstance(node, Block):
            yield from pieces_in(node.inside)
        else:
            yield node


def is_only_around(statement: ast.With | ast.If | ast.Try, inside: Sequence[Piece | Block]) -> bool:
    """Whether a statement has loops or functions of the way in it, or only switches gradients off."""
    body = {id(each) for each in statement.body}
    if any(isinstance(node, Block) or id(node.node) not in body for node in inside):
        return True
    return isinstance(statement, ast.With) and all(
        "grad" in ast.unparse(item) or "inference_mode" in ast.unparse(item) for item in statement.items
    )
