"""Functions and classes that read what the program makes are given it: ``Data(n)`` becomes ``Data(n, vocab=vocab)``.

In the project each lives in a file of its own, where nothing of the program is global.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hydra_lightning.convert.constants import constants_of
from hydra_lightning.convert.devices import devices_of
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.settings import Setting, owner_of
from hydra_lightning.convert.source import ADDED, Piece, Source, span
from hydra_lightning.convert.spans import edited

Definition = ast.FunctionDef | ast.ClassDef


@dataclass
class Reader:
    """A function or class that reads what the program makes.

    Attributes:
        given: the code of each thing that it reads, ``vocab`` or ``args.size``, by the name of its parameter.
    """

    node: Definition
    source: Source
    given: dict[str, str] = field(default_factory=dict)

    @property
    def function(self) -> ast.FunctionDef:
        """What takes the parameters."""
        if isinstance(self.node, ast.FunctionDef):
            return self.node
        return next(
            each for each in self.node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"
        )


def with_parameters(
    sources: Mapping[str, Source], flow: Flow, settings: Mapping[str, Setting]
) -> dict[str, Source]:
    """The files with a parameter for all that functions and classes read of what the program makes."""
    constants = constants_of(flow, settings)
    made = {name for piece in flow.setup for name in piece.defines} - {*devices_of(flow.setup)}
    made -= {*constants, *flow.definitions}
    helpers = [each for each in flow.helpers if isinstance(each.node, (ast.FunctionDef, ast.ClassDef))]
    helpers += [each for each in _called_by(flow.trained_before, flow) if each not in helpers]
    helpers = [each for each in helpers if not _is_of_the_training(each, helpers, flow)]
    bases = {
        ast.unparse(base)
        for each in helpers
        if isinstance(each.node, ast.ClassDef)
        for base in each.node.bases
    }
    readers: dict[str, Reader] = {}
    for piece in helpers:
        assert isinstance(piece.node, (ast.FunctionDef, ast.ClassDef))
        if piece.node.name not in bases and _takes_parameters(piece.node):
            readers[piece.node.name] = Reader(piece.node, piece.source)
    for reader in readers.values():
        names = Piece(reader.node, reader.source).uses & made
        for code in dict.fromkeys(code for _, code in _read(reader.node, names, settings)):
            reader.given[_parameter(code, reader, settings)] = code
    changed = True
    while changed:
        changed = False
        for reader in readers.values():
            for other in Piece(reader.node, reader.source).uses & {*readers}:
                for code in readers[other].given.values():
                    if code not in reader.given.values():
                        reader.given[_parameter(code, reader, settings)] = code
                        changed = True
    readers = {name: reader for name, reader in readers.items() if reader.given}
    if not readers:
        return dict(sources)
    return {path: edited(each, _edits(each, readers, settings)) for path, each in sources.items()}


def _called_by(pieces: Sequence[Piece], flow: Flow) -> list[Piece]:
    """The functions that statements call, themselves or through others."""
    waiting = [name for each in pieces for name in each.uses]
    found: list[Piece] = []
    while waiting:
        piece = flow.definitions.get(waiting.pop())
        if piece is not None and isinstance(piece.node, ast.FunctionDef) and piece not in found:
            found.append(piece)
            waiting += piece.uses
    return found


def _is_of_the_training(piece: Piece, helpers: Sequence[Piece], flow: Flow) -> bool:
    """Whether only the training calls a function: it becomes a method."""
    if not isinstance(piece.node, ast.FunctionDef):
        return False
    classes = [each for each in helpers if isinstance(each.node, ast.ClassDef)]
    functions = [each for each in helpers if isinstance(each.node, ast.FunctionDef)]
    head = flow.batches.node
    # What yields the batches is called in the data module.
    yielding = [replace(flow.batches, node=ast.Expr(head.iter))] if isinstance(head, ast.For) else []
    used = set().union(*(each.uses for each in [*flow.setup, *classes, *yielding]))
    while more := {name for each in functions if each.defines & used for name in each.uses} - used:
        used |= more
    return not piece.defines & used


def _takes_parameters(node: Definition) -> bool:
    if node.decorator_list or any(isinstance(each, ast.Global) for each in ast.walk(node)):
        return False
    if isinstance(node, ast.FunctionDef):
        return True
    inits = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    return bool(inits) and _place_of_attributes(inits[0]) is not None


def _place_of_attributes(init: ast.FunctionDef) -> tuple[ast.stmt, bool] | None:
    """The statement that attributes are set before or, when it calls the base class, after."""
    calls = [each for each in init.body if "__init__(" in ast.unparse(each) and isinstance(each, ast.Expr)]
    if calls:
        return calls[0], True
    first = init.body[0]
    return (first, False) if isinstance(first, (ast.Assign, ast.Expr, ast.AnnAssign)) else None


def _read(node: ast.AST, names: set[str], settings: Mapping[str, Setting]) -> Iterator[tuple[ast.expr, str]]:
    """Each expression in a definition that is something of the program, with its code there."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Load):
        code = ast.unparse(node)
        if owner_of(code) in names and (code in settings or isinstance(node, ast.Name)):
            yield node, code
            return
    for each in ast.iter_child_nodes(node):
        yield from _read(each, names, settings)


