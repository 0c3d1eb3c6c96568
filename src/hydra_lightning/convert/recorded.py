"""What was recorded in a statement of a program."""

from __future__ import annotations

from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape


def events_in(piece: Piece, tape: Tape) -> set[str]:
    """The kinds of events that were recorded in the lines of a piece."""
    return {kind for kind, stacks in tape.stacks.items() for site in stacks if piece.covers(site)}


def evaluates(piece: Piece, tape: Tape) -> bool:
    """Whether a model is called without gradients in a statement, or in what it calls."""
    return any(piece.covers(site) for stack in tape.evaluations for site in stack)


def calls_a_model(piece: Piece, tape: Tape) -> bool:
    """Whether a model is called in a statement, or in what it calls: it may draw numbers and change its statistics."""
    return any(piece.covers(site) for stack in tape.stacks.get("forward", {}).values() for site in stack)
