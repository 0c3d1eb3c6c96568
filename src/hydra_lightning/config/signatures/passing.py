"""Where a function passes its ``**kwargs`` on to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from hydra_lightning.config.signatures.modules import Function

_READING = ("pop", "get", "setdefault")


@dataclass(frozen=True)
class Passed:
    """A call that gets ``**kwargs``.

    Args:
        to: what is called.
        positional: how many positional arguments it is given besides.
        given: the names of the arguments that it is given besides.
        always: the call is made whenever the function runs.
        local: names that the function binds itself, so that they are not those of the module.
    """

    to: ast.expr
    positional: int
    given: tuple[str, ...]
    always: bool
    local: frozenset[str]


@dataclass
class Passing:
    """What becomes of ``**kwargs``: the calls that get it, the names that are taken from it, or not known."""

    calls: list[Passed] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    open: bool = False


def passed_on(function: Function, keywords: str) -> Passing:
    """Follow ``**keywords`` through the body of ``function``.

    Any use that is not a call with ``**keywords``, a name taken from it, or a refusal of what is left
    (``if kwargs: raise``) leaves it open: it may then take any name. So does no use at all.
    """
    passing = Passing()
    local = frozenset(_bound_in(function))
    refused = False
    for statement in function.body:
        if _refuses(statement, keywords):
            refused = True
            continue
        for node, parents in _uses(statement, keywords, ()):
            _note(
                passing, node, parents, local, top=isinstance(statement, (ast.Expr, ast.Return, ast.Assign))
            )
    if not passing.calls and not refused:
        passing.open = True
    return passing


def _note(
    passing: Passing, node: ast.Name, parents: tuple[ast.AST, ...], local: frozenset[str], top: bool
) -> None:
    parent = parents[-1]
    above = parents[-2] if len(parents) > 1 else None
    name: str | None = None
    if isinstance(parent, ast.keyword) and parent.arg is None and isinstance(above, ast.Call):
        given = tuple(each.arg for each in above.keywords if each.arg is not None)
        positional = [each for each in above.args if not isinstance(each, ast.Starred)]
        conditional = any(
            isinstance(each, (ast.IfExp, ast.BoolOp, ast.Lambda, ast.FunctionDef)) for each in parents
        )
        passing.calls.append(Passed(above.func, len(positional), given, top and not conditional, local))
        return
    if isinstance(parent, ast.Attribute) and parent.attr in _READING and isinstance(above, ast.Call):
        name = _constant(above.args[0]) if above.args else None
    elif isinstance(parent, ast.Subscript) and parent.value is node:
        name = _constant(parent.slice)
    elif isinstance(parent, ast.Compare) and node in parent.comparators:
        name = _constant(parent.left)
    if name is None:
        passing.open = True
    elif name not in passing.names:
        passing.names.append(name)


def _uses(
    node: ast.AST, name: str, parents: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.Name, tuple[ast.AST, ...]]]:
    if isinstance(node, ast.Name):
        if node.id == name:
            yield node, parents
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) and _takes(node.args, name):
        return
    for child in ast.iter_child_nodes(node):
        yield from _uses(child, name, (*parents, node))


def _refuses(statement: ast.stmt, name: str) -> bool:
    """``if kwargs: raise ...``"""
    if not isinstance(statement, ast.If) or not any(isinstance(each, ast.Raise) for each in statement.body):
        return False
    test = statement.test
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id in ("len", "bool"):
        test = test.args[0]
    return isinstance(test, ast.Name) and test.id == name


def _bound_in(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _takes(arguments: ast.arguments, name: str) -> bool:
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    return any(each is not None and each.arg == name for each in every)


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