def _parameter(code: str, reader: Reader, settings: Mapping[str, Setting]) -> str:
    """What a thing is called inside: the last part of its name where that is free."""
    taken = {each.id for each in ast.walk(reader.node) if isinstance(each, ast.Name) and each.id != code}
    taken |= {each.arg for each in ast.walk(reader.node) if isinstance(each, ast.arg)}
    if isinstance(reader.node, ast.ClassDef):
        attributes = [each for each in ast.walk(reader.node) if isinstance(each, ast.Attribute)]
        taken |= {each.attr for each in attributes if ast.unparse(each.value) == "self"}
    name = settings[code].name if code in settings else code
    return f"{owner_of(code)}_{name}" if name in taken | {*reader.given} else name


def _edits(
    source: Source, readers: Mapping[str, Reader], settings: Mapping[str, Setting]
) -> Iterator[tuple[int, int, str]]:
    inside: dict[int, tuple[Reader, str]] = {}
    for reader in readers.values():
        if reader.source.path != source.path:
            continue
        yield from _heads(reader, source)
        parts = [reader.node] if isinstance(reader.node, ast.FunctionDef) else reader.node.body
        for part in parts:
            owner = ""
            if isinstance(part, ast.FunctionDef) and part is not reader.function:
                owner = f"{part.args.args[0].arg}." if part.args.args else ""
            names = {owner_of(code) for code in reader.given.values()}
            for read, code in _read(part, names, settings):
                name = next((name for name, given in reader.given.items() if given == code), None)
                if name is not None and owner + name != code:
                    yield (*span(read, source), owner + name)
            inside |= {id(each): (reader, owner) for each in ast.walk(part)}
    functions = {name for name, each in readers.items() if isinstance(each.node, ast.FunctionDef)}
    called = {id(each.func) for each in ast.walk(source.tree) if isinstance(each, ast.Call)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in readers:
            told = _told(readers[node.func.id], inside.get(id(node)))
            last = span(node, source)[1] - 1
            before = source.text.encode()[:last].rstrip()
            comma = " " if before.endswith(b",") else ", " if node.args or node.keywords else ""
            yield len(before), len(before), comma + told
        elif isinstance(node, ast.Name) and node.id in functions and id(node) not in called:
            told = _told(readers[node.id], inside.get(id(node)))
            yield (*span(node, source), f"partial({node.id}, {told})")


def _told(reader: Reader, place: tuple[Reader, str] | None) -> str:
    """The arguments that are added to a call, as what they give is written at its place."""
    parts = []
    for name, code in reader.given.items():
        if place is not None:
            own = {given: each for each, given in place[0].given.items()}
            code = f"{place[1]}{own[code]}" if code in own else code
        parts.append(f"{name}={code}")
    return ", ".join(parts)


def _heads(reader: Reader, source: Source) -> Iterator[tuple[int, int, str]]:
    """The parameters in the head of a function, and the attributes that a class keeps of them."""
    function, names = reader.function, [*reader.given]
    taken = function.args
    positional = [*taken.posonlyargs, *taken.args]
    told = ", ".join(names)
    if taken.kwonlyargs or taken.vararg:
        last: ast.AST = [taken.vararg, *taken.kwonlyargs][-1] or taken.kwonlyargs[-1]
        defaults = [each for each in taken.kw_defaults if each is not None]
        end = max(span(each, source)[1] for each in [last, *defaults])
        yield end, end, f", {told}"
    elif positional:
        end = max(span(each, source)[1] for each in [positional[-1], *taken.defaults])
        yield end, end, f", *, {told}" if taken.defaults else f", {told}"
    else:
        start = source.starts[function.lineno - 1] + function.col_offset
        opening = source.text.encode().index(b"(", start) + 1
        yield opening, opening, told
    if isinstance(reader.node, ast.ClassDef):
        others = [each for each in reader.node.body if each is not function]
        kept = [name for name, code in reader.given.items() if any(_is_needed(each, code) for each in others)]
        place = _place_of_attributes(function)
        assert place is not None
        if kept:
            lines = [f"self.{name} = {name}" for name in kept]
            first, last_ = span(place[0], source)
            yield (
                (last_, last_, "".join(ADDED + each for each in lines))
                if place[1]
                else (
                    first,
                    first,
                    "".join(each + ADDED for each in lines),
                )
            )


def _is_needed(node: ast.AST, code: str) -> bool:
    """Whether a method reads something; all that it calls may need it too."""
    return code in ast.unparse(node) or any(isinstance(each, ast.Call) for each in ast.walk(node))
