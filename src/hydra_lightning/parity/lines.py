"""Which lines of a program were run: branches that were not taken are no part of what was recorded.

Each statement of the program is compiled with a mark before it. `sys.settrace` would tell the same, and slows every
call in the process: a step of sixty small modules took a tenth longer under it.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

import torch

from hydra_lightning.parity.watch.around import around

MARK = "__hydra_lightning_ran__"


class Marks:
    """The marks of a program's statements, and which of them were run.

    Args:
        path_of: the path of a file of the program; empty for other files.
    """

    def __init__(self, path_of: Callable[[str], str]) -> None:
        self.path_of = path_of
        self._places: list[tuple[str, int]] = []
        self._run: set[int] = set()
        setattr(builtins, MARK, self._run.add)
        finder = sys.meta_path.index(PathFinder)
        sys.meta_path.insert(finder, _Finder(self))
        for owner in (torch, torch.nn.Module):
            around(owner, "compile", self._compiled)

    def code(self, text: bytes, file: str) -> CodeType:
        """The code of a file with its marks.

        Raises:
            SyntaxError: it is no Python.
        """
        tree = ast.parse(text, file)
        path = self.path_of(file)
        if path:
            self._mark(tree, path)
        return compile(tree, file, "exec", dont_inherit=True)

    @property
    def lines(self) -> dict[str, list[int]]:
        """The lines at which the statements begin that were run, by path; nothing of a file that was not loaded."""
        found: dict[str, set[int]] = {path: set() for path, _ in self._places}
        for place in self._run:
            path, line = self._places[place]
            found[path].add(line)
        return {path: sorted(each) for path, each in found.items()}

    def _mark(self, tree: ast.Module, path: str) -> None:
        compiled = {id(part) for node in ast.walk(tree) if _is_compiled(node) for part in ast.walk(node)}
        for node in [*ast.walk(tree)]:
            if id(node) in compiled:
                # Its compiler would not know the marks.
                if isinstance(node, ast.stmt):
                    self._run.add(len(self._places))
                    self._places.append((path, node.lineno))
                continue
            for name in ("body", "orelse", "finalbody"):
                statements = getattr(node, name, None)
                # The bodies of a lambda and of `a if b else c` are expressions.
                if isinstance(statements, list) and statements:
                    setattr(node, name, self._marked(statements, path))

    def _marked(self, statements: list[ast.stmt], path: str) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for statement in statements:
            if not _has_its_place_first(statement):
                call = ast.Call(ast.Name(MARK, ast.Load()), [ast.Constant(len(self._places))], [])
                mark = ast.copy_location(ast.Expr(call), statement)
                found.append(ast.fix_missing_locations(mark))
                self._places.append((path, statement.lineno))
            found.append(statement)
        return found

    def _compiled(self, *args: Any, **kwargs: Any) -> None:
        """Of what is compiled, note what the compiler comes by: marks would split it, or compile it for each call."""

        def ran(place: int) -> None:
            self._run.add(place)

        if getattr(builtins, MARK) == self._run.add:
            setattr(builtins, MARK, torch.compiler.assume_constant_result(ran))  # type: ignore[no-untyped-call]


class _Finder:
    """Finds the modules of a program, for their statements to be marked."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if (
            spec is None
            or type(spec.loader) is not SourceFileLoader
            or not self._marks.path_of(spec.origin or "")
        ):
            return None
        spec.loader = _Loader(self._marks, name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, marks: Marks, name: str, path: str) -> None:
        super().__init__(name, path)
        self._marks = marks

    def get_code(self, fullname: str) -> CodeType:
        # What is compiled beside the file has no marks.
        return self._marks.code(Path(self.path).read_bytes(), self.path)


def _is_compiled(node: ast.AST) -> bool:
    """Whether a function is compiled from its code by another library, as by ``numba.njit``."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
    return any(
        re.fullmatch(r"\w*jit|(gu)?vectorize", ast.unparse(each).partition("(")[0].rpartition(".")[2])
        for each in decorators
    )


def _has_its_place_first(statement: ast.stmt) -> bool:
    """Whether nothing may stand before a statement: a docstring, an import of ``__future__``."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
