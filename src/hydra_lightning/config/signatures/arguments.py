"""The arguments of a class or function, from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hydra_lightning.config.signatures.decorators import TRANSPARENT, is_transparent
from hydra_lightning.config.signatures.inheritance import linearized
from hydra_lightning.config.signatures.lookup import (
    Definition,
    Found,
    Unknown,
    members,
    own_member,
    resolve,
)
from hydra_lightning.config.signatures.model import ANYTHING, Kind, Opaque, Parameter
from hydra_lightning.config.signatures.modules import Function, Library
from hydra_lightning.config.signatures.passing import Passed, passed_on
from hydra_lightning.config.signatures.types import NONE, either, read_type

_DATACLASS = frozenset(("dataclass", "dataclasses.dataclass"))


@dataclass(frozen=True)
class Arguments:
    """What a call takes; ``open``: others too, of names that cannot be read."""

    parameters: tuple[Parameter, ...]
    open: bool = False
    documented: tuple[str, ...] = ()


ANY = Arguments((Parameter("args", "rest"), Parameter("kwargs", "keywords")), open=True)


def arguments_of(library: Library, definition: Definition, of: Definition | None = None) -> Arguments | None:
    """What a call of ``definition`` takes, a method being one of the class ``of``; None when it does not say."""
    if isinstance(definition.node, ast.ClassDef):
        return _of_class(library, definition)
    line = linearized(library, of or definition.owner)
    after = line[line.index(definition.owner) + 1 :] if definition.owner in line else None
    return _of_function(library, definition, line, 0, after)


def _of_class(library: Library, owner: Definition, depth: int = 0) -> Arguments | None:
    line = linearized(library, owner)
    if any(isinstance(each, Definition) and _has_metaclass_call(library, each) for each in line):
        return None
    for index, each in enumerate(line):
        if not isinstance(each, Definition):
            return None
        assert isinstance(each.node, ast.ClassDef)
        maker = _maker(each)
        if isinstance(maker, Unknown):
            return None
        if maker is not None:
            made = _of_function(library, maker, line, depth, line[index + 1 :])
            return made and replace(made, documented=(owner.path, each.path, *made.documented))
        kind = _generated(each)
        if kind is Unknown:
            return None
        if kind is not None:
            return _of_fields(library, [other for other in line if isinstance(other, Definition)])
    return Arguments(())


def _maker(owner: Definition) -> Definition | Unknown | None:
    """The method of a class's body that takes the arguments of a call: ``__init__``, or ``__new__`` without one."""
    init, new = own_member(owner, "__init__"), own_member(owner, "__new__")
    if isinstance(init, Definition) and isinstance(new, Definition):
        assert isinstance(init.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        bare = len(init.node.args.args) <= 1 and init.node.args.kwarg is not None
        return new if bare else init
    return init or new


def _generated(owner: Definition) -> type[Unknown] | str | None:
    """Whether a decorator or base makes ``__init__`` from the fields: "fields", nothing, or not known."""
    assert isinstance(owner.node, ast.ClassDef)
    for decorator in owner.node.decorator_list:
        name = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if name in _DATACLASS:
            return "fields"
        if name.rpartition(".")[2] not in TRANSPARENT:
            return Unknown
    if any(ast.unparse(base).rpartition(".")[2] == "NamedTuple" for base in owner.node.bases):
        return "fields"
    return None


def _of_fields(library: Library, line: list[Definition]) -> Arguments | None:
    """The arguments of a dataclass: the fields of its bases first. https://docs.python.org/3/library/dataclasses.html"""
    fields: dict[str, Parameter] = {}
    for owner in reversed(line):
        assert isinstance(owner.node, ast.ClassDef)
        if _generated(owner) != "fields":
            if own_member(owner, "__init__") is not None:
                return None
            continue
        only_keywords = _keyword_only(owner.node)
        for statement in owner.node.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            annotation = ast.unparse(statement.annotation)
            if annotation.rpartition(".")[2] == "KW_ONLY":
                only_keywords = True
            elif "ClassVar" not in annotation:
                field = _field(library, owner, statement, "keyword" if only_keywords else "normal")
                if field is None:
                    fields.pop(statement.target.id, None)
                else:
                    fields[field.name] = field
    return Arguments(tuple(fields.values()), documented=tuple(owner.path for owner in line))


def _field(library: Library, owner: Definition, statement: ast.AnnAssign, kind: Kind) -> Parameter | None:
    assert isinstance(statement.target, ast.Name)
    value = statement.value
    default = ast.unparse(value) if value is not None else None
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in ("field", "Field"):
        given = {each.arg: each.value for each in value.keywords}
        if isinstance(given.get("init"), ast.Constant) and given["init"].value is False:  # type: ignore[attr-defined]
            return None
        made = given.get("default") or given.get("default_factory")
        default = ast.unparse(made) if made is not None else None
        if "default_factory" in given:
            default = {"list": "[]", "dict": "{}"}.get(default or "", f"{default}()")
    kind_of = read_type(library, owner.module, statement.annotation)
    if default == "None":
        kind_of = either([kind_of, NONE])
    return Parameter(statement.target.id, kind, default, ast.unparse(statement.annotation), kind_of)


def _keyword_only(node: ast.ClassDef) -> bool:
    calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
    given = [keyword for call in calls for keyword in call.keywords if keyword.arg == "kw_only"]
    return any(isinstance(each.value, ast.Constant) and each.value.value is True for each in given)


def _of_function(
    library: Library,
    function: Definition,
    line: list[Found],
    depth: int,
    after: list[Found] | None = None,
) -> Arguments | None:
    """The arguments of ``function``; ``line`` are the classes of the object that it is called on, ``after`` those
    that ``super()`` means in it."""
    node = function.node
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    if not all(is_transparent(library, function, each) for each in node.decorator_list):
        return None
    own = list(_parameters(library, function))
    if function.owner is not None and _is_bound(node):
        own = own[1:]
    keywords = next((each for each in own if each.kind == "keywords"), None)
    if keywords is None:
        return Arguments(tuple(own), documented=(function.path,))
    own.remove(keywords)
    passed = passed_on(node, keywords.name)
    known = {each.name for each in own}
    more: list[Parameter] = [Parameter(name, "keyword", "...") for name in passed.names if name not in known]
    is_open, documented = passed.open or depth > 8, [function.path]
    for call in () if is_open else passed.calls:
        taken = _taken_by(library, function, call, line, after, depth)
        if taken is None:
            is_open = True
            continue
        always = len(passed.calls) == 1 and call.always
        more += _left_over(call, taken, known | {each.name for each in more}, always)
        is_open |= taken.open
        documented += taken.documented
    return Arguments((*own, *more), is_open, tuple(dict.fromkeys(documented)))


def _left_over(call: Passed, taken: Arguments, known: set[str], always: bool) -> Iterator[Parameter]:
    """The arguments of a call that a caller may give through ``**kwargs``: those that the call itself leaves."""
    positional = [each for each in taken.parameters if each.kind in ("positional", "normal")]
    given = {each.name for each in positional[: call.positional]} | set(call.given)
    for each in taken.parameters:
        if each.kind in ("normal", "keyword") and each.name not in given | known:
            yield replace(each, kind="keyword", default=each.default if always or each.default else "...")


def _taken_by(
    library: Library,
    function: Definition,
    call: Passed,
    line: list[Found],
    after: list[Found] | None,
    depth: int,
) -> Arguments | None:
    """The arguments of what ``**kwargs`` is passed on to; None when that cannot be read."""
    name = call.to
    if isinstance(name, ast.Attribute) and _is_super(name.value):
        return _next_in_line(library, after, name.attr, line, depth)
    if (
        isinstance(name, ast.Attribute)
        and isinstance(name.value, ast.Name)
        and name.value.id in ("self", "cls")
    ):
        return _next_in_line(library, line, name.attr, line, depth)
    if isinstance(name, ast.Name) and name.id in call.local:
        return None
    target = resolve(library, function.module, name)
    if not isinstance(target, Definition):
        return None
    if isinstance(target.node, ast.ClassDef):
        return _of_class(library, target, depth + 1)
    own_line = linearized(library, target.owner)
    made = _of_function(library, target, own_line, depth + 1, own_line[1:])
    unbound = target.owner is not None and target.node.name in ("__init__", "__new__")
    # Base.__init__(self, ...): the object is the first positional argument.
    return made and (replace(made, parameters=(Parameter("self"), *made.parameters)) if unbound else made)


def _next_in_line(
    library: Library, line: list[Found] | None, name: str, whole: list[Found], depth: int
) -> Arguments | None:
    for index, owner in enumerate(line or []):
        if not isinstance(owner, Definition):
            return None
        method = own_member(owner, name)
        if isinstance(method, Unknown):
            return None
        if method is not None and not isinstance(method.node, ast.ClassDef):
            return _of_function(library, method, whole, depth + 1, (line or [])[index + 1 :])
        if method is None and name == "__init__" and _generated(owner) is not None:
            return None
    return Arguments(()) if line is not None and name in ("__init__", "__new__") else None


def _parameters(library: Library, function: Definition) -> Iterator[Parameter]:
    node = function.node
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    spec = node.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(spec.defaults)) + list(spec.defaults)
    for index, (each, default) in enumerate(zip(positional, defaults, strict=True)):
        kind: Kind = "positional" if index < len(spec.posonlyargs) else "normal"
        yield _parameter(library, function, each, kind, default)
    if spec.vararg is not None:
        yield _parameter(library, function, spec.vararg, "rest", None)
    for each, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
        yield _parameter(library, function, each, "keyword", default)
    if spec.kwarg is not None:
        yield _parameter(library, function, spec.kwarg, "keywords", None)


