"""Objects around a training that change nothing of it in one process: profilers, LocalSGD of accelerate."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from hydra_lightning.convert.source import Source, span
from hydra_lightning.convert.spans import edited

KINDS = ("profile", "LocalSGD")
Edit = tuple[int, int, str]


def without_measuring(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The same files, on the same lines, without these objects and what they are asked for."""
    nodes = [node for source in sources.values() for node in ast.walk(source.tree)]
    defined = {each.name for each in nodes if isinstance(each, (ast.FunctionDef, ast.ClassDef))}
    names = {name for node in nodes for name in _bound(node)} if not defined & {*KINDS} else set()
    found = dict(sources)
    for path, source in sources.items():
        edits = [edit for node in ast.walk(source.tree) for edit in _edits(node, names, source)]
        if edits and names:
            text = edited(source, edits).text
            found[path] = Source(path, text, written=source.written or source.text)
    return found


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in KINDS


def _bound(node: ast.AST) -> Iterator[str]:
    """What such an object is called; empty for one without a name."""
    for item in node.items if isinstance(node, ast.With) else ():
        if _is_one(item.context_expr):
            yield ast.unparse(item.optional_vars) if item.optional_vars is not None else ""
    if isinstance(node, ast.Assign) and _is_one(node.value):
        yield from map(ast.unparse, node.targets)


def _edits(node: ast.AST, names: set[str], source: Source) -> Iterator[Edit]:
    if isinstance(node, ast.With):
        kept = [each for each in node.items if not _is_one(each.context_expr)]
        if len(kept) < len(node.items):
            last = node.items[-1]
            end = span(last.optional_vars or last.context_expr, source)[1]
            head = f"with {', '.join(map(ast.unparse, kept))}" if kept else "if True"
            yield span(node, source)[0], source.text.encode().index(b":", end), head
    elif (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and ast.unparse(node.value.func.value) in names
    ):
        yield (*span(node, source), "pass")
