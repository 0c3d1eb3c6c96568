"""The settings of a program: options of its command line, and constants at its top."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape


@dataclass(frozen=True)
class Setting:
    """A value that is given a name.

    Attributes:
        code: how the program writes it, ``args.lr`` or ``LR``.
        name: of its key in a config.
        value: that it has in this run.
        help: what the program says of it.
        option: its flag, ``--lr``; empty for a constant.
        site: where it is.
    """

    code: str
    name: str
    value: Any
    help: str
    option: str
    site: str


def settings_of(flow: Flow, tape: Tape) -> dict[str, Setting]:
    """Every setting, by its code in the program."""
    found = {setting.code: setting for setting in _constants(flow)}
    aliases: list[tuple[Piece, str, ast.expr]] = []
    for piece in flow.setup:
        node = piece.node
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and not piece.source.path:
            # The parameter of a function that is put in place of its call.
            aliases.append((piece, node.targets[0].id, node.value))
    for parser in tape.arguments:
        holder = next((piece for piece in flow.setup if _parses(piece, parser["site"], flow)), None)
        if holder is None or not isinstance(holder.node, ast.Assign):
            continue
        name = holder.part(holder.node.targets[0])
        for option in parser["options"]:
            flag = max(option["flags"], key=len, default=option["name"])
            code = f"{name}.{option['name']}"
            found[code] = Setting(
                code, option["name"], option["value"], option["help"] or "", flag, holder.site
            )
    for piece, name, value in aliases:
        setting = setting_in(value, piece, found)
        if setting is not None and name not in found:
            found[name] = replace(setting, code=name, site=piece.site)
    return found


def _parses(piece: Piece, site: str, flow: Flow) -> bool:
    """Whether a piece parses the command line, by itself or by calling a function that does."""
    if piece.covers(site):
        return True
    value = piece.node.value if isinstance(piece.node, ast.Assign) else None
    called = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
    return called in flow.definitions and flow.definitions[called].covers(site)


def _constants(flow: Flow) -> Iterator[Setting]:
    """Names that are bound once, to a literal, in capitals or at the top of the program."""
    bound: dict[str, int] = {}
    for piece in flow.setup:
        for name in piece.defines:
            bound[name] = bound.get(name, 0) + 1
    used_by_helpers = set().union(*(each.uses for each in flow.helpers))
    later = [*pieces_in([*flow.before, *flow.after, *flow.end]), *flow.body]
    bound_later = set().union(*(piece.defines for piece in later))
    changed = set().union(*(piece.changes for piece in later))
    for piece in flow.setup:
        if isinstance(piece.node, ast.Assign) and len(piece.node.targets) == 1:
            for target, value in _pairs(piece.node.targets[0], piece.node.value):
                name = piece.names.get(target.id, target.id)
                if bound[name] != 1 or name in bound_later | used_by_helpers:
                    continue
                if isinstance(value, (list, dict)) and name in changed:
                    continue
                yield Setting(name, name.lower(), value, "", "", piece.site)
                for key, item in value.items() if isinstance(value, dict) else ():
                    if isinstance(key, str) and key.isidentifier():
                        yield Setting(f"{name}[{key!r}]", key, item, "", "", piece.site)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.Name, Any]]:
    if isinstance(target, ast.Name) and (literal := literal_of(value)) is not _NONE:
        yield target, literal
    elif (
        isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    ):
        for each, part in zip(target.elts, value.elts, strict=True):
            yield from _pairs(each, part)


_NONE = object()


def literal_of(node: ast.expr) -> Any:
    """The value of a literal; a marker that equals nothing where it is none."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return _NONE
    return list(value) if isinstance(value, tuple) else value


def is_literal(node: ast.expr) -> bool:
    return literal_of(node) is not _NONE


def setting_in(node: ast.AST, piece: Piece, settings: Mapping[str, Setting]) -> Setting | None:
    """The setting that an expression is."""
    if isinstance(node, ast.Name):
        return settings.get(piece.names.get(node.id, node.id))
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and isinstance(node.slice, ast.Constant)
    ):
        owner = piece.names.get(node.value.id, node.value.id)
        return settings.get(f"{owner}[{node.slice.value!r}]")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        owner = piece.names.get(node.value.id, node.value.id)
        return settings.get(f"{owner}.{node.attr}")
    return None
