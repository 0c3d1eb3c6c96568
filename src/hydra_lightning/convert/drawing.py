"""Whether statements may draw random numbers, so that their place in the program matters."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import draws
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import helpers_of

WORDS = re.compile(
    r"rand|normal|uniform|bernoulli|multinomial|poisson|choice|shuffle|permutation|split|sampl|seed|generator"
    r"|(^|\.)(nn\.|next$|iter$|list$|tqdm$)|make_|augment"
)
FIXED = ("random_state", "seed")


def may_draw(program: Program, piece: Piece, loaders: Collection[str]) -> bool:
    """Whether a statement, or what it calls of the program, may draw from the global generators.

    Args:
        loaders: names of data loaders, whose iteration draws.
    """
    if (piece.uses - piece.defines) & {*loaders}:
        return True
    return any(
        WORDS.search(ast.unparse(call.func).lower()) and not _is_fixed(call)
        for each in [piece, *helpers_of(program, [piece])]
        for call in _calls(each)
    )


def draws_in_all(program: Program, piece: Piece, others: Sequence[str] = ()) -> bool:
    """Whether a statement draws random numbers, or a function of the program that it calls does.

    Args:
        others: modules whose generators do not count.
    """
    return any(
        draws(each, others)
        for each in [piece, *helpers_of(program, [piece])]
        if not isinstance(each.node, ast.ClassDef)
    )


def _calls(piece: Piece) -> Iterator[ast.Call]:
    for node in ast.walk(piece.node):
        if isinstance(node, ast.Call):
            yield node


def _is_fixed(call: ast.Call) -> bool:
    """Whether a call is given the seed of a generator of its own."""
    return any(
        each.arg in FIXED and isinstance(each.value, ast.Constant) and each.value.value is not None
        for each in call.keywords
    )
