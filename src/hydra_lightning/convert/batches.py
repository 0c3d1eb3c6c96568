"""Where the batches of a loop come from."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_lightning.convert.edits import again, edited, specialised
from hydra_lightning.convert.flow import Block, Flow
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import draws
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape

WRAPPERS = ("enumerate", "tqdm", "iter", "track")


@dataclass
class Loader:
    """Where the batches of a loop come from.

    Attributes:
        name: the variable, or None for a loader that is made in the head of the loop.
        made: the piece and the ``DataLoader(...)`` call in it; None when a function of the program makes it.
        target: the code of what a batch is unpacked into.
        index: the name of the counter, where there is one.
        first: the code of its first value, where that is not 0.
        is_generated: whether a function of the program yields the batches, or a class that goes on after the last.
        is_listed: whether they are a list.
        is_late: whether a step asks for its batch itself, as random numbers are drawn for it.
    """

    name: str | None
    made: tuple[Piece, ast.Call] | None
    target: str
    index: str | None
    first: str = ""
    is_generated: bool = False
    is_listed: bool = False
    is_late: bool = False


def loader_of(flow: Flow, head: Piece, setup: Sequence[Piece], before: Sequence[Piece | Block]) -> Loader:
    node = head.node
    if not isinstance(node, ast.For):
        raise Refused("while-batches", head.site, "the loop over batches is a while loop.")
    iterated, target, index = node.iter, node.target, None
    alias: str | None = None
    wrapped = {
        name: piece.node.value
        for piece in itertools.takewhile(
            lambda each: isinstance(each, Piece) or each.head is not head, before
        )
        if isinstance(piece, Piece)
        and isinstance(piece.node, ast.Assign)
        and (_is_wrapper(piece.node.value) or isinstance(piece.node.value, (ast.Name, ast.Subscript)))
        for name in piece.defines
    }
    while True:
        if isinstance(iterated, ast.Name):
            alias = head.names.get(iterated.id, iterated.id)
            iterated = wrapped.get(alias, iterated)
        if not isinstance(iterated, ast.Call) or not _is_wrapper(iterated):
            break
        if called(iterated) == "enumerate":
            if not isinstance(target, ast.Tuple) or not isinstance(target.elts[0], ast.Name):
                raise Refused("enumerate", head.site, "enumerate is not unpacked into a counter and a batch.")
            index, target = target.elts[0].id, target.elts[1]
        iterated = iterated.args[0]
    code = head.part(target)
    if isinstance(target, ast.Tuple) and target.elts[0].col_offset > target.col_offset:
        code = code[1:-1].strip()
    first = _first_count(head)
    if isinstance(iterated, ast.Name):
        name = head.names.get(iterated.id, iterated.id)
        made = assigned(setup, name)
        if made is None:
            raise Refused("loader", head.site, f"{name} is not made before the loop over epochs.")
        is_one = isinstance(made.node, ast.Assign) and isinstance(made.node.targets[0], ast.Name)
        value = made.node.value if isinstance(made.node, ast.Assign) and is_one else None
        plain = isinstance(value, ast.Call) and called(value) == "DataLoader"
        return Loader(
            name,
            (made, value) if plain and isinstance(value, ast.Call) else None,
            code,
            index,
            first,
            is_generated=_goes_on(value, flow),
            is_listed=_is_list(value, flow),
        )
    if isinstance(iterated, ast.Subscript) and (item := _item(iterated, head, setup)) is not None:
        return Loader(alias, item, code, index, first)
    if isinstance(iterated, ast.Call) and called(iterated) in ("DataLoader", "range"):
        return Loader(None, (head, iterated), code, index, first)
    if isinstance(iterated, ast.Call) and (called(iterated) == "zip" or _yields(iterated, flow)):
        return Loader(None, (head, iterated), code, index, first, is_generated=True)
    raise Refused("no-loader", head.site, "the batches do not come from a DataLoader.")


def _first_count(head: Piece) -> str:
    """``1`` of ``enumerate(loader, 1)``; empty for 0."""
    for call in ast.walk(head.node.iter) if isinstance(head.node, ast.For) else ():
        if isinstance(call, ast.Call) and called(call) == "enumerate":
            given = [*call.args[1:], *(each.value for each in call.keywords)]
            return head.part(given[0]) if given and ast.unparse(given[0]) != "0" else ""
    return ""


def iterated_by(head: Piece, setup: Sequence[Piece]) -> tuple[Piece, ast.expr]:
    """What a loop goes over, without progress bars, and where it is made."""
    assert isinstance(head.node, ast.For)
    piece, iterated = head, head.node.iter
    while True:
        if isinstance(iterated, ast.Call) and called(iterated) in ("tqdm", "track") and iterated.args:
            iterated = iterated.args[0]
        elif isinstance(iterated, ast.Name):
            made = assigned(setup, piece.names.get(iterated.id, iterated.id))
            if made is None or not isinstance(made.node, ast.Assign):
                return piece, iterated
            piece, iterated = made, made.node.value
        else:
            return piece, iterated


def _item(node: ast.Subscript, head: Piece, setup: Sequence[Piece]) -> tuple[Piece, ast.Call] | None:
    """Where ``loaders["train"]`` is made: in a dict, one by one or by a comprehension."""
    if not isinstance(node.value, ast.Name) or not isinstance(node.slice, ast.Constant):
        return None
    piece = assigned(setup, head.names.get(node.value.id, node.value.id))
    if piece is None or not isinstance(piece.node, ast.Assign):
        return None
    value = piece.node.value
    if isinstance(value, ast.DictComp):
        piece = _turn(piece, value, node.slice.value)
        value = piece.node.value if isinstance(piece.node, ast.Assign) else value
        made = value.value if isinstance(value, ast.DictComp) else value
    elif isinstance(value, ast.Dict):
        keys = [each.value if isinstance(each, ast.Constant) else None for each in value.keys]
        if node.slice.value not in keys:
            return None
        made = value.values[keys.index(node.slice.value)]
    else:
        return None
    is_loader = isinstance(made, ast.Call) and called(made) == "DataLoader"
    return (piece, made) if is_loader and isinstance(made, ast.Call) else None


def _turn(piece: Piece, loop: ast.DictComp, key: object) -> Piece:
    """A statement as it is for one key of a comprehension in it, over names or over the items of a dict."""
    target, over = loop.generators[0].target, loop.generators[0].iter
    statement, source = piece.node, piece.source
    name = target
    if (
        isinstance(target, ast.Tuple)
        and len(target.elts) == 2
        and isinstance(over, ast.Call)
        and isinstance(over.func, ast.Attribute)
        and over.func.attr == "items"
    ):
        name, item = target.elts
        read = [each for each in ast.walk(loop.value) if isinstance(each, ast.Name)]
        text = f"{ast.unparse(over.func.value)}[{key!r}]"
        source = edited(source, [(*piece.span(each), text) for each in read if each.id == ast.unparse(item)])
        statement = again(statement, source)
    known = {name.id: key} if isinstance(name, ast.Name) else {}
    statement, source = specialised(source, statement, known)
    return Piece(statement, source, piece.names)


def starts(piece: Piece) -> bool:
    """``batches = iter(loader)``, ``batches = itertools.cycle(loader)``"""
    call = piece.node.value if isinstance(piece.node, ast.Assign) else None
    return isinstance(call, ast.Call) and called(call) in ("iter", "cycle")


def _yields(call: ast.Call, flow: Flow) -> bool:
    """Whether a function of the program is called that yields batches."""
    definition = flow.definitions.get(ast.unparse(call.func))
    return definition is not None and _has_yield(definition.node)


def _goes_on(made: ast.expr | None, flow: Flow) -> bool:
    """Whether an object of the program, or the data set of a loader, does something after what it yields last."""
    if not isinstance(made, ast.Call):
        return False
    if called(made) == "DataLoader":
        data = made.args[0] if made.args else None
        made_of = assigned(flow.setup, data.id) if isinstance(data, ast.Name) else None
        inner = made_of.node.value if made_of is not None and isinstance(made_of.node, ast.Assign) else data
        # Without a length it is asked until it ends.
        return _goes_on(inner, flow) and "__len__" in _methods(inner, flow)
    iterator = _methods(made, flow).get("__iter__")
    return iterator is not None and _has_yield(iterator) and not _has_yield(iterator.body[-1])


def _methods(made: ast.expr | None, flow: Flow) -> dict[str, ast.FunctionDef]:
    """The methods of the class of the program whose object is made."""
    definition = flow.definitions.get(ast.unparse(made.func)) if isinstance(made, ast.Call) else None
    body = (
        definition.node.body if definition is not None and isinstance(definition.node, ast.ClassDef) else []
    )
    return {each.name: each for each in body if isinstance(each, ast.FunctionDef)}


def _has_yield(node: ast.AST) -> bool:
    return any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in ast.walk(node))


def _is_list(made: ast.expr | None, flow: Flow) -> bool:
    """Whether an expression is a list, as far as its words and those of the function that it calls tell."""
    if not isinstance(made, ast.Call):
        return isinstance(made, (ast.List, ast.Tuple, ast.ListComp))
    if ast.unparse(made.func) in ("list", "tuple", "sorted"):
        return True
    definition = flow.definitions.get(ast.unparse(made.func))
    if definition is None or not isinstance(definition.node, ast.FunctionDef):
        return False
    last = definition.node.body[-1]
    given = last.value if isinstance(last, ast.Return) else None
    for each in reversed(definition.node.body):
        if isinstance(given, ast.Name) and isinstance(each, ast.Assign):
            (target, *_) = each.targets
            given = each.value if isinstance(target, ast.Name) and target.id == given.id else given
    return _is_list(given, flow)


def _is_wrapper(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and called(node) in WRAPPERS and bool(node.args)


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def assigned(pieces: Sequence[Piece], name: str) -> Piece | None:
    """The piece that makes the object of that name, not one that moves it to a device."""
    found = [piece for piece in pieces if name in piece.defines and isinstance(piece.node, ast.Assign)]
    made = [piece for piece in found if name not in piece.uses]
    return made[-1] if made else None


def is_drawn_late(loader: Loader, flow: Flow, tape: Tape) -> bool:
    """Whether random numbers are drawn for each batch, and Lightning would fetch one ahead, as there is no length."""
    if loader.is_generated and isinstance(flow.batches.node, ast.For):
        given = Piece(ast.Expr(flow.batches.node.iter), flow.batches.source, flow.batches.names)
        return any(draws(each) for each in [given, *_functions(flow.batches, flow)])
    iterated = [each.about for each in tape.events if each.kind == "iter" and flow.batches.covers(each.site)]
    facts = [tape.objects[name] for name in iterated]
    return any(each.get("draws") and not each.get("sized", True) for each in facts)


def _functions(head: Piece, flow: Flow) -> list[Piece]:
    """The functions and classes that yield the batches, and those that they use."""
    assert isinstance(head.node, ast.For)
    waiting = sorted(Piece(ast.Expr(head.node.iter), head.source, head.names).uses)
    found: dict[str, Piece | None] = {}
    while waiting:
        name = waiting.pop()
        definition = flow.definitions.get(name) or _maker(name, flow)
        if name not in found and definition is not None:
            is_import = isinstance(definition.node, (ast.Import, ast.ImportFrom))
            waiting += [] if is_import else definition.uses
            found[name] = flow.definitions.get(name) if not is_import else None
    return [each for each in found.values() if each is not None]


def _maker(name: str, flow: Flow) -> Piece | None:
    """Where an object of a class of the program, or a loader, is made."""
    made = assigned(flow.setup, name)
    value = made.node.value if made is not None and isinstance(made.node, ast.Assign) else None
    is_known = isinstance(value, ast.Call) and (called(value) == "DataLoader" or _methods(value, flow))
    return made if is_known else None
