"""What is bound by a ``with`` around a loop: progress bars are made before it, anything else has no place."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Mapping

from hydra_lightning.convert.edits import placed
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.source import Piece


def bars_in(piece: Piece, others: dict[str, Piece]) -> list[Piece]:
    """``bar = tqdm(loader)`` of ``with tqdm(loader) as bar:``; ``others`` gets the other names that it binds."""
    bars: list[Piece] = []
    for item in piece.node.items if isinstance(piece.node, ast.With) else ():
        if item.optional_vars is None:
            continue
        name, value = piece.part(item.optional_vars), item.context_expr
        if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "tqdm":
            bars.append(placed(f"{name} = {piece.part(value)}", piece))
        else:
            others[name] = piece
    return bars


def need_none_entered(entered: Mapping[str, Piece], files: Iterable[str]) -> None:
    """Check what was written.

    Raises:
        Refused: it reads a name that a ``with`` around a loop bound.
    """
    for text in files:
        if lost := sorted({*entered} & _undefined(symtable.symtable(text, "written", "exec"))):
            raise Refused(
                "context",
                entered[lost[0]].site,
                f"the training uses {lost[0]}, which this with makes and ends: Lightning has no place for it. "
                "Make it before the epochs, without with.",
            )


def _undefined(file: symtable.SymbolTable) -> set[str]:
    """The names that functions of a file take from it, and that it does not bind."""
    waiting, read = [*file.get_children()], set()
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        read |= {each.get_name() for each in table.get_symbols() if each.is_global() and each.is_referenced()}
    bound = {each.get_name() for each in file.get_symbols() if each.is_assigned() or each.is_imported()}
    return read - bound
