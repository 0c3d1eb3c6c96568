"""``from random import *``, written as the names that a file uses of it."""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from hydra_lightning.convert.siblings import is_sibling, names_of
from hydra_lightning.convert.source import Piece, Source, span
from hydra_lightning.convert.spans import edited


def without_stars(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The files with the names that they use in place of each ``*`` of a library.

    Of the libraries, none but Python's own is imported for it.
    """
    return {path: edited(source, _edits(source, sources)) for path, source in sources.items()}


def _edits(source: Source, sources: Mapping[str, Source]) -> Iterator[tuple[int, int, str]]:
    tree = source.tree
    stars = [
        node
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        and any(alias.name == "*" for alias in node.names)
        and not is_sibling(node, source.path, sources)
    ]
    if not stars:
        return
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    bound = set().union(*map(names_of, sources.values())) | {
        each.id for each in names if not isinstance(each.ctx, ast.Load)
    }
    bound |= {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}
    free = {each.id for each in names if not hasattr(builtins, each.id)} - bound
    # Of a name that several have, the last one counts.
    for node in reversed(stars):
        exported = _exported(node.module or "")
        found = sorted(free if exported is None else free & exported)
        free -= {*found}
        text = f"from {node.module} import {', '.join(found)}" if found else f"import {node.module}"
        yield (*span(node, source), text)


def _exported(module: str) -> set[str] | None:
    """What a module gives to ``*``, as far as its file tells; None where there is no such file."""
    if module.partition(".")[0] in sys.stdlib_module_names:
        found = importlib.import_module(module)
        return {*getattr(found, "__all__", [each for each in vars(found) if not each.startswith("_")])}
    path, spec = None, None
    for place in range(1, module.count(".") + 2):
        spec = PathFinder.find_spec(".".join(module.split(".")[:place]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    tree = ast.parse(Path(spec.origin).read_bytes())
    own = Source("", "")
    return {name for node in tree.body for name in Piece(node, own).defines if not name.startswith("_")}
