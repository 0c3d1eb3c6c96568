"""The signature of a target, read from source without importing it, and kept until the source changes."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from typing import Any

from hydra_lightning.config.signatures import cache
from hydra_lightning.config.signatures.arguments import arguments_of
from hydra_lightning.config.signatures.lookup import Definition, Found, TargetNotFound, locate
from hydra_lightning.config.signatures.model import ANYTHING, Kind, Opaque, Parameter, Signature
from hydra_lightning.config.signatures.modules import Library, Module

__all__ = ["TargetNotFound", "read_signature", "read_signatures"]


def read_signature(target: str) -> Signature | None:
    """The arguments of ``target``; None when they cannot be read.

    Only the standard library is ever imported.

    Raises:
        TargetNotFound: there certainly is no such class or function; says why.
    """
    result = read_signatures([target])[target]
    if isinstance(result, TargetNotFound):
        raise result
    return result


def read_signatures(targets: list[str]) -> dict[str, Signature | TargetNotFound | None]:
    """The same for several targets at once, the error in place of the signature of one that does not exist."""
    known = cache.load()
    result: dict[str, Signature | TargetNotFound | None] = {}
    library = Library()
    for target in dict.fromkeys(targets):
        kept = known.get(target)
        if kept is not None and kept.is_current():
            result[target] = kept.signature
            continue
        library.touched.clear()
        try:
            result[target] = signature = _read(library, target)
        except TargetNotFound as error:
            result[target] = error
            known.pop(target, None)
            continue
        known[target] = cache.Entry.now(signature, library.touched)
    if library.touched:
        cache.save(known)
    return result


def _read(library: Library, target: str) -> Signature | None:
    if target.partition(".")[0] in sys.stdlib_module_names:
        return _of_standard_library(target)
    found = locate(library, target)
    if isinstance(found, Module):
        raise TargetNotFound("this is a module, not a class or function.")
    if not isinstance(found, Definition):
        return None
    arguments = arguments_of(library, found, of=_owner(library, found, target))
    if arguments is None:
        return None
    is_class = isinstance(found.node, ast.ClassDef)
    returns = Opaque(found.path, is_class=True) if is_class else ANYTHING
    documented = tuple(dict.fromkeys((found.path, *arguments.documented)))
    return Signature(target, found.path, arguments.parameters, arguments.open, documented, returns, is_class)


def _owner(library: Library, found: Definition, target: str) -> Definition | None:
    """The class through which a method is named; it may have inherited it."""
    owner: Found | None = locate(library, target.rpartition(".")[0]) if found.owner is not None else None
    return owner if isinstance(owner, Definition) else None


def _of_standard_library(target: str) -> Signature | None:
    parts = target.split(".")
    owner: Any = importlib.import_module(parts[0])
    for index, name in enumerate(parts[1:], start=1):
        if not hasattr(owner, name):
            try:
                owner = importlib.import_module(".".join(parts[: index + 1]))
            except ModuleNotFoundError:
                raise TargetNotFound(f"{'.'.join(parts[:index])} has no {name!r}.") from None
        else:
            owner = getattr(owner, name)
    if not callable(owner):
        raise TargetNotFound("this is not a class or function.")
    try:
        spec = inspect.signature(owner)
    except (TypeError, ValueError):
        return None
    kinds: dict[Any, Kind] = {
        inspect.Parameter.POSITIONAL_ONLY: "positional",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "normal",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
        inspect.Parameter.VAR_POSITIONAL: "rest",
        inspect.Parameter.VAR_KEYWORD: "keywords",
    }
    parameters = tuple(
        Parameter(each.name, kinds[each.kind], None if each.default is each.empty else repr(each.default))
        for each in spec.parameters.values()
    )
    has_keywords = any(each.kind == "keywords" for each in parameters)
    named = tuple(each for each in parameters if each.kind != "keywords")
    return Signature(target, target, named, open=has_keywords, is_class=isinstance(owner, type))
