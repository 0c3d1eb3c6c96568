"""Trainings that come before the last one: a program that pretrains or warms up, and then trains on."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hydra_lightning.convert.source import Source, branches_of
from hydra_lightning.parity.tape import Tape

# A file, and the first and the last line of a statement.
Lines = tuple[str, int, int]
MAKERS = ("optimizer", "scheduler")
# Events up to the end of the earlier trainings that tell something of the last one.
OF_THE_PROGRAM = ("seed", "optimizer", "scheduler", "loader", "mode")


def earlier_trainings(sources: Mapping[str, Source], tape: Tape) -> tuple[Lines, ...]:
    """The lines of each training but the last, where several follow one another, as far as their words tell.

    Args:
        tape: what was recorded up to the first of them, at least.
    """
    functions = {
        node.name: node
        for source in sources.values()
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef)
    }
    stack = next(iter(tape.stacks.get("backward", {}).values()), [])
    for file, _, line in (site.rpartition(":") for site in stack):
        for statements in _around(sources[file].tree, int(line)):
            here = next(place for place, each in enumerate(statements) if _covers(each, int(line)))
            found = [each for each in statements[here:] if _trains(each, functions)]
            if tape.status == "completed":
                found = [each for each in found if _was_run(each, tape.lines.get(file, ()))]
            if len(found) > 1:
                return tuple((file, each.lineno, each.end_lineno or each.lineno) for each in found[:-1])
            if isinstance(statements[here], (ast.For, ast.While)):
                return ()
    return ()


def of_the_last(tape: Tape) -> Tape:
    """What was recorded of the last training alone; what was made for earlier ones has another name."""
    if not tape.begins:
        return tape
    later = tape.events[tape.begins :]
    before = [each for each in tape.events[: tape.begins] if each.kind in OF_THE_PROGRAM]
    used = {each.about for each in later if each.kind in ("step", "schedule")}
    gone = {name for name in tape.objects if name.startswith(MAKERS) and name not in used}
    kept = [each for each in before if each.about not in gone]
    made = [each for each in tape.events if each.kind in MAKERS]
    sites = {each.site for each in made} - {each.site for each in made if each.about not in gone}
    return replace(
        tape,
        events=[*kept, *later],
        begins=len(kept),
        objects={f"earlier {name}" if name in gone else name: facts for name, facts in tape.objects.items()},
        stacks={
            kind: {site: stack for site, stack in stacks.items() if kind not in MAKERS or site not in sites}
            for kind, stacks in tape.stacks.items()
        },
    )


def _around(tree: ast.Module, line: int) -> Iterator[Sequence[ast.stmt]]:
    """The sequences of statements around a line, those of its function first, up to a loop."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and _covers(each, line)]
    statements: Sequence[ast.stmt] = (
        max(functions, key=lambda each: each.lineno).body if functions else tree.body
    )
    while statements:
        yield statements
        inner = next(each for each in statements if _covers(each, line))
        branches = branches_of(inner) if isinstance(inner, (ast.With, ast.If, ast.Try)) else []
        statements = next((each for each in branches if any(_covers(part, line) for part in each)), ())


def _covers(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _was_run(statement: ast.stmt, lines: Sequence[int]) -> bool:
    inside = statement.body if isinstance(statement, (ast.If, ast.For, ast.While, ast.With)) else [statement]
    return any(_covers(each, line) for each in inside for line in lines)


def _trains(statement: ast.stmt, functions: Mapping[str, ast.FunctionDef]) -> bool:
    """Whether a statement, or a function that it calls, makes steps of an optimizer."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return False
    waiting: list[ast.stmt] = [statement]
    seen = {statement}
    while waiting:
        calls = [each.func for each in ast.walk(waiting.pop()) if isinstance(each, ast.Call)]
        for called in (functions.get(each.id) for each in calls if isinstance(each, ast.Name)):
            if called is not None and called not in seen:
                seen.add(called)
                waiting.append(called)
    told = "\n".join(ast.unparse(each) for each in seen)
    return "backward(" in told and ".step(" in told
