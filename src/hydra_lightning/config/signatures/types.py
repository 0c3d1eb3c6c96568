"""Annotations as types, and whether a value of a config can fit one."""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hydra_lightning.config.signatures.lookup import Definition, Value, attribute, bases, resolve
from hydra_lightning.config.signatures.model import (
    ANYTHING,
    Choice,
    DictOf,
    Either,
    ListOf,
    Opaque,
    Plain,
    TupleOf,
    Type,
)
from hydra_lightning.config.signatures.modules import Assigned, Import, Library, Module

NONE = Plain("None")
_SCALARS: dict[str, Type] = {
    "int": Plain("int"),
    "float": Plain("float"),
    "str": Plain("str"),
    "bool": Plain("bool"),
    "None": NONE,
    "Number": Either((Plain("int"), Plain("float"))),
}
_LISTS = {
    "list",
    "List",
    "set",
    "Set",
    "frozenset",
    "FrozenSet",
    "MutableSequence",
    "AbstractSet",
    "Deque",
    "deque",
}
_SEQUENCES = {"Sequence", "Iterable", "Collection", "Container", "Reversible"}
_MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "DefaultDict", "defaultdict"}
_TRANSPARENT = {"Annotated", "Final", "Required", "NotRequired", "ReadOnly", "InitVar"}
_TYPING = ("typing", "typing_extensions", "collections.abc", "collections", "numbers", "dataclasses")
_NOT_PLAIN = {"Enum", "StrEnum", "IntEnum", "Flag", "Protocol", "TypedDict", "NamedTuple"}
_NOT_PLAIN |= {"str", "int", "float", "dict", "list", "tuple", "OrderedDict", "UserDict"}
# Classes of the standard library that no plain value is an instance of.
_CLASSES = {"pathlib.Path", "os.PathLike", "datetime.timedelta", "datetime.datetime", "datetime.date"}


def read_type(library: Library, module: Module, node: ast.expr | None, depth: int = 0) -> Type:
    """The type that an annotation in ``module`` stands for; ``ANYTHING`` where it cannot be read."""
    if node is None or depth > 12:
        return ANYTHING
    read = functools.partial(read_type, library, module, depth=depth + 1)
    if isinstance(node, ast.Constant):
        if node.value is None:
            return NONE
        return read(_parsed(node.value)) if isinstance(node.value, str) else ANYTHING
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return either([read(node.left), read(node.right)])
    if isinstance(node, ast.Subscript):
        return _subscripted(library, module, node, depth)
    name = _typing_name(library, module, node)
    if name is not None:
        return _bare(name)
    found = resolve(library, module, node)
    if isinstance(found, Value):
        return read_type(library, found.module, found.node, depth + 1)
    if isinstance(found, Definition):
        return Opaque(found.path, is_class=_is_plain_class(library, found))
    dotted = _imported(module, node) or ast.unparse(node)
    return Opaque(dotted, is_class=dotted in _CLASSES)


def either(members: Iterable[Type]) -> Type:
    """The union of ``members``, flat and without repetition."""
    flat: list[Type] = []
    for member in members:
        for each in member.members if isinstance(member, Either) else (member,):
            if each not in flat:
                flat.append(each)
    return flat[0] if len(flat) == 1 else Either(tuple(flat))


class _Built:
    """Stands for an object that is not known yet, and so fits any type."""


BUILT: Final = _Built()


def fits(value: Any, kind: Type) -> bool:
    """Whether ``value``, as it stands in a config, can be meant by an annotation.

    A list may become a tuple, a set or a Sequence, an int is a float too, and 0 and 1 are bools. A class takes any
    value, since it may convert it; in a union with types of plain values it takes only containers.
    """
    if value is BUILT:
        return True
    if isinstance(kind, Either):
        return _fits_either(value, kind)
    if isinstance(kind, Plain):
        return _fits_plain(value, kind)
    if isinstance(kind, Choice):
        return any(value == each and type(value) is type(each) for each in kind.values)
    if isinstance(kind, ListOf):
        if isinstance(value, str):
            return kind.str_too and fits(value, kind.item)
        return isinstance(value, (list, tuple)) and all(fits(each, kind.item) for each in value)
    if isinstance(kind, TupleOf):
        if not isinstance(value, (list, tuple)) or len(value) != len(kind.items):
            return False
        return all(fits(each, item) for each, item in zip(value, kind.items, strict=True))
    if isinstance(kind, DictOf):
        return isinstance(value, Mapping) and all(
            fits(key, kind.key) and fits(each, kind.value) for key, each in value.items()
        )
    return True


