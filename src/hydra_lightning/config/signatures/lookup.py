"""From a dotted path to the class or function behind it, through imports, aliases and base classes."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from hydra_lightning.config.messages import nearest
from hydra_lightning.config.requirements import pip_name
from hydra_lightning.config.signatures.modules import (
    Assigned,
    Binding,
    Function,
    Import,
    Library,
    Module,
    is_overload,
)
from hydra_lightning.errors import ConfigError


class TargetNotFound(ConfigError):  # noqa: N818
    """A target that certainly does not exist."""


@dataclass(frozen=True)
class Definition:
    """A class or function in its module; ``owner`` is the class of a method or nested class."""

    module: Module
    node: Function | ast.ClassDef
    owner: Definition | None = None

    @property
    def path(self) -> str:
        return f"{self.owner.path if self.owner else self.module.name}.{self.node.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Definition) and self.node is other.node

    def __hash__(self) -> int:
        return id(self.node)


@dataclass(frozen=True)
class Value:
    """A module's name that is bound to an expression, such as a type alias."""

    module: Module
    node: ast.expr


class Unknown:
    """Something that may be there, of which nothing can be read."""


UNKNOWN = Unknown()
Found: TypeAlias = Definition | Module | Value | Unknown


def locate(library: Library, target: str) -> Found:
    """What the dotted path ``target`` names.

    Raises:
        TargetNotFound: there certainly is no such thing; says which part is missing, and the nearest name.
    """
    parts = target.split(".")
    if not all(part.isidentifier() for part in parts):
        raise TargetNotFound(f"{target!r} is not a dotted path such as package.module.Class.")
    package = library.module(parts[0])
    if package is None:
        raise TargetNotFound(
            f"no package {parts[0]!r} is installed or in the project. If it is one: pip install {pip_name(parts[0])}"
        )
    found: Found = package
    for index, name in enumerate(parts[1:], start=1):
        if isinstance(found, Module) and index < len(parts) - 1:
            inner = library.module(f"{found.name}.{name}")
            step = inner if inner is not None else attribute(library, found, name)
        else:
            step = attribute(library, found, name)
        if step is None:
            where = ".".join(parts[:index])
            raise TargetNotFound(f"{where} has no {name!r}.{nearest(name, names(library, found))}")
        found = step
        if isinstance(found, Unknown):
            break
    return found


def attribute(library: Library, owner: Found, name: str, seen: frozenset[str] = frozenset()) -> Found | None:
    """``owner.name``; None when there certainly is no such thing."""
    if isinstance(owner, Definition):
        return _member(library, owner, name)
    if isinstance(owner, Value):
        target = resolve(library, owner.module, owner.node, seen)
        return UNKNOWN if isinstance(target, (Unknown, Value)) else attribute(library, target, name, seen)
    if isinstance(owner, Unknown):
        return UNKNOWN
    key = f"{owner.name}:{name}"
    if key in seen:
        # from package import submodule, in the package itself.
        return library.module(f"{owner.name}.{name}")
    seen |= {key}
    if name in owner.bindings:
        return _one_of(library, owner, name, seen)
    unsure = owner.dynamic
    for star in owner.stars:
        found = _through_star(library, star, name, seen)
        if isinstance(found, Unknown):
            unsure = True
        elif found is not None:
            return found
    submodule = library.module(f"{owner.name}.{name}")
    if submodule is not None:
        return submodule
    return UNKNOWN if unsure or (name.startswith("__") and name.endswith("__")) else None


def resolve(library: Library, module: Module, node: ast.expr, seen: frozenset[str] = frozenset()) -> Found:
    """What an expression at the top of ``module`` names: a chain of names and attributes, else unknown."""
    if isinstance(node, ast.Name):
        if node.id not in module.bindings and hasattr(builtins, node.id):
            return Value(module, node)
        return attribute(library, module, node.id, seen) or UNKNOWN
    if isinstance(node, ast.Attribute):
        return attribute(library, resolve(library, module, node.value, seen), node.attr, seen) or UNKNOWN
    return UNKNOWN


