"""The settings of a program: options of its command line, and constants at its top."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra_lightning.convert.files import Entry, read_settings
from hydra_lightning.convert.flow import Block, Flow, pieces_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape

RESOLVERS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
}


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


def owner_of(code: str) -> str:
    """The name that the code of a setting begins with: ``args`` of ``args.lr``, ``CFG`` of ``CFG["lr"]``."""
    return re.split(r"[.\[]", code, maxsplit=1)[0]


@dataclass(frozen=True)
class Computed:
    """The value that an argument had when it was recorded, and the code that computes it from the data."""

    value: Any
    code: str


def settings_of(flow: Flow, tape: Tape, folder: Path) -> dict[str, Setting]:
    """Every setting, by its code in the program.

    Args:
        folder: of the program, where it reads files of settings.
    """
    found = {setting.code: setting for setting in [*_constants(flow), *_typed(flow, tape.command)]}
    aliases: list[tuple[Piece, str, ast.expr]] = []
    later = [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after), *pieces_in(flow.end)]
    for piece in [*flow.setup, *later]:
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
    for piece in flow.setup:
        made = piece.node.value if isinstance(piece.node, ast.Assign) else None
        if isinstance(piece.node, ast.Assign) and isinstance(made, ast.Call):
            owner = piece.part(piece.node.targets[0])
            given = {each.arg: each.value for each in made.keywords if each.arg}
            for path, field in _fields(ast.unparse(made.func), given, flow):
                code = f"{owner}.{path}"
                found.setdefault(code, Setting(code, path.rpartition(".")[2], field, "", "", piece.site))
    found |= {setting.code: setting for setting in _of_files(flow, tape, folder, found)}
    found |= _other_names(flow, found)
    everything = [*flow.setup, *later]
    for piece, name, value in aliases:
        setting = setting_in(value, piece, found)
        same = [each for each in aliases if each[1] == name]
        other = [each for each in everything if name in each.defines and each.source.path]
        is_one = all(each[0].part(each[2]) == piece.part(value) for each in same) and not other
        if setting is not None and name not in found and (is_one or piece in flow.setup):
            found[name] = replace(setting, code=name)
    return found


def drop_aliases(flow: Flow, settings: Mapping[str, Setting]) -> None:
    """Take away what gives the parameter of a function the value of a setting: it is written where it is read."""

    def is_alias(node: Piece | Block) -> bool:
        if not isinstance(node, Piece) or node.source.path or not isinstance(node.node, ast.Assign):
            return False
        value = setting_in(node.node.value, node, settings)
        own = [settings[name] for name in node.defines if name in settings]
        return value is not None and len(own) == len(node.defines) == 1 and own[0].name == value.name

    def drop(nodes: list[Piece | Block]) -> list[Piece | Block]:
        for node in nodes:
            if isinstance(node, Block):
                node.inside = drop(node.inside)
        return [node for node in nodes if not is_alias(node)]

    flow.setup = [each for each in flow.setup if not is_alias(each)]
    flow.body = [each for each in flow.body if not is_alias(each)]
    flow.before, flow.after, flow.end = drop(flow.before), drop(flow.after), drop(flow.end)


def _of_files(flow: Flow, tape: Tape, folder: Path, settings: Mapping[str, Setting]) -> Iterator[Setting]:
    """What is read from YAML and JSON, as items and as attributes."""
    read: dict[str, list[Entry]] = {}
    texts = {code: each.value for code, each in settings.items() if isinstance(each.value, str)}
    options = [option["value"] for parser in tape.arguments for option in parser["options"]]
    for piece in flow.setup:
        given = [texts[name] for name in sorted(piece.uses) if name in texts]
        words = [*given, *tape.command[1:], *(each for each in options if isinstance(each, str))]
        found = read_settings(piece, folder, words, flow.definitions)
        if found is None:
            # It may be opened elsewhere: with open(path) as file: train(yaml.safe_load(file))
            found = read_settings(piece, folder, [*texts.values()], flow.definitions)
        owners = [name for name in sorted(piece.uses) if name in read]
        if found is not None:
            name, read[found[0]] = found
        elif len(owners) == 1 and isinstance(piece.node, ast.Assign) and _wraps(piece.node, piece, owners[0]):
            # cfg = SimpleNamespace(**cfg)
            (name,) = piece.defines
            read[name] = read[owners[0]]
        else:
            continue
        leaves = [each.path[-1] for each in read[name]]
        for each in read[name]:
            own = each.path[-1] if leaves.count(each.path[-1]) == 1 else "_".join(each.path[-2:])
            items = "".join(f"[{key!r}]" for key in each.path)
            for code in (f"{name}.{'.'.join(each.path)}", f"{name}{items}"):
                yield Setting(code, own, each.value, each.help, "", piece.site)


def _wraps(node: ast.Assign, piece: Piece, owner: str) -> bool:
    """Whether a statement makes another object of the same settings."""
    call = node.value
    if not isinstance(call, ast.Call) or len(call.args) + len(call.keywords) != 1 or len(piece.defines) != 1:
        return False
    given = call.args[0] if call.args else call.keywords[0].value
    starred = bool(call.keywords) and call.keywords[0].arg is None
    return (
        isinstance(given, ast.Name)
        and piece.names.get(given.id, given.id) == owner
        and (starred or bool(call.args))
    )


def _bound_once(flow: Flow) -> Iterator[tuple[Piece, str, ast.expr]]:
    """Statements before training that give a name its only value: where, the name, and the value."""
    later = [*pieces_in([*flow.before, *flow.after, *flow.end]), *flow.body]
    bound = [name for piece in [*flow.setup, *later] for name in piece.defines]
    for piece in flow.setup:
        node = piece.node
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and len(piece.defines) == 1:
            (name,) = piece.defines
            if bound.count(name) == 1:
                yield piece, name, node.value


def _typed(flow: Flow, command: Sequence[str]) -> Iterator[Setting]:
    """Names that are given a word of the command line: ``BOOK = sys.argv[1]``, ``n = int(sys.argv[2])``."""
    for piece, name, value in _bound_once(flow):
        kind: type[int] | type[float] | type[str] = str
        if isinstance(value, ast.IfExp) and "len(sys.argv)" in ast.unparse(value.test):
            branches = (value.body, value.orelse)
            given = next((each for each in branches if _word(each, command)), None)
            default = next((each for each in branches if is_literal(each)), None)
            if given is None and default is not None:
                yield Setting(name, name.lower(), literal_of(default), "", "", piece.site)
            value = given or value.orelse
        if (
            isinstance(value, ast.Call)
            and ast.unparse(value.func) in ("int", "float")
            and len(value.args) == 1
        ):
            kind, value = (int if ast.unparse(value.func) == "int" else float), value.args[0]
        word = _word(value, command)
        if word and isinstance(value, ast.Call):
            # Path(sys.argv[1]) is made anew of the word.
            (code,) = {ast.unparse(each) for each in ast.walk(value) if _word_of(each, command)}
            yield Setting(code, name.lower(), word, "", code, "")
        elif word:
            yield Setting(name, name.lower(), kind(word), "", ast.unparse(value), piece.site)


def _word(node: ast.expr, command: Sequence[str]) -> str:
    """The word that ``sys.argv[1]`` is in an expression; empty where it is none."""
    return next((word for each in ast.walk(node) if (word := _word_of(each, command))), "")


def _word_of(node: ast.AST, command: Sequence[str]) -> str:
    if not isinstance(node, ast.Subscript) or ast.unparse(node.value) != "sys.argv":
        return ""
    place = node.slice.value if isinstance(node.slice, ast.Constant) else 0
    return command[place] if isinstance(place, int) and 0 < place < len(command) else ""


def _other_names(flow: Flow, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Names that are given settings and nothing else: ``lr = config["lr"]``, ``epochs = int(args.epochs)``, and
    ``net = config["net"]``, whose items are settings."""
    used_by_helpers = set().union(*(each.uses for each in flow.helpers))
    found = {}
    for piece, name, value in _bound_once(flow):
        if not piece.source.path or name in used_by_helpers:
            continue
        kind = ""
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and len(value.args) == 1:
            kind, value = value.func.id, value.args[0]
        setting = setting_in(value, piece, settings)
        if setting is not None and kind in ("", type(setting.value).__name__):
            found[name] = replace(setting, site=piece.site)
        owner = None if kind else _code_of(value, piece)
        for code, inner in settings.items() if owner else ():
            if owner != name and code.startswith((f"{owner}.", f"{owner}[")):
                found[name + code.removeprefix(str(owner))] = replace(inner, site=piece.site)
    return found


