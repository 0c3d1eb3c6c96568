"""Python modules as source: found and parsed, never imported."""

from __future__ import annotations

import ast
import importlib.machinery
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """A name bound by ``import module`` or, with ``name``, by ``from module import name``."""

    module: str
    name: str | None = None


@dataclass(frozen=True)
class Assigned:
    """A name bound by an assignment; without ``value`` in a way that is not followed."""

    value: ast.expr | None


Binding: TypeAlias = Import | Assigned | Function | ast.ClassDef


@dataclass(eq=False)
class Module:
    """A module's source: what each of its names may be bound to.

    ``dynamic``: it makes names in ways that cannot be read, so a name that is not found may exist all the same.
    """

    name: str
    file: Path | None
    is_package: bool
    locations: list[str] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    exported: list[str] | None = None
    dynamic: bool = False


class Library:
    """The modules that ``sys.path`` reaches, each parsed once.

    ``touched`` collects the files that were read since it was last emptied, so that what was concluded can be
    kept until one of them changes.
    """

    def __init__(self) -> None:
        self._modules: dict[str, Module | None] = {}
        self.touched: set[Path] = set()

    def module(self, name: str, containing: str = "") -> Module | None:
        """The module ``name``, or None when there is none; or when its text does not hold ``containing``."""
        if name not in self._modules:
            if containing and not self._holds(name, containing):
                return None
            self._modules[name] = self._read(name)
        module = self._modules[name]
        if module is not None and module.file is not None:
            self.touched.add(module.file)
        return module

    def _holds(self, name: str, text: str) -> bool:
        found = self._find(name)
        if found is None or found.file is None or found.is_package:
            return True
        return text.encode() in found.file.read_bytes()

    def _find(self, name: str) -> Module | None:
        parent, _, _ = name.rpartition(".")
        path: list[str] | None = None
        if parent:
            package = self._modules.get(parent) or self._find(parent)
            if package is None or not package.is_package:
                return None
            path = package.locations
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: importlib.machinery.ModuleSpec | None = find(name, path) if find else None
            if spec is not None:
                break
        else:
            return None
        locations = list(spec.submodule_search_locations or ())
        origin = Path(spec.origin) if spec.origin and spec.has_location else None
        source = origin if origin is not None and origin.suffix == ".py" else None
        return Module(name, source, spec.submodule_search_locations is not None, locations)

    def _read(self, name: str) -> Module | None:
        module = self._find(name)
        if module is None:
            return None
        if module.file is None:
            # A namespace package has nothing but submodules; anything else is not written in Python.
            module.dynamic = not module.is_package
            return module
        try:
            tree = ast.parse(module.file.read_bytes())
        except (SyntaxError, ValueError):
            module.dynamic = True
            return module
        _scan(module, tree.body)
        return module


def _scan(module: Module, body: Iterable[ast.stmt]) -> None:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not is_overload(statement):
                _bind(module, statement.name, statement)
            module.dynamic |= statement.name == "__getattr__"
        elif isinstance(statement, ast.ClassDef):
            _bind(module, statement.name, statement)
        elif isinstance(statement, ast.If) and _is_type_checking(statement.test):
            _scan(module, statement.body)
            # What is bound at run time is the same by another way, or a placeholder.
            module.dynamic |= bool(statement.orelse)
        else:
            _scan_simple(module, statement)
            for block in _blocks(statement):
                _scan(module, block)


def _scan_simple(module: Module, statement: ast.stmt) -> None:
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            _bind(module, name, Import(alias.name if alias.asname else name))
    elif isinstance(statement, ast.ImportFrom):
        source = absolute(module, statement)
        for alias in statement.names:
            if alias.name == "*":
                module.stars.append(source)
            else:
                _bind(module, alias.asname or alias.name, Import(source, alias.name))
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            _assign(module, target, statement.value)
    elif isinstance(statement, ast.AugAssign) and _is_name(statement.target, "__all__"):
        module.exported = (module.exported or []) + (_strings(statement.value) or [])
    elif type(statement).__name__ == "TypeAlias":
        _bind(module, statement.name.id, Assigned(statement.value))  # type: ignore[attr-defined]
    elif isinstance(statement, (ast.For, ast.With)):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                _bind(module, node.id, Assigned(None))
    module.dynamic |= _makes_names(statement)


def _assign(module: Module, target: ast.expr, value: ast.expr | None) -> None:
    if isinstance(target, ast.Name):
        _bind(module, target.id, Assigned(value))
        if target.id == "__all__":
            module.exported = None if value is None else _strings(value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            _assign(module, element, None)


def _bind(module: Module, name: str, binding: Binding) -> None:
    known = module.bindings.setdefault(name, [])
    if binding not in known:
        known.append(binding)


def absolute(module: Module, statement: ast.ImportFrom) -> str:
    """The module that a ``from ... import`` in ``module`` names."""
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    kept = parts[: len(parts) - statement.level + module.is_package]
    return ".".join([*kept, *([statement.module] if statement.module else [])])


def is_overload(function: Function) -> bool:
    return any(
        _is_name(each, "overload") or (isinstance(each, ast.Attribute) and each.attr == "overload")
        for each in function.decorator_list
    )


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, None) or []
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """What a statement evaluates itself, without the blocks below it."""
    for name, value in ast.iter_fields(statement):
        if name not in ("body", "orelse", "finalbody", "handlers"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from ast.walk(part)


def _makes_names(statement: ast.stmt) -> bool:
    """Whether a statement of a module reaches for its names as data, so that any name may come of it."""
    looked_up: set[int] = set()
    makes_names = False
    for node in _expressions(statement):
        if isinstance(node, ast.Compare):
            looked_up |= {id(each) for each in node.comparators}
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            looked_up.add(id(node.value))
        elif isinstance(node, ast.Attribute) and node.attr == "modules" and _is_name(node.value, "sys"):
            return True
        elif isinstance(node, ast.Call) and id(node) not in looked_up and isinstance(node.func, ast.Name):
            makes_names |= node.func.id in ("globals", "vars", "locals", "exec", "setattr")
    return makes_names


def _is_type_checking(test: ast.expr) -> bool:
    return _is_name(test, "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _strings(node: ast.expr) -> list[str] | None:
    if isinstance(node, (ast.List, ast.Tuple)):
        constants = [each.value for each in node.elts if isinstance(each, ast.Constant)]
        if len(constants) == len(node.elts):
            return [each for each in constants if isinstance(each, str)]
    return None