def _parameter(
    library: Library, function: Definition, each: ast.arg, kind: Kind, default: ast.expr | None
) -> Parameter:
    annotation = read_type(library, function.module, each.annotation) if each.annotation else ANYTHING
    if isinstance(default, ast.Constant) and default.value is None:
        annotation = either([annotation, NONE]) if not isinstance(annotation, Opaque) else annotation
    text = ast.unparse(each.annotation) if each.annotation else None
    return Parameter(each.arg, kind, ast.unparse(default) if default is not None else None, text, annotation)


def _is_bound(node: Function) -> bool:
    """Whether the first argument is given by the call itself: ``self`` of a maker, ``cls`` of a class method."""
    names = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
    return node.name in ("__init__", "__new__") or "classmethod" in names


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _has_metaclass_call(library: Library, owner: Definition) -> bool:
    """Whether calling the class is not simply ``__new__`` and ``__init__``."""
    assert isinstance(owner.node, ast.ClassDef)
    for keyword in owner.node.keywords:
        if keyword.arg == "metaclass":
            meta = resolve(library, owner.module, keyword.value)
            if isinstance(meta, Definition) and isinstance(meta.node, ast.ClassDef):
                return any(name == "__call__" for name, _ in members(meta))
            return ast.unparse(keyword.value).rpartition(".")[2] not in ("ABCMeta", "type")
    return False
