"""What was recorded in a statement of a program."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape


def events_in(piece: Piece, tape: Tape) -> set[str]:
    """The kinds of events that were recorded in the lines of a piece."""
    return {kind for kind, stacks in tape.stacks.items() for site in stacks if piece.covers(site)}


def makers_of(kind: str, pieces: Sequence[Piece], tape: Tape) -> list[Piece]:
    """The statements that make the objects of a kind; of several in one line those that name their classes."""
    # The class of an optimizer of the program's own is on the stack, too.
    ways = {site for stack in tape.stacks.get(kind, {}).values() for site in stack}
    found = [piece for piece in pieces if any(map(piece.covers, ways))]
    classes = {
        facts["class"].rpartition(".")[2] for name, facts in tape.objects.items() if name.startswith(kind)
    }
    naming = [piece for piece in found if classes & {*re.findall(r"\w+", piece.text(comments=False))}]
    lines = {piece.site for piece in naming}
    return [piece for piece in found if piece in naming or piece.site not in lines]


def evaluates(piece: Piece, tape: Tape) -> bool:
    """Whether a model is called without gradients in a statement, or in what it calls."""
    return any(piece.covers(site) for stack in tape.evaluations for site in stack)


def calls_a_model(piece: Piece, tape: Tape) -> bool:
    """Whether a model is called in a statement, or in what it calls: it may draw numbers and change its statistics."""
    return any(piece.covers(site) for stack in tape.stacks.get("forward", {}).values() for site in stack)