def names(library: Library, owner: Found) -> list[str]:
    """The names that are known to be in ``owner``, for the nearest one to a misspelt name."""
    if isinstance(owner, Module):
        known = set(owner.bindings)
        for place in owner.locations:
            known |= {item.stem for item in Path(place).glob("*") if item.suffix == ".py" or item.is_dir()}
        for star in owner.stars:
            other = library.module(star)
            known |= set((other.exported or other.bindings) if other else ())
        return sorted(known)
    if isinstance(owner, Definition) and isinstance(owner.node, ast.ClassDef):
        return [name for name, _ in members(owner)]
    return []


def members(owner: Definition) -> Iterator[tuple[str, Binding]]:
    """The names that the body of a class binds."""
    assert isinstance(owner.node, ast.ClassDef)
    for statement in _statements(owner.node.body):
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not is_overload(statement):
                yield statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield statement.name, statement
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    yield target.id, Assigned(statement.value)
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, Assigned(statement.value)


def bases(library: Library, owner: Definition) -> list[Found]:
    assert isinstance(owner.node, ast.ClassDef)
    plain = [base.value if isinstance(base, ast.Subscript) else base for base in owner.node.bases]
    return [resolve(library, owner.module, base) for base in plain]


def own_member(owner: Definition, name: str) -> Definition | Unknown | None:
    """A method or class in the body of ``owner``; unknown when it is bound to something else, or more than once."""
    bound = [binding for each, binding in members(owner) if each == name]
    if not bound:
        return None
    if len(bound) == 1 and isinstance(bound[0], (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return Definition(owner.module, bound[0], owner)
    return UNKNOWN


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            yield from _statements(statement.body)
            yield from _statements(getattr(statement, "orelse", []))


def _member(library: Library, owner: Definition, name: str, depth: int = 0) -> Found | None:
    if not isinstance(owner.node, ast.ClassDef):
        return UNKNOWN
    own = own_member(owner, name)
    if own is not None:
        return own
    if depth > 30:
        return UNKNOWN
    complete = not owner.node.keywords and not owner.node.decorator_list
    for base in bases(library, owner):
        if isinstance(base, Definition):
            found = _member(library, base, name, depth + 1)
            if found is not None:
                return found
        else:
            complete &= isinstance(base, Value) and _is_name(base.node, "object")
    return None if complete else UNKNOWN


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _one_of(library: Library, module: Module, name: str, seen: frozenset[str]) -> Found:
    """What a name is, when all of its bindings agree."""
    bindings = module.bindings[name]
    if any(isinstance(each, ast.ClassDef) for each in bindings):
        bindings = [each for each in bindings if not _wraps_itself(each, name)]
    found: list[Found] = []
    for binding in bindings:
        each = _bound(library, module, binding, seen)
        if each not in found:
            found.append(each)
    return found[0] if len(found) == 1 else UNKNOWN


def _wraps_itself(binding: Binding, name: str) -> bool:
    """``Name = decorated(Name)`` after ``class Name``."""
    value = binding.value if isinstance(binding, Assigned) else None
    return isinstance(value, ast.Call) and bool(value.args) and _is_name(value.args[0], name)


def _bound(library: Library, module: Module, binding: Binding, seen: frozenset[str]) -> Found:
    if isinstance(binding, Import):
        source = library.module(binding.module)
        if source is None:
            return UNKNOWN
        if binding.name is None:
            return source
        return attribute(library, source, binding.name, seen) or UNKNOWN
    if isinstance(binding, Assigned):
        if isinstance(binding.value, (ast.Name, ast.Attribute)):
            return resolve(library, module, binding.value, seen)
        return UNKNOWN if binding.value is None else Value(module, binding.value)
    return Definition(module, binding)


def _through_star(library: Library, star: str, name: str, seen: frozenset[str]) -> Found | None:
    source = library.module(star, containing=name)
    if source is None:
        return None
    if name not in source.bindings and not source.stars:
        return UNKNOWN if source.dynamic and source.exported is None else None
    hidden = name not in source.exported if source.exported is not None else name.startswith("_")
    if hidden and not source.stars:
        return None
    found = attribute(library, source, name, seen)
    # A star brings names, not the submodules of a package.
    return None if isinstance(found, Module) and name not in source.bindings else found
