"""Functions that are given all settings are given those that they read: ``f(x, args)`` becomes ``f(x, args.lr)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.settings import Setting, owner_of
from hydra_lightning.convert.source import Piece, Source, span
from hydra_lightning.convert.spans import edited


@dataclass(frozen=True)
class Taker:
    """A function with a parameter for all settings.

    Attributes:
        position: of the parameter.
        read: the attributes of it that the function reads.
    """

    node: ast.FunctionDef
    source: Source
    position: int
    read: list[ast.Attribute]

    @property
    def parameter(self) -> ast.arg:
        return self.node.args.args[self.position]

    @property
    def names(self) -> list[str]:
        return [*dict.fromkeys(each.attr for each in self.read)]


def with_single_settings(
    sources: Mapping[str, Source], flow: Flow, settings: Mapping[str, Setting]
) -> dict[str, Source]:
    """The files with a parameter for each setting that a function reads of the one for all of them."""
    holders = {owner_of(code) for code in settings if "." in code}
    found = {}
    for piece in flow.helpers:
        if isinstance(piece.node, ast.FunctionDef):
            taker = _taker(piece, piece.node, sources, holders, settings)
            if taker is not None:
                found[piece.node.name] = taker
    return (
        {path: edited(each, _edits(each, found)) for path, each in sources.items()}
        if found
        else dict(sources)
    )


def _taker(
    piece: Piece,
    node: ast.FunctionDef,
    sources: Mapping[str, Source],
    holders: set[str],
    settings: Mapping[str, Setting],
) -> Taker | None:
    calls = [each for source in sources.values() for each in _calls(source, node.name)]
    uses = sum(
        isinstance(each, ast.Name) and each.id == node.name
        for source in sources.values()
        for each in ast.walk(source.tree)
    )
    if not calls or uses != len(calls) or node.args.vararg or node.args.kwonlyargs:
        return None
    for position, parameter in enumerate(node.args.args):
        given = [each.args[position] if position < len(each.args) else None for each in calls]
        named = {each.id for each in given if isinstance(each, ast.Name)}
        if len(named) != 1 or not named <= holders or not all(isinstance(each, ast.Name) for each in given):
            continue
        (holder,) = named
        everywhere = [
            each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id == parameter.arg
        ]
        read = [
            each
            for each in ast.walk(node)
            if isinstance(each, ast.Attribute)
            and isinstance(each.value, ast.Name)
            and each.value.id == parameter.arg
            and f"{holder}.{each.attr}" in settings
            and isinstance(each.ctx, ast.Load)
        ]
        taken = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        taken |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        if read and len(read) == len(everywhere) and not taken & {each.attr for each in read}:
            return Taker(node, piece.source, position, read)
    return None


def _calls(source: Source, name: str) -> Iterator[ast.Call]:
    for each in ast.walk(source.tree):
        if not isinstance(each, ast.Call) or not isinstance(each.func, ast.Name) or each.func.id != name:
            continue
        if not any(isinstance(argument, ast.Starred) for argument in each.args):
            yield each


def _edits(source: Source, found: Mapping[str, Taker]) -> Iterator[tuple[int, int, str]]:
    for name, taker in found.items():
        if taker.source.path == source.path:
            yield (*span(taker.parameter, source), ", ".join(taker.names))
            for each in taker.read:
                yield (*span(each, source), each.attr)
        for call in _calls(source, name):
            argument = call.args[taker.position]
            holder = ast.unparse(argument)
            yield (*span(argument, source), ", ".join(f"{holder}.{each}" for each in taker.names))
