"""Names that are assigned side by side, some of them settings: ``epochs, best = 3, inf`` becomes two statements.

So does ``first, step = 0, 0``, where one of them is counted on and the other is not.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from hydra_lightning.convert.settings import is_literal
from hydra_lightning.convert.source import ADDED, Source, span
from hydra_lightning.convert.spans import edited


def without_mixed_tuples(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The files with a statement for each of these names, on the same line."""
    return {
        path: edited(
            source,
            [
                (*span(each, source), text)
                for each in ast.walk(source.tree)
                if isinstance(each, ast.Assign) and (text := _apart(each, source.tree))
            ],
        )
        for path, source in sources.items()
    }


def _apart(node: ast.Assign, tree: ast.Module) -> str:
    target, value = node.targets[0], node.value
    if (
        len(node.targets) > 1
        or not isinstance(target, ast.Tuple)
        or not isinstance(value, ast.Tuple)
        or len(target.elts) != len(value.elts)
        or node.lineno != node.end_lineno
        or not all(isinstance(each, (ast.Name, ast.Attribute)) for each in target.elts)
    ):
        return ""
    names = {ast.unparse(each) for each in target.elts}
    read = {ast.unparse(each) for each in ast.walk(value) if isinstance(each, (ast.Name, ast.Attribute))}
    literals = [*map(is_literal, value.elts)]
    is_mixed = any(literals) and not all(literals)
    counted = {ast.unparse(each.target) for each in ast.walk(tree) if isinstance(each, ast.AugAssign)}
    is_mixed = is_mixed or (all(literals) and bool(names & counted) and bool(names - counted))
    are_attributes = all(isinstance(each, ast.Attribute) for each in target.elts)
    if names & read or any(isinstance(each, ast.Call) for each in ast.walk(target)):
        return ""
    pairs = zip(target.elts, value.elts, strict=True)
    parts = [f"{ast.unparse(one)} = {ast.unparse(other)}" for one, other in pairs]
    return ADDED.join(parts) if is_mixed or are_attributes else ""
