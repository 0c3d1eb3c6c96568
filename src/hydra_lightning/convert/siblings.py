"""Modules beside a program: what they have is written as if it were in the program's own file."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from hydra_lightning.convert.source import Piece, Source, span
from hydra_lightning.convert.spans import edited

NOT_RUN = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def flattened(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The files with ``engine.train_fn`` written ``train_fn``, and names as they were before ``import x as y``."""
    return {path: edited(source, _edits(source, sources)) for path, source in sources.items()}


def _edits(source: Source, sources: Mapping[str, Source]) -> Iterator[tuple[int, int, str]]:
    modules = modules_in(source, sources)
    renamed: dict[str, str] = {}
    for node in ast.walk(source.tree):
        for local, _, name in _imported(node, source.path, sources):
            if name is not None and local != name:
                renamed[local] = name
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
            module = modules.get(ast.unparse(node.value))
            if module is not None and node.attr in names_of(module):
                yield (*span(node, source), node.attr)
        elif isinstance(node, ast.Name) and node.id in renamed:
            yield (*span(node, source), renamed[node.id])


def modules_in(source: Source, sources: Mapping[str, Source]) -> dict[str, Source]:
    """The modules of the program that a file imports as a whole, by their names there."""
    return {
        local: sources[file]
        for node in ast.walk(source.tree)
        for local, file, name in _imported(node, source.path, sources)
        if name is None
    }


def names_of(source: Source) -> set[str]:
    """What a file binds at its top."""
    return {name for node in source.tree.body for name in Piece(node, source).defines}


def _imported(
    node: ast.AST, path: str, sources: Mapping[str, Source]
) -> Iterator[tuple[str, str, str | None]]:
    """``(name here, file, name there)`` of what is imported from a module beside; no name for the module itself."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            file = _file(alias.name, 0, path, sources)
            if file is not None:
                yield alias.asname or alias.name, file, None
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            local = alias.asname or alias.name
            module = ".".join(filter(None, [node.module, alias.name]))
            if (file := _file(module, node.level, path, sources)) is not None:
                yield local, file, None
            elif (file := _file(node.module or "", node.level, path, sources)) is not None:
                yield local, file, alias.name


def _file(module: str, level: int, path: str, sources: Mapping[str, Source]) -> str | None:
    """The file of a module, where it is one of the program's."""
    beside = PurePosixPath(path if level else next(iter(sources))).parent
    for _ in range(level - 1):
        beside = beside.parent
    file = beside.joinpath(*filter(None, module.split(".")))
    if not module:
        return found if (found := (file / "__init__.py").as_posix()) in sources else None
    found = file.with_name(file.name + ".py").as_posix()
    return next((each for each in (found, (file / "__init__.py").as_posix()) if each in sources), None)


def is_sibling(node: ast.stmt, path: str, sources: Mapping[str, Source]) -> bool:
    """Whether a statement imports a module of the program, or from one."""
    return any(True for _ in _imported(node, path, sources))


def run_at_import(sources: Mapping[str, Source]) -> list[Piece]:
    """What the modules beside the program do when they are imported, in this order."""
    done: dict[str, list[Piece]] = {}

    def visit(path: str) -> None:
        done[path] = []
        for node in ast.walk(sources[path].tree):
            for _, file, _ in _imported(node, path, sources):
                if file not in done:
                    visit(file)
        # A module that is imported runs before the one that imports it.
        done[path] = done.pop(path)
        done[path] += [
            Piece(node, sources[path])
            for node in sources[path].tree.body
            if not isinstance(node, NOT_RUN)
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            and "__name__" not in ast.unparse(node)[:20]
        ]

    entry = next(iter(sources))
    visit(entry)
    return [piece for path, pieces in done.items() if path != entry for piece in pieces]
