"""Settings that a program computes after it parsed its command line: ``args.x = ...`` becomes a variable ``x``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.settings import Setting, owner_of
from hydra_lightning.convert.source import Piece, Source, span
from hydra_lightning.convert.spans import edited


@dataclass(frozen=True)
class Derived:
    """An attribute that is set: where, and what it is called as a variable."""

    piece: Piece
    target: ast.Attribute
    name: str


def without_derived(
    sources: Mapping[str, Source], flow: Flow, settings: Mapping[str, Setting]
) -> dict[str, Source]:
    """The files with a variable for each attribute that is set on the object of the settings before training."""
    holders = {owner_of(code) for code in settings if "." in code}
    taken = {
        each.id if isinstance(each, ast.Name) else each.arg
        for source in sources.values()
        for each in ast.walk(source.tree)
        if isinstance(each, (ast.Name, ast.arg))
    }
    found: dict[str, list[Derived]] = {}
    for piece in flow.setup:
        node = piece.node
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or piece.source.path not in sources:
            continue
        target = node.targets[0]
        if (
            isinstance(target, ast.Attribute)
            and isinstance(target.value, ast.Name)
            and target.value.id in holders
        ):
            name = target.attr if target.attr not in taken else f"{target.value.id}_{target.attr}"
            found.setdefault(ast.unparse(target), []).append(Derived(piece, target, name))
    once = {code: each[0] for code, each in found.items() if len(each) == 1 and _is_set_once(code, sources)}
    if not once:
        return dict(sources)
    return {path: edited(source, _edits(source, once)) for path, source in sources.items()}


def _is_set_once(code: str, sources: Mapping[str, Source]) -> bool:
    stored: Sequence[ast.AST] = [
        each
        for source in sources.values()
        for each in ast.walk(source.tree)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and ast.unparse(each) == code
    ]
    return len(stored) == 1


def _edits(source: Source, found: Mapping[str, Derived]) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(source.tree):
        derived = found.get(ast.unparse(node)) if isinstance(node, ast.Attribute) else None
        if derived is None or not isinstance(node, ast.Attribute):
            continue
        statement = derived.piece.node
        is_here = source.path == derived.piece.source.path
        # The option itself is read until it is set anew.
        is_earlier = is_here and node.lineno <= (statement.end_lineno or 0) and isinstance(node.ctx, ast.Load)
        if not is_earlier:
            yield (*span(node, source), derived.name)
