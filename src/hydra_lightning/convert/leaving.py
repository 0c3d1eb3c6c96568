"""Functions that return in the loop that they end with: ``return`` leaves that loop, as ``break`` does.

In a loop within that loop, as that over the batches, it leaves both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from hydra_lightning.convert import edits
from hydra_lightning.convert.calls import returns
from hydra_lightning.convert.source import Piece, Source, span, was_run
from hydra_lightning.convert.spans import edited
from hydra_lightning.parity.tape import Tape

LOOPS = (ast.For, ast.While)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def with_breaks(sources: Mapping[str, Source], tape: Tape) -> dict[str, Source]:
    """The same files, in which functions whose last statement is a loop on the way leave it by ``break``."""
    ways = [*tape.stacks.get("backward", {}).values(), *tape.evaluations]
    sites = {site for stack in ways for site in stack}
    found = dict(sources)
    for path, source in sources.items():
        ends = [
            each
            for function in ast.walk(source.tree)
            if isinstance(function, ast.FunctionDef)
            for loop, value in _last_loop(function.body)
            if any(map(Piece(loop, source).covers, sites))
            for each in _returns(loop)
            if _value(each) == value
        ]
        if ends:
            text = edited(source, [(*span(each, source), "break") for each in ends]).text
            found[path] = Source(path, text, written=source.written or source.text)
    return found


def leaves_all(piece: Piece) -> bool:
    """Whether the ``break`` that a branch ends with was a ``return`` where the author wrote it."""
    assert isinstance(piece.node, ast.If)
    line = piece.node.body[-1].lineno
    tree = ast.parse(piece.source.written or piece.source.text)
    return any(isinstance(each, ast.Return) and each.lineno == line for each in ast.walk(tree))


def unrun_returns(piece: Piece, tape: Tape) -> list[ast.If]:
    """The branches in a statement that return, and that the recording did not take."""
    return [
        each
        for each in ast.walk(piece.node)
        if each is not piece.node
        and isinstance(each, ast.If)
        and not each.orelse
        and any(returns(Piece(each, piece.source)))
        and not any(was_run(piece, inner, tape) for inner in each.body)
    ]


def without(source: Source, statements: Iterable[ast.stmt]) -> Source:
    """A file with ``pass`` in place of statements, the others still in their lines."""
    gone = [
        (*span(each, source), "pass" + "\n" * ((each.end_lineno or each.lineno) - each.lineno))
        for each in statements
    ]
    found = edits.edited(source, gone)
    return Source(found.path, found.text, found.span, source.written or source.text)


def _last_loop(body: list[ast.stmt], value: str = "None") -> Iterator[tuple[ast.For | ast.While, str]]:
    """The loop that statements end with, and what is returned after it."""
    last = body[-1]
    if isinstance(last, ast.Return) and len(body) > 1:
        value, last = _value(last), body[-2]
    if isinstance(last, ast.With):
        yield from _last_loop(last.body, value)
    elif isinstance(last, LOOPS) and not last.orelse:
        yield last, value


def _returns(node: ast.AST) -> Iterator[ast.Return]:
    """The ``return`` statements in a loop, not those in a function in it."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.Return):
            yield each
        elif not isinstance(each, SCOPES):
            yield from _returns(each)


def _value(node: ast.Return) -> str:
    return "None" if node.value is None else ast.unparse(node.value)
