"""Numbers of an evaluation, also of one without a loop of its own: what they are made of, and how they are logged."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hydra_lightning.convert.metrics import ALL, printed
from hydra_lightning.convert.recorded import evaluates, events_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.parity.tape import Tape


def told_of_evaluation(
    pieces: Sequence[Piece], tape: Tape, counters: set[str]
) -> list[tuple[str, Piece, ast.expr]]:
    """``(name, piece, expression)`` of each number that these statements print and that comes of an evaluation."""
    made: set[str] = set()
    # What comes before the step is computed for the loss, as of a teacher.
    steps = [at for at, each in enumerate(pieces) if events_in(each, tape) & {"backward", "step"}]
    for piece in pieces[max(steps, default=-1) + 1 :]:
        if isinstance(piece.node, (ast.If, ast.Try)):
            # What it gives may not be there.
            continue
        if evaluates(piece, tape) or piece.uses & made:
            made |= piece.defines
        else:
            made -= piece.assigns
    rest = {name for each in pieces for name in each.defines} - made

    def others(piece: Piece) -> set[str]:
        """The names of the training, where a statement is."""
        here = {each.id for each in ast.walk(piece.node) if isinstance(each, ast.Name)}
        return {name for name in here if piece.names.get(name, name) in rest}

    telling = [each for each in pieces if only_tells(each.node) and not evaluates(each, tape)]
    built = [each for each in pieces if isinstance(each.node, ast.Assign)]
    numbers = printed([*built, *telling], counters, others)
    return [each for each in numbers if names_of([each]) & made]


def names_of(numbers: Sequence[tuple[str, Piece, ast.expr]]) -> set[str]:
    """The names that numbers are computed of."""
    return {name for _, piece, value in numbers for name in names_in(piece, value)}


def names_in(piece: Piece, value: ast.AST) -> set[str]:
    """The names in an expression of a statement."""
    return {piece.names.get(each.id, each.id) for each in ast.walk(value) if isinstance(each, ast.Name)}


def log_text(stage: str, name: str, code: str, options: str = ", prog_bar=True") -> str:
    """The call that logs a number, or all of a dict of them."""
    if name == ALL:
        return f'self.log_dict({{f"{stage}/{{name}}": value for name, value in {code}.items()}}{options})'
    return f'self.log("{stage}/{name}", {code}{options})'
