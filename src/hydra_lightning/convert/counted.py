"""Loops that count by hand become loops over a range: ``while step < STEPS: ...; step += 1``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.convert.constructs import is_name
from hydra_lightning.convert.counters import is_read_late, start_of
from hydra_lightning.convert.source import Source, span
from hydra_lightning.convert.spans import edited
from hydra_lightning.convert.tells import only_leaves, only_tells
from hydra_lightning.parity.tape import Tape

# Whether a loop goes on at the limit itself, by how it is compared: in its head, and where it is left.
HEADS: dict[type[ast.cmpop], bool] = {ast.Lt: False, ast.LtE: True}
EXITS: dict[type[ast.cmpop], bool] = {ast.GtE: False, ast.Eq: False, ast.Gt: True}
FIXED = ("len", "min", "max", "int", "round")
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Limit:
    """What a loop counts to.

    Attributes:
        name: of the counter.
        node: the limit.
        reached: whether the counter comes to the limit itself.
        exit: the statement in the loop that compares them; None where its head does.
    """

    name: str
    node: ast.expr
    reached: bool
    exit: ast.If | None = None


def with_counted(sources: Mapping[str, Source], tape: Tape) -> dict[str, Source]:
    """The same files, on the same lines, in which loops that count by hand go over a range.

    A counter that is used after it was increased is written as ``(step + 1)`` there.
    """
    found = dict(sources)
    for path, source in sources.items():
        edits = [edit for scope in _scopes(source.tree) for edit in _in_scope(sources, source, scope, tape)]
        if edits:
            text = edited(source, edits).text
            found[path] = Source(path, text, written=source.written or source.text)
    return found


def _scopes(tree: ast.Module) -> Iterator[ast.Module | ast.FunctionDef]:
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def _in_scope(
    sources: Mapping[str, Source], source: Source, scope: ast.Module | ast.FunctionDef, tape: Tape
) -> list[Edit]:
    edits = []
    for statements in _bodies(scope):
        for place, node in enumerate(statements):
            if isinstance(node, ast.While) and not node.orelse:
                edits += _edits(sources, source, scope, statements[:place], node, tape)
    return edits


def _bodies(scope: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    """Every sequence of statements of a scope, not those of the functions in it."""
    for field in ("body", "orelse", "finalbody"):
        statements = getattr(scope, field, None)
        if isinstance(statements, list) and statements and isinstance(statements[0], ast.stmt):
            yield statements
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (ast.stmt, ast.ExceptHandler)) and not isinstance(child, SCOPES):
            yield from _bodies(child)


def _edits(
    sources: Mapping[str, Source],
    source: Source,
    scope: ast.Module | ast.FunctionDef,
    before: Sequence[ast.stmt],
    loop: ast.While,
    tape: Tape,
) -> list[Edit]:
    limit = _limit(loop)
    if limit is None or not _is_fixed(limit.node, loop):
        return []
    name = limit.name
    counts = [(each, step) for each in loop.body if (step := _increase(each, name)) is not None]
    attribute = name.rpartition(".")[2] if "." in name else ""
    start = (
        start_of(sources, source, attribute, loop, tape) if attribute else _start(source, before, name, tape)
    )
    stores = [each for each in ast.walk(loop) if _is_it(each, name, ast.Store)]
    if len(counts) != 1 or len(stores) != 1 or start is None or _is_read_elsewhere(scope, name):
        return []
    count, step = counts[0]
    if attribute and (
        isinstance(scope, ast.Module)
        or any(_is_it(each, name, ast.Load) for one in before for each in ast.walk(one))
        or is_read_late(sources, scope, attribute, loop.body[loop.body.index(count) + 1 :])
    ):
        return []
    left = limit.exit
    if left is not None and left is not loop.body[0]:
        place = loop.body.index(left)
        if place < loop.body.index(count) or not all(map(only_tells, loop.body[place + 1 :])):
            return []
    if any(_continues(each) for each in loop.body[: loop.body.index(count)]):
        return []
    first, last = ast.unparse(start.value), _code(source, limit.node)
    if limit.reached:
        last = str(int(last) + 1) if last.isdigit() else f"{last} + 1"
    given = [first, last, step] if step != "1" else [first, last] if first != "0" else [last]
    begin, _ = span(loop, source)
    stop = source.text.encode().index(b":", span(loop.test, source)[1])
    edits = [(begin, stop, f"for {name} in range({', '.join(given)})"), (*span(count, source), "pass")]
    reads = [each for each in ast.walk(scope) if _is_it(each, name, ast.Load)]
    if attribute or not any(start.lineno < each.lineno < loop.lineno for each in reads):  # type: ignore[attr-defined]
        edits.append((*span(start, source), "pass"))
    if left is not None:
        edits.append((*span(left.test, source), "False"))
    later = [each for each in reads if each.lineno > (count.end_lineno or 0)]  # type: ignore[attr-defined]
    return [*edits, *((*span(each, source), f"({name} + {step})") for each in later)]


def _limit(loop: ast.While) -> Limit | None:
    if isinstance(loop.test, ast.Compare):
        return _compared(loop.test, HEADS)
    if not isinstance(loop.test, ast.Constant) or not loop.test.value:
        return None
    exits = [each for each in loop.body if isinstance(each, ast.If) and only_leaves(each)]
    found = [(each, limit) for each in exits if (limit := _compared(decisive(each.test), EXITS)) is not None]
    if len(found) != 1:
        return None
    exit_, limit = found[0]
    return Limit(limit.name, limit.node, limit.reached, exit_)


def decisive(test: ast.expr) -> ast.expr:
    """``step >= most`` of ``most >= 0 and step >= most``: whether there is a limit at all."""
    if not isinstance(test, ast.BoolOp) or not isinstance(test.op, ast.And):
        return test
    (last, *others) = reversed(test.values)
    limit = ast.unparse(last.comparators[0]) if isinstance(last, ast.Compare) else ""
    asked = [each.left if isinstance(each, ast.Compare) else each for each in others]
    return last if all(ast.unparse(each) == limit for each in asked) else test


def _compared(test: ast.expr, kinds: Mapping[type[ast.cmpop], bool]) -> Limit | None:
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not _is_counter(test.left):
        return None
    reached = kinds.get(type(test.ops[0]))
    return None if reached is None else Limit(ast.unparse(test.left), test.comparators[0], reached)


def _is_counter(node: ast.expr) -> bool:
    """``step``, ``self.step``"""
    return isinstance(node, ast.Name) or (
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    )


def _is_it(node: ast.AST, name: str, context: type[ast.expr_context]) -> bool:
    """Whether a node reads or stores a counter, as the context says."""
    if isinstance(node, ast.Attribute) and "." in name:
        return isinstance(node.ctx, context) and ast.unparse(node) == name
    return is_name(node, name, context)


def _is_fixed(limit: ast.expr, loop: ast.While) -> bool:
    """Whether a limit is the same all the time, as far as its words tell."""
    calls = [each for each in ast.walk(limit) if isinstance(each, ast.Call)]
    names = {each.id for each in ast.walk(limit) if isinstance(each, ast.Name)}
    names |= {ast.unparse(each) for each in ast.walk(limit) if isinstance(each, ast.Attribute)}
    stored = {
        ast.unparse(each)
        for each in ast.walk(loop)
        if isinstance(each, (ast.Name, ast.Attribute)) and not isinstance(each.ctx, ast.Load)
    }
    return all(ast.unparse(each.func) in FIXED for each in calls) and not names & stored


def _increase(statement: ast.stmt, name: str) -> str | None:
    """``1`` of ``step += 1`` and of ``step = step + 1``."""
    target: ast.expr
    value: ast.expr | None
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        target, value = statement.target, statement.value
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, sum_ = statement.targets[0], statement.value
        value = sum_.right if isinstance(sum_.op, ast.Add) and _is_it(sum_.left, name, ast.Load) else None
    else:
        return None
    is_plain = isinstance(value, (ast.Name, ast.Attribute, ast.Constant))
    return ast.unparse(value) if value is not None and is_plain and _is_it(target, name, ast.Store) else None


def _start(source: Source, before: Sequence[ast.stmt], name: str, tape: Tape) -> ast.Assign | None:
    """Where a counter gets its first value, a literal or another name."""
    for statement in reversed(before):
        if not any(is_name(each, name, ast.Store) for each in ast.walk(statement)):
            continue
        if isinstance(statement, ast.Assign) and is_name(statement.targets[0], name, ast.Store):
            value = statement.value
            is_plain = isinstance(value, (ast.Constant, ast.Name, ast.Attribute))
            return statement if is_plain and len(statement.targets) == 1 else None
        lines = tape.lines.get(source.path)
        stores = [each.lineno for each in ast.walk(statement) if is_name(each, name, ast.Store)]  # type: ignore[attr-defined]
        if lines is None or {*stores} & {*lines}:
            return None
    return None


def _is_read_elsewhere(scope: ast.Module | ast.FunctionDef, name: str) -> bool:
    """Whether a function in a scope reads the counter of it, or one of a function is global."""
    if any(isinstance(each, (ast.Global, ast.Nonlocal)) and name in each.names for each in ast.walk(scope)):
        return True
    for function in ast.walk(scope):
        if function is scope or not isinstance(function, SCOPES):
            continue
        inside = [*ast.walk(function)]
        own = {each.arg for each in inside if isinstance(each, ast.arg)}
        own |= {each.id for each in inside if isinstance(each, ast.Name) and not _is_load(each)}
        if name not in own and any(is_name(each, name, ast.Load) for each in inside):
            return True
    return False


def _continues(statement: ast.AST) -> bool:
    """Whether a statement may go on with the next step."""
    if isinstance(statement, (ast.For, ast.While, *SCOPES)):
        return False
    return isinstance(statement, ast.Continue) or any(
        _continues(each)
        for each in ast.iter_child_nodes(statement)
        if isinstance(each, (ast.stmt, ast.ExceptHandler))
    )


def _is_load(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _code(source: Source, node: ast.expr) -> str:
    first, last = span(node, source)
    return re.sub(r"\s+", " ", source.text.encode()[first:last].decode())
