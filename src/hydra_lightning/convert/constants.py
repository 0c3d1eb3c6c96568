"""Tables, word lists and lookups that a program makes of itself alone: they stay constants of a module."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping, Sequence

from hydra_lightning.convert.devices import devices_of
from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.rewrite import draws, is_only_a_move
from hydra_lightning.convert.settings import owner_of
from hydra_lightning.convert.source import Piece, root_of

IMPORTS = (ast.Import, ast.ImportFrom)
# Calls that give the same whenever they are made, and cost nothing.
PLAIN = (
    *("math.", "collections.", "re.compile", "logging.getLogger", "string.", "itertools.", "functools."),
    "torch.cuda.is_available",
)
NUMBERS = ("array", "arange", "linspace", "zeros", "ones", "eye", "tensor", "full")
NOT_PLAIN = frozenset(
    ("open", "input", "print", "exec", "eval", "globals", "vars", "__import__", "iter", "next")
)


def constants_of(flow: Flow, settings: Iterable[str]) -> dict[str, tuple[Piece, ...]]:
    """What the program makes of literals, of its own functions and of other constants, and never changes, by name.

    One may be made in several statements: ``words = text.split()``, ``words = sorted(words)``.

    Args:
        settings: the code of each setting; what is made of one is no constant.
    """
    later = pieces_in([*flow.before, *flow.after, *flow.end])
    changed = set().union(*(each.defines | each.changes for each in [*later, *flow.body]))
    owners = {owner_of(code) for code in settings}
    found: dict[str, tuple[Piece, ...]] = {}
    devices = {*devices_of(flow.setup)}
    for piece in flow.setup:
        if is_only_a_move(piece) or piece.defines & devices:
            continue
        if isinstance(piece.node, (ast.Assign, ast.AnnAssign)) and _is_plain(
            piece, found, flow.definitions, owners
        ):
            for name in piece.defines - changed - owners:
                before = found.get(name, ()) if name in piece.uses else ()
                found[name] = (*before, piece)
        else:
            made = piece.defines | piece.changes
            found = {name: each for name, each in found.items() if name not in made}
    return _of_one_value(found, flow.setup)


def _of_one_value(
    found: Mapping[str, tuple[Piece, ...]], setup: Sequence[Piece]
) -> dict[str, tuple[Piece, ...]]:
    """Those that had no other value before: what is made between may be made of that one."""
    made = {name for piece in setup for name in piece.defines}
    left = {
        name: pieces
        for name, pieces in found.items()
        if all(each in pieces for each in setup if name in each.defines)
        and all(each.uses & made <= {*found} for each in pieces)
    }
    return left if len(left) == len(found) else _of_one_value(left, setup)


def _is_plain(piece: Piece, found: Iterable[str], definitions: Mapping[str, Piece], owners: set[str]) -> bool:
    if piece.uses & owners or not piece.uses <= {*found, *definitions}:
        return False
    if any(
        isinstance(each, ast.Attribute) and each.attr in ("environ", "argv") for each in ast.walk(piece.node)
    ):
        return False
    inner = {
        name.id
        for each in ast.walk(piece.node)
        if isinstance(each, ast.comprehension)
        for name in ast.walk(each.target)
        if isinstance(name, ast.Name)
    }
    calls = [each for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
    return all(_is_plain_call(call, {*found, *inner}, definitions) for call in calls)


def _is_plain_call(call: ast.Call, known: set[str], definitions: Mapping[str, Piece]) -> bool:
    root = root_of(call.func)
    if not isinstance(root, ast.Name):
        return isinstance(root, (ast.Constant, ast.Call))
    definition = definitions.get(root.id)
    if definition is None:
        if isinstance(call.func, ast.Name):
            return hasattr(builtins, root.id) and root.id not in NOT_PLAIN
        return root.id in known
    if isinstance(definition.node, (ast.FunctionDef, ast.ClassDef)):
        return isinstance(call.func, ast.Name) and _is_plain_definition(definition, definitions)
    path = ast.unparse(call.func)
    if isinstance(definition.node, ast.ImportFrom):
        path = f"{definition.node.module}.{path}"
    is_number = root.id in ("torch", "np", "numpy") and path.rpartition(".")[2] in NUMBERS
    return is_number or path.startswith(PLAIN)


def _is_plain_definition(
    definition: Piece, definitions: Mapping[str, Piece], seen: frozenset[str] = frozenset()
) -> bool:
    node = definition.node
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    if draws(definition) or any("Module" in ast.unparse(each) for each in bases):
        return False
    calls = [ast.unparse(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)]
    called = {each.rpartition(".")[2] for each in calls}
    seen |= definition.defines
    roots = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    others = [definitions[name] for name in definition.uses - seen if name in definitions]
    imported = {name for each in others if isinstance(each.node, IMPORTS) for name in each.defines}
    from_elsewhere = [
        each for each in roots if isinstance(root := root_of(each), ast.Name) and root.id in imported
    ]
    if not all(_is_plain_call(ast.Call(each, [], []), set(), definitions) for each in from_elsewhere):
        return False
    functions = [each for each in others if isinstance(each.node, (ast.FunctionDef, ast.ClassDef))]
    return (
        not called & NOT_PLAIN
        and not any(each.startswith(("read", "load", "fetch", "download")) for each in called)
        and all(_is_plain_definition(each, definitions, seen) for each in functions)
    )
