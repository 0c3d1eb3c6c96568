"""What a program downloads with ``download=True`` becomes ``prepare_data``, which one process of each machine runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from hydra_lightning.convert.rewrite import Scope
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text

# What decides which files are fetched, beside the folder.
NAMED = ("root", "train", "split", "download", "url", "year", "image_set", "background")


def edits_of(pieces: Sequence[Piece]) -> dict[int, str]:
    """What ``download=True`` becomes where the data are made, by the identity of its node."""
    return {
        id(each.value): "False"
        for _, call in _downloads(pieces)
        for each in call.keywords
        if each.arg == "download"
    }


def prepare_data(pieces: Sequence[Piece], scope: Scope) -> list[str]:
    """The method that downloads; nothing where there is nothing to download."""
    body = []
    for piece, call in _downloads(pieces):
        given = [scope.code(piece, each) for each in call.args[:2]]
        given += [
            f"{each.arg}={scope.code(piece, each.value)}" for each in call.keywords if each.arg in NAMED
        ]
        body.append(f"{piece.part(call.func)}({', '.join(given)})")
    return [method_text("prepare_data", "", "None", list(dict.fromkeys(body)))] if body else []


def _downloads(pieces: Sequence[Piece]) -> Iterator[tuple[Piece, ast.Call]]:
    for piece in pieces:
        for node in ast.walk(piece.node):
            if isinstance(node, ast.Call) and any(
                each.arg == "download" and isinstance(each.value, ast.Constant) and each.value.value is True
                for each in node.keywords
            ):
                yield piece, node
