"""What names of a program stand for, as its text tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra_lightning.convert.source import Source
from hydra_lightning.convert.unrun_options import Options


@dataclass
class Thing:
    """What a name stands for: an ``optimizer``, ``scheduler``, ``loader``, ``module``, ``parser``, ``instance``..."""

    kind: str
    name: str = ""
    cls: ast.ClassDef | None = None
    source: Source | None = None
    options: Options | None = None
    train: bool = True
    names: dict[str, Any] = field(default_factory=dict)


def imports(tree: ast.Module) -> dict[str, str]:
    """What the names that a file imports stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _bases(cls: ast.ClassDef, definitions: Mapping[str, tuple[Any, Source]]) -> Iterator[ast.ClassDef]:
    yield cls
    for base in cls.bases:
        known = definitions.get(ast.unparse(base).rpartition(".")[2])
        if known is not None and isinstance(known[0], ast.ClassDef) and known[0] is not cls:
            yield from _bases(known[0], definitions)


def method_of(
    cls: ast.ClassDef, name: str, definitions: Mapping[str, tuple[Any, Source]]
) -> ast.FunctionDef | None:
    return next(
        (
            each
            for base in _bases(cls, definitions)
            for each in base.body
            if isinstance(each, ast.FunctionDef) and each.name == name
        ),
        None,
    )


def is_module(cls: ast.ClassDef, definitions: Mapping[str, tuple[Any, Source]]) -> bool:
    """Whether a class has a base that is no class of the program and is called like a module."""
    return any(
        ast.unparse(base).rpartition(".")[2].endswith(("Module", "Model", "PreTrainedModel", "Sequential"))
        for each in _bases(cls, definitions)
        for base in each.bases
    )
