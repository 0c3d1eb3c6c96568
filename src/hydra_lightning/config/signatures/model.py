"""What is known of a target without importing it: its arguments, their defaults and their types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Scalar = Literal["int", "float", "str", "bool", "None"]


@dataclass(frozen=True)
class Opaque:
    """A type that no plain value can be held against: a class, a callable, or one that cannot be read.

    ``name`` is the dotted path where that is known, else what stands in the source; ``is_class`` says that it is a
    class of which no plain value is an instance.
    """

    name: str
    is_class: bool = False


@dataclass(frozen=True)
class Plain:
    """A scalar: ``int``, ``float``, ``str``, ``bool`` or ``None``."""

    name: Scalar


@dataclass(frozen=True)
class Choice:
    """``Literal[...]``."""

    values: tuple[str | int | bool | None, ...]


@dataclass(frozen=True)
class Either:
    """A union."""

    members: tuple[Type, ...]


@dataclass(frozen=True)
class ListOf:
    """A list, a set, or a tuple of any length; with ``str_too`` a string is one as well (``Sequence[str]``)."""

    item: Type
    str_too: bool = False


@dataclass(frozen=True)
class TupleOf:
    """A tuple of a fixed length."""

    items: tuple[Type, ...]


@dataclass(frozen=True)
class DictOf:
    """A mapping."""

    key: Type
    value: Type


Type: TypeAlias = Opaque | Plain | Choice | Either | ListOf | TupleOf | DictOf
ANYTHING = Opaque("Any")

Kind = Literal["positional", "normal", "keyword", "rest", "keywords"]


@dataclass(frozen=True)
class Parameter:
    """One argument.

    ``kind``: positional only, normal, keyword only, ``*rest`` or ``**keywords``. ``default`` and ``annotation`` are
    source text; a required argument has no default. ``type`` is the annotation, read.
    """

    name: str
    kind: Kind = "normal"
    default: str | None = None
    annotation: str | None = None
    type: Type = ANYTHING

    @property
    def required(self) -> bool:
        return self.default is None and self.kind not in ("rest", "keywords")

    def __str__(self) -> str:
        name = {"rest": "*", "keywords": "**"}.get(self.kind, "") + self.name
        return name if self.default is None else f"{name}={self.default}"


@dataclass(frozen=True)
class Signature:
    """The arguments that a call of a target takes.

    Args:
        target: as it stands in the config, ``torch.optim.AdamW``.
        path: where it is defined, ``torch.optim.adamw.AdamW``.
        parameters: without ``self``; those that a followed ``**kwargs`` adds are among them.
        open: other keyword arguments are taken too, of names that cannot be read.
        documented: the dotted paths of the classes and functions whose docstrings describe the arguments.
        returns: what the call returns: the class itself, or a function's annotation.
        is_class: a class, not a function.
    """

    target: str
    path: str
    parameters: tuple[Parameter, ...]
    open: bool = False
    documented: tuple[str, ...] = ()
    returns: Type = ANYTHING
    is_class: bool = False

    def named(self) -> Iterator[Parameter]:
        """The arguments that can be given by name."""
        return (parameter for parameter in self.parameters if parameter.kind in ("normal", "keyword"))

    def without(self, *names: str) -> Signature:
        return replace(self, parameters=tuple(each for each in self.parameters if each.name not in names))

    def __str__(self) -> str:
        parts: list[str] = []
        for parameter in self.parameters:
            if parameter.kind == "keyword" and not any(part.startswith("*") for part in parts):
                parts.append("*")
            parts.append(str(parameter))
        if self.open and not any(part.startswith("**") for part in parts):
            parts.append("**kwargs")
        return f"{self.target}({', '.join(parts)})"
