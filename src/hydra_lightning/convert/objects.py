"""Objects of the program's own classes whose methods train: their attributes become names, their methods functions."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hydra_lightning.convert.calls import Function, without_self
from hydra_lightning.convert.edits import again, placed
from hydra_lightning.convert.moves import is_move
from hydra_lightning.convert.source import Piece, Source

# Bases that bring no methods of their own.
PLAIN = ("object", "ABC", "abc.ABC")


@dataclass(frozen=True)
class Class:
    node: ast.ClassDef
    source: Source


@dataclass
class Instance:
    """An object that is taken apart.

    Attributes:
        name: of the variable that holds it.
        call: that makes it.
        classes: its own and its bases, in the order of their methods.
        markers: what its attributes are called in edited files.
        names: what these are called where they go.
    """

    name: str
    call: ast.Call
    classes: list[Class]
    markers: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@dataclass
class Objects:
    """The objects that are taken apart, as their classes have a method on the way."""

    sources: Mapping[str, Source]
    stacks: Sequence[list[str]]
    known: dict[str, Instance] = field(default_factory=dict)

    @functools.cached_property
    def names(self) -> set[str]:
        """Every name of the program that is not of a class that is taken apart."""
        found: set[str] = set()
        for source in self.sources.values():
            for each in source.tree.body:
                if isinstance(each, (ast.FunctionDef, ast.ClassDef)):
                    found.add(each.name)
                if not (isinstance(each, ast.ClassDef) and self._is_on_the_way(Class(each, source))):
                    found |= {node.id for node in ast.walk(each) if isinstance(node, ast.Name)}
        return found

    def chained(self, piece: Piece) -> Source | None:
        """``trainer = Trainer(...); trainer.fit()`` for ``Trainer(...).fit()``."""
        value = piece.node.value if isinstance(piece.node, (ast.Expr, ast.Assign)) else None
        owner = (
            value.func.value
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
            else None
        )
        if not isinstance(owner, ast.Call) or not isinstance(owner.func, ast.Name):
            return None
        classes = self._classes(owner.func.id, piece.source)
        if not any(self._is_on_the_way(each) for each in classes):
            return None
        name = owner.func.id.lower()
        following = piece.text(lambda each: name if each is owner else None, comments=False)
        made = ast.unparse(ast.parse(piece.part(owner)))
        return placed(f"{name} = {made}; {ast.unparse(ast.parse(following))}", piece).source

    def made_in(self, piece: Piece) -> Instance | None:
        """The object that a statement makes, ``trainer = Trainer(...)`` or ``Trainer(...).fit()``."""
        node = piece.node
        call = node.value if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            return None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            return None
        classes = self._classes(call.func.id, piece.source)
        if not classes or not any(self._is_on_the_way(each) for each in classes):
            return None
        name = node.targets[0].id
        instance = Instance(piece.names.get(name, name), call, classes)
        methods = {each.name for each in _methods(classes)}
        for attribute in _attributes(classes):
            if attribute not in methods:
                instance.markers[attribute] = f"{classes[0].node.name}__{attribute}"
        self.known[instance.name] = instance
        return instance

    def _is_on_the_way(self, cls: Class) -> bool:
        return any(Piece(cls.node, cls.source).covers(site) for stack in self.stacks for site in stack)

    def _classes(self, name: str, source: Source) -> list[Class]:
        """A class of the program and its bases; none where one of them is not of the program."""
        for each in [source, *self.sources.values()]:
            for node in each.tree.body:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    found = [Class(node, self.sources.get(each.path, each))]
                    for base in map(ast.unparse, node.bases):
                        if base in PLAIN:
                            continue
                        more = self._classes(base.rpartition(".")[2], each)
                        if not more:
                            return []
                        found += more
                    return found
        return []

    def init(self, instance: Instance) -> Function | None:
        return self._method_of(instance, "__init__", instance.classes)

    def _method_of(self, instance: Instance, name: str, classes: Sequence[Class]) -> Function | None:
        for cls in classes:
            for node in cls.node.body:
                if isinstance(node, ast.FunctionDef) and node.name == name and node.args.args:
                    if "staticmethod" in map(ast.unparse, node.decorator_list):
                        return Function(node, cls.source)
                    source = without_self(cls.source, node, node.args.args[0].arg, instance.markers)
                    return Function(again(node, source), source, instance.name)
        return None

    def method(self, piece: Piece, call: ast.Call) -> Function | None:
        """The method of an object that is taken apart that a call calls, ``super().__init__`` too."""
        if not isinstance(call.func, ast.Attribute):
            return None
        owner = call.func.value
        if isinstance(owner, ast.Name):
            instance = self.known.get(piece.names.get(owner.id, owner.id))
            return self._method_of(instance, call.func.attr, instance.classes) if instance else None
        if isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super":
            instance = self.known.get(piece.names.get("self", ""))
            if instance is None:
                return None
            own = next(
                number
                for number, cls in enumerate(instance.classes)
                if cls.source.path == piece.source.path and Piece(cls.node, cls.source).covers(piece.site)
            )
            return self._method_of(instance, call.func.attr, instance.classes[own + 1 :])
        return None

    def is_called(self, piece: Piece) -> bool:
        """Whether a method of an object that is taken apart is called in a statement."""
        calls = [each for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
        return any(self.method(piece, each) is not None for each in calls)

    def without(self, instance: Instance, source: Source) -> Source:
        return without_self(source, source.tree, instance.name, instance.markers)

    def name_attributes(self, instance: Instance, init: Function, parameters: Mapping[str, str]) -> None:
        """Give each attribute the name of what it is made of, else its own where that is free."""
        stored = [
            each.attr
            for cls in instance.classes
            for each in ast.walk(cls.node)
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
        ]
        for attribute, parameter in _taken_over(init, instance.markers):
            if stored.count(attribute) == 1:
                instance.names[instance.markers[attribute]] = parameters.get(parameter, parameter)
        taken = {*_locals(instance.classes), *self.names}
        for attribute, marker in instance.markers.items():
            free = attribute.lstrip("_")
            if free in taken or not free.isidentifier():
                free = f"{instance.name}_{free}"
            instance.names.setdefault(marker, free)


def _methods(classes: Sequence[Class]) -> Iterator[ast.FunctionDef]:
    for cls in classes:
        yield from (each for each in cls.node.body if isinstance(each, ast.FunctionDef))


def _attributes(classes: Sequence[Class]) -> list[str]:
    """The attributes of ``self`` in the methods of some classes."""
    found: dict[str, None] = {}
    for method in _methods(classes):
        owner = method.args.args[0].arg if method.args.args else ""
        for each in ast.walk(method):
            if (
                isinstance(each, ast.Attribute)
                and isinstance(each.value, ast.Name)
                and each.value.id == owner
            ):
                found[each.attr] = None
    return list(found)


def _taken_over(init: Function, markers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """``(attribute, parameter)`` of each ``self.x = x``, ``self.x = x.to(device)`` or ``self.x, self.y = x, y``."""
    attributes = {marker: attribute for attribute, marker in markers.items()}
    parameters = {each.arg for each in (*init.node.args.args, *init.node.args.kwonlyargs)}
    for each in init.node.body:
        if not isinstance(each, ast.Assign) or len(each.targets) != 1:
            continue
        found = [
            (attributes[target.id], value.id)
            for target, value in map(_unmoved, _pairs(each.targets[0], each.value))
            if isinstance(target, ast.Name) and isinstance(value, ast.Name)
            if value.id in parameters and target.id in attributes
        ]
        if len(found) == len(_pairs(each.targets[0], each.value)):
            yield from found


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=False))
    return [(target, value)]


def _unmoved(pair: tuple[ast.expr, ast.expr]) -> tuple[ast.expr, ast.expr]:
    """``x`` for ``x.to(device)``."""
    target, value = pair
    is_moved = isinstance(value, ast.Call) and is_move(value) and isinstance(value.func, ast.Attribute)
    return (target, value.func.value) if is_moved else pair  # type: ignore[attr-defined]


def _locals(classes: Sequence[Class]) -> Iterator[str]:
    """Parameters and variables of the methods of some classes."""
    for method in _methods(classes):
        yield from (each.arg for each in ast.walk(method) if isinstance(each, ast.arg))
        yield from (each.id for each in ast.walk(method) if isinstance(each, ast.Name))
