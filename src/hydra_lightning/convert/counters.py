"""Counters that are attributes of an object: ``while self.epoch < epochs:`` in a method of a class of the program."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from hydra_lightning.convert.source import Source
from hydra_lightning.convert.tells import is_telling, only_tells
from hydra_lightning.parity.tape import Tape


def start_of(
    sources: Mapping[str, Source], here: Source, attribute: str, loop: ast.While, tape: Tape
) -> ast.Assign | None:
    """Where an attribute gets its first value, a number: the only place outside the loop that the recording came to.

    Args:
        here: the file that it has to be in.
    """
    found: list[ast.Assign | None] = []
    for path, source in sources.items():
        lines = tape.lines.get(path)
        for function in _functions(source.tree):
            for statement in ast.walk(function):
                targets = statement.targets if isinstance(statement, ast.Assign) else []
                targets = [statement.target] if isinstance(statement, ast.AugAssign) else targets
                if not any(attribute in _stored(each) for each in targets):
                    continue
                assert isinstance(statement, ast.stmt)
                if statement in ast.walk(loop) or (lines is not None and statement.lineno not in lines):
                    continue
                is_plain = (
                    source is here
                    and function.name == "__init__"
                    and not any(_reads(each, attribute) for each in function.body)
                    and isinstance(statement, ast.Assign)
                    and isinstance(statement.targets[0], ast.Attribute)
                    and isinstance(statement.value, ast.Constant)
                )
                found.append(statement if is_plain and isinstance(statement, ast.Assign) else None)
    return found[0] if len(found) == 1 else None


def is_read_late(
    sources: Mapping[str, Source], method: ast.FunctionDef, attribute: str, after: Sequence[ast.stmt]
) -> bool:
    """Whether an attribute is read after it was increased where it cannot be written otherwise.

    Args:
        after: what follows in the loop; a method that is called there may read it to tell it.
    """
    functions = [each for source in sources.values() for each in _functions(source.tree)]
    functions = [each for each in functions if not is_telling(each)]
    reading = {each.name for each in functions if each is not method and _reads(each, attribute)}
    while more := {each.name for each in functions if _called(each) & reading} - reading:
        reading |= more
    called = set().union(*map(_called, after)) & reading
    # What is asked of the object from outside comes after the loop.
    outside = [each for source in sources.values() for each in source.tree.body]
    outside = [each for each in outside if not isinstance(each, ast.ClassDef)]
    owners = {
        each.targets[0].id
        for source in sources.values()
        for each in ast.walk(source.tree)
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and _makes(each, sources)
    }
    return bool(called) or any(_reads(each, attribute, owners) for each in outside)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))


def _stored(target: ast.expr) -> set[str]:
    return {
        each.attr
        for each in ast.walk(target)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
    }


def _reads(node: ast.AST, attribute: str, owners: set[str] | None = None) -> bool:
    """Whether an attribute is read, of one of the owners, and not only told."""
    if isinstance(node, ast.Attribute) and node.attr == attribute and isinstance(node.ctx, ast.Load):
        return owners is None or ast.unparse(node.value) in owners
    if isinstance(node, ast.stmt) and only_tells(node):
        return False
    return any(_reads(each, attribute, owners) for each in ast.iter_child_nodes(node))


def _called(node: ast.AST) -> set[str]:
    """The names of the functions and methods that are called in a statement."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return {ast.unparse(each.func).rpartition(".")[2] for each in calls}


def _makes(statement: ast.Assign, sources: Mapping[str, Source]) -> bool:
    """Whether a statement makes an object of a class of the program."""
    names = {
        each.name
        for source in sources.values()
        for each in source.tree.body
        if isinstance(each, ast.ClassDef)
    }
    return isinstance(statement.value, ast.Call) and ast.unparse(statement.value.func) in names
