"""The functions of a program: by a line of theirs, and what is known of them by their words."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from hydra_lightning.convert.calls import Function
from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.convert.tells import is_telling


@dataclass(frozen=True)
class Functions:
    """The functions in the files of a program."""

    sources: Mapping[str, Source]

    def at(self, site: str) -> Function | None:
        """The function whose line a site is."""
        file, _, line = site.rpartition(":")
        source = self.sources.get(file)
        if source is None:
            return None
        best: Function | None = None
        for node in ast.walk(source.tree):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.FunctionDef) and child.lineno <= int(line) <= (
                    child.end_lineno or 0
                ):
                    is_method = isinstance(node, ast.ClassDef) and "staticmethod" not in map(
                        ast.unparse, child.decorator_list
                    )
                    best = Function(child, source, "self" if is_method else None)
        return best

    def tells(self, statement: ast.stmt) -> bool:
        """Whether a statement only calls functions and methods of the program that print or save."""
        if isinstance(statement, ast.If):
            return all(map(self.tells, [*statement.body, *statement.orelse]))
        if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
            return False
        name = ast.unparse(statement.value.func).rpartition(".")[2]
        called = [
            each
            for source in self.sources.values()
            for each in ast.walk(source.tree)
            if isinstance(each, ast.FunctionDef) and each.name == name
        ]
        return bool(called) and all(map(is_telling, called))

    def of_settings(self, piece: Piece) -> Function | None:
        """The function of the program that a statement calls with the options as they are, or that sets rates."""
        call = piece.node.value if isinstance(piece.node, (ast.Expr, ast.Assign)) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        given = {piece.names.get(each.id, each.id) for each in call.args if isinstance(each, ast.Name)}
        parsed = {
            name
            for source in self.sources.values()
            for each in ast.walk(source.tree)
            if isinstance(each, ast.Assign) and "parse_args(" in ast.unparse(each.value)
            for name in Piece(each, source).defines
        }
        function = self._named(call.func.id)
        if function is None:
            return None
        is_given = isinstance(piece.node, ast.Expr) and bool(given & parsed)
        return function if is_given or ".param_groups" in ast.unparse(function.node) else None

    def of_loaders(self, piece: Piece) -> Function | None:
        """The function of the program that a statement calls and that returns a dict of loaders."""
        call = piece.node.value if isinstance(piece.node, ast.Assign) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        function = self._named(call.func.id)
        if function is None or not isinstance(function.node.body[-1], ast.Return):
            return None
        given = function.node.body[-1].value
        for each in reversed(function.node.body):
            if isinstance(given, ast.Name) and isinstance(each, ast.Assign):
                given = each.value if ast.unparse(each.targets[0]) == given.id else given
        is_dict = isinstance(given, (ast.Dict, ast.DictComp))
        return function if is_dict and given is not None and "DataLoader(" in ast.unparse(given) else None

    def _named(self, name: str) -> Function | None:
        """The function of that name at the top of a file."""
        found = (
            Function(each, source)
            for source in self.sources.values()
            for each in source.tree.body
            if isinstance(each, ast.FunctionDef) and each.name == name
        )
        return next(found, None)