def _fields(cls: str, given: Mapping[str, ast.expr], flow: Flow) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass of the program that have a literal, those of dataclasses in it by ``inner.field``.

    A class that has nothing but values, and ``SimpleNamespace``, are such classes, too.
    """
    if cls.rpartition(".")[2] == "SimpleNamespace":
        yield from ((name, literal_of(value)) for name, value in given.items() if is_literal(value))
    definition = flow.definitions.get(cls)
    node = definition.node if definition is not None else None
    if not isinstance(node, ast.ClassDef) or not (
        any("dataclass" in ast.unparse(each) for each in node.decorator_list) or _only_has_values(node)
    ):
        return
    for each in node.body:
        target = each.targets[0] if isinstance(each, ast.Assign) else getattr(each, "target", None)
        if not isinstance(each, (ast.Assign, ast.AnnAssign)) or not isinstance(target, ast.Name):
            continue
        value = given.get(target.id, each.value)
        if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
            told = {key.arg: key.value for key in value.keywords}
            value = told.get("default", told.get("default_factory"))
            if isinstance(value, ast.Lambda):
                value = value.body
        inner = value.func if isinstance(value, ast.Call) else value
        if value is not None and is_literal(value):
            yield target.id, literal_of(value)
        elif isinstance(inner, ast.Name):
            keywords = value.keywords if isinstance(value, ast.Call) else []
            named = {key.arg: key.value for key in keywords if key.arg}
            for path, found in _fields(inner.id, named, flow):
                yield f"{target.id}.{path}", found


def _only_has_values(node: ast.ClassDef) -> bool:
    return not node.bases and all(
        isinstance(each, (ast.Assign, ast.AnnAssign))
        or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
        for each in node.body
    )


def _parses(piece: Piece, site: str, flow: Flow) -> bool:
    """Whether a piece parses the command line, by itself or by calling a function that does."""
    if piece.covers(site):
        return True
    value = piece.node.value if isinstance(piece.node, ast.Assign) else None
    called = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
    if called in flow.definitions:
        return flow.definitions[called].covers(site)
    # The argument of a function that is put in place of its call: main(parser().parse_args()).
    return not piece.source.path and isinstance(value, ast.Call) and "parse_args" in ast.unparse(value.func)


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
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "dict" and not value.args:
        value = ast.Dict(
            [ast.Constant(each.arg) for each in value.keywords], [e.value for e in value.keywords]
        )
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
    code = _code_of(node, piece) if isinstance(node, ast.expr) else None
    return None if code is None else settings.get(code)


def _code_of(node: ast.expr, piece: Piece) -> str | None:
    """``args.lr`` or ``config['lr']``, by the names where the piece goes."""
    if isinstance(node, ast.Name):
        return piece.names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = _code_of(node.value, piece)
        return None if owner is None else f"{owner}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner = _code_of(node.value, piece)
        return None if owner is None else f"{owner}[{node.slice.value!r}]"
    return None
