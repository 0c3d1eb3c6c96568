"""Options that a program assigns to after it has parsed them: settings until then, and variables from there on."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.convert.static import UNKNOWN, value_of
from hydra_lightning.parity.tape import Tape


def without_reassigned(sources: Mapping[str, Source], tape: Tape) -> dict[str, Source]:
    """The same files, on the same lines, in which ``args.steps = 5`` is ``steps = 5``.

    A branch that decides on such an option is the one that the recording took.
    """
    values = {option["name"]: option["value"] for parser in tape.arguments for option in parser["options"]}
    parsed = {parser["site"].rpartition(":")[0] for parser in tape.arguments}
    if not parsed:
        return dict(sources)
    return {path: _rewritten(source, values, tape) for path, source in sources.items()}


def _rewritten(source: Source, values: Mapping[str, Any], tape: Tape) -> Source:
    functions: list[ast.AST] = [source.tree]
    functions += [each for each in source.tree.body if isinstance(each, ast.FunctionDef)]
    edits: list[tuple[int, int, str]] = []
    for function in functions:
        edits += _edits(source, function, values, tape)
    if not edits:
        return source
    data, pieces, at = source.text.encode(), [], 0
    for first, last, text in sorted(edits):
        pieces += [data[at:first], text.encode()]
        at = last
    text = b"".join([*pieces, data[at:]]).decode()
    return Source(source.path, text, written=source.written or source.text)


def _edits(
    source: Source, function: ast.AST, values: Mapping[str, Any], tape: Tape
) -> list[tuple[int, int, str]]:
    nodes = [*_inside(function)]
    options = [
        each
        for each in nodes
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.attr in values
    ]
    lines = tape.lines.get(source.path)
    stores = [
        each
        for each in options
        if isinstance(each.ctx, ast.Store) and (lines is None or each.lineno in lines)
    ]
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    piece = Piece(ast.Pass(), source)
    edits: list[tuple[int, int, str]] = []
    branches: list[tuple[ast.If, bool]] = []
    flags = _flags(nodes, stores, values)
    for each in nodes:
        if isinstance(each, ast.If) and any(store in [*ast.walk(each)] for store in stores):
            choice = value_of(_without_owners(each.test), {**values, **flags})
            told = [
                part
                for part in ast.walk(each.test)
                if isinstance(part, ast.Attribute) or (isinstance(part, ast.Name) and part.id in flags)
            ]
            if choice is not UNKNOWN and told:
                branches.append((each, bool(choice)))
                edits.append((*piece.span(each.test), str(bool(choice))))
    for store in stores:
        inside = [(branch, choice) for branch, choice in branches if store in [*ast.walk(branch)]]
        if any((store in _all(branch.body)) is not choice for branch, choice in inside):
            # A branch that is not taken.
            continue
        name = store.attr if store.attr not in names else f"{store.attr}_"
        code = ast.unparse(store)
        for each in options:
            later = (each.lineno, each.col_offset) > (store.lineno, store.col_offset)
            # The value of the statement itself is read before it is assigned.
            own = each is not store and each.lineno == store.lineno
            tested = any(each in [*ast.walk(branch.test)] for branch, _ in branches)
            if ast.unparse(each) == code and not tested and (each is store or (later and not own)):
                edits.append((*piece.span(each), name))
    return sorted(set(edits))


def _flags(
    nodes: Sequence[ast.AST], stores: Sequence[ast.Attribute], values: Mapping[str, Any]
) -> dict[str, bool]:
    """What ``given = args.steps is not None`` is, and other names that are told once of options as they were parsed."""
    bound = [each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    found: dict[str, bool] = {}
    for each in nodes:
        name = each.targets[0] if isinstance(each, ast.Assign) else None
        if not isinstance(each, ast.Assign) or not isinstance(name, ast.Name) or name.id in values:
            continue
        read = {ast.unparse(part) for part in ast.walk(each.value) if isinstance(part, ast.Attribute)}
        is_parsed = bool(read) and not any(
            store.lineno <= each.lineno and ast.unparse(store) in read for store in stores
        )
        plain = any(isinstance(part, ast.Name) and part.id in values for part in ast.walk(each.value))
        value = value_of(_without_owners(each.value), values) if is_parsed and not plain else UNKNOWN
        if isinstance(value, bool) and bound.count(name.id) == 1:
            found[name.id] = value
    return found


def _all(statements: list[ast.stmt]) -> list[ast.AST]:
    return [node for each in statements for node in ast.walk(each)]


def _inside(function: ast.AST) -> list[ast.AST]:
    """The nodes of a function, or of a module outside its functions."""
    found: list[ast.AST] = []
    waiting = [*ast.iter_child_nodes(function)]
    while waiting:
        node = waiting.pop()
        if isinstance(function, ast.Module) and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        found.append(node)
        waiting += ast.iter_child_nodes(node)
    return found


def _without_owners(node: ast.expr) -> ast.expr:
    """``steps is None`` for ``args.steps is None``."""

    class Names(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            return ast.Name(node.attr, ast.Load()) if isinstance(node.value, ast.Name) else node

    return Names().visit(ast.parse(ast.unparse(node), mode="eval").body)  # type: ignore[no-any-return]