def in_words(kind: Type) -> str:
    """A type as it would be written: ``int | None``."""
    if isinstance(kind, Plain):
        return kind.name
    if isinstance(kind, Choice):
        return " | ".join(map(repr, kind.values))
    if isinstance(kind, Either):
        return " | ".join(in_words(each) for each in kind.members)
    if isinstance(kind, ListOf):
        return f"list[{in_words(kind.item)}]"
    if isinstance(kind, TupleOf):
        return f"[{', '.join(in_words(each) for each in kind.items)}]"
    if isinstance(kind, DictOf):
        return f"dict[{in_words(kind.key)}, {in_words(kind.value)}]"
    return kind.name.rpartition(".")[2]


def _fits_either(value: Any, kind: Either) -> bool:
    scalars = [each for each in kind.members if not isinstance(each, Opaque) and each != NONE]
    if not scalars or isinstance(value, (list, Mapping)):
        return any(fits(value, each) for each in kind.members)
    return any(fits(value, each) for each in kind.members if not (isinstance(each, Opaque) and each.is_class))


def _fits_plain(value: Any, kind: Plain) -> bool:
    if kind.name == "None":
        return value is None
    if kind.name == "bool":
        return isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))
    if kind.name == "int":
        return isinstance(value, int)
    if kind.name == "float":
        return isinstance(value, (int, float))
    return isinstance(value, str)


def _subscripted(library: Library, module: Module, node: ast.Subscript, depth: int) -> Type:
    name = _typing_name(library, module, node.value)
    read = functools.partial(read_type, library, module, depth=depth + 1)
    inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return _literal(inner)
    if name == "Optional":
        return either([read(inner[0]), NONE])
    if name == "Union":
        return either(map(read, inner))
    if name in _TRANSPARENT:
        return read(inner[0])
    if name in _LISTS:
        return ListOf(read(inner[0]))
    if name in _SEQUENCES:
        return ListOf(read(inner[0]), str_too=True)
    if name in ("tuple", "Tuple"):
        if len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is Ellipsis:
            return ListOf(read(inner[0]))
        return TupleOf(tuple(map(read, inner)))
    if name in _MAPPINGS and len(inner) == 2:
        return DictOf(read(inner[0]), read(inner[1]))
    if name is not None:
        return Opaque(name)
    # A generic alias or class: its parameters change nothing that a config can tell.
    return read(node.value) if isinstance(resolve(library, module, node.value), Definition) else ANYTHING


def _bare(name: str) -> Type:
    if name in _SCALARS:
        return _SCALARS[name]
    if name in _LISTS or name in ("tuple", "Tuple"):
        return ListOf(ANYTHING)
    if name in _SEQUENCES:
        return ListOf(ANYTHING, str_too=True)
    if name in _MAPPINGS:
        return DictOf(ANYTHING, ANYTHING)
    return Opaque(name)


def _literal(inner: list[ast.expr]) -> Type:
    values = [each.value for each in inner if isinstance(each, ast.Constant)]
    if len(values) != len(inner):
        return ANYTHING
    return Choice(tuple(each for each in values if each is None or isinstance(each, (str, int, bool))))


def _typing_name(library: Library, module: Module, node: ast.expr) -> str | None:
    """The name of a builtin type, or of one of the modules of types; None for anything else."""
    if isinstance(node, ast.Name) and node.id not in module.bindings and not module.stars:
        return node.id if hasattr(builtins, node.id) else None
    dotted = _imported(module, node)
    if dotted is None and isinstance(node, ast.Name) and isinstance(getattr(builtins, node.id, None), type):
        return node.id if attribute(library, module, node.id) is None else None
    package, _, name = (dotted or "").rpartition(".")
    return name if package in _TYPING else None


def _imported(module: Module, node: ast.expr) -> str | None:
    """``package.name`` for a name that ``module`` imports, or an attribute of one."""
    if isinstance(node, ast.Attribute):
        owner = _imported(module, node.value)
        return f"{owner}.{node.attr}" if owner else None
    if not isinstance(node, ast.Name):
        return None
    for binding in module.bindings.get(node.id, []):
        if isinstance(binding, Import):
            return f"{binding.module}.{binding.name}" if binding.name else binding.module
        if isinstance(binding, Assigned) and isinstance(binding.value, ast.Attribute):
            return _imported(module, binding.value)
    return None


def _is_plain_class(library: Library, found: Definition, depth: int = 0) -> bool:
    """Whether no plain value is an instance: false for enumerations, protocols, and what extends a scalar."""
    if not isinstance(found.node, ast.ClassDef) or depth > 10:
        return False
    for base, expression in zip(bases(library, found), found.node.bases, strict=True):
        if ast.unparse(expression).partition("[")[0].rpartition(".")[2] in _NOT_PLAIN:
            return False
        if isinstance(base, Definition) and not _is_plain_class(library, base, depth + 1):
            return False
    return True


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
