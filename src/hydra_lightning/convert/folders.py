"""Folders that a program makes before its training, and that what is written of it saves in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text

MAKING = ("makedirs", "mkdir")


def folders_of(program: Program, scope: Scope, written: str) -> list[Piece]:
    """The statements that make folders which are named in what is written."""
    return [
        piece
        for piece in program.flow.setup
        if isinstance(piece.node, (ast.Expr, ast.If))
        and any(_is_named(folder, piece, scope, written) for folder in _made(piece.node))
    ]


def folders_hook(program: Program, scope: Scope, pieces: list[Piece]) -> str:
    """The hook that makes these folders."""
    program.keep(pieces, "on_train_start")
    return method_text("on_train_start", "", "None", [scope.code(each) for each in pieces])


def _made(statement: ast.stmt) -> Iterator[ast.expr]:
    """``path`` of ``os.makedirs(path)`` and of ``Path(path).mkdir()``."""
    for call in ast.walk(statement):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr in MAKING:
            owner = call.func.value
            given = owner.args if isinstance(owner, ast.Call) else [owner]
            yield from call.args[:1] if isinstance(owner, ast.Name) and owner.id == "os" else given[:1]


def _is_named(folder: ast.expr, piece: Piece, scope: Scope, written: str) -> bool:
    if isinstance(folder, ast.Constant) and isinstance(folder.value, str):
        name = re.escape(folder.value.removeprefix("./").rstrip("/"))
        return bool(name) and re.search(rf"[\"'](\./)?{name}[/\"']", written) is not None
    code = replace(scope, used={}).code(piece, folder)
    # An option or an attribute; any other name may be one of another place.
    return code.startswith("self.") and re.search(rf"{re.escape(code)}\b", written) is not None
