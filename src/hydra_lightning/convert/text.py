"""Files, classes and methods as text."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hydra_lightning.convert.closures import closures_of
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, needed, used_in
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, made

IMPORTS = (ast.Import, ast.ImportFrom)


def with_helpers(
    program: Program, pieces: Iterable[Piece], without: Sequence[Piece] = ()
) -> tuple[list[str], list[str]]:
    """The functions and classes of the program that ``pieces`` use, and the imports that all of it needs.

    Args:
        without: of them, those that are written in another way.
    """
    pieces = [*pieces]
    left_out = {id(each.node) for each in without}
    ordered = [each for each in _used_by(program, pieces) if id(each.node) not in left_out]
    imports = [each.text(comments=False) for each in ordered if isinstance(each.node, IMPORTS)]
    scope = Scope({}, lambda name: name, edits=closures_of(program))
    helpers = [each for each in ordered if not isinstance(each.node, IMPORTS)]
    constants: list[Piece] = []
    while True:
        # Constants may be made by functions, and these may use constants.
        names = set().union(*(each.uses for each in [*pieces, *helpers]))
        found = needed(program.constant_pieces, names)
        if found == constants:
            break
        constants = found
        more = [each for each in _used_by(program, constants) if each not in ordered]
        more = [each for each in more if id(each.node) not in left_out]
        ordered += more
        imports += [each.text(comments=False) for each in more if isinstance(each.node, IMPORTS)]
        helpers += [each for each in more if not isinstance(each.node, IMPORTS)]
    # What trains by itself, before the Trainer does, moves its batches.
    alone = {id(each.node) for each in _used_by(program, program.flow.trained_before)}
    used = set().union(*(each.uses if id(each.node) in alone else used_in(each) for each in helpers))
    used &= {*program.devices}
    constants += [each for each in program.flow.setup if each.defines & used]
    moving = replace(scope, moves=True)
    program.keep(constants, "a constant of the module")
    # A constant comes after what it is made of, as in the program.
    parts: list[str] = []
    together = False
    for each in sorted([*helpers, *constants], key=_place):
        is_constant = each in constants
        if is_constant and together:
            parts[-1] += "\n" + scope.code(each)
        else:
            moves = bool(each.uses & used) or id(each.node) in alone
            parts.append((moving if moves else scope).code(each))
        together = is_constant
    return parts, imports


def with_flags(program: Program, parts: Sequence[str], imports: Sequence[str]) -> tuple[list[str], list[str]]:
    """The parts of a file and its imports, with what libraries are told before all of it."""
    flags = program.first_flags
    program.keep(flags, "the top of the modules")
    lines = "\n".join(Scope({}, lambda name: name).code(each) for each in flags)
    more = [each.text(comments=False) for each in _used_by(program, flags) if isinstance(each.node, IMPORTS)]
    return [lines, *parts] if flags else [*parts], [*imports, *more]


def helpers_of(program: Program, pieces: Iterable[Piece]) -> list[Piece]:
    """The functions and classes of the program that ``pieces`` use."""
    return [each for each in _used_by(program, pieces) if not isinstance(each.node, IMPORTS)]


def _used_by(program: Program, pieces: Iterable[Piece]) -> list[Piece]:
    waiting = [name for piece in pieces for name in piece.uses]
    taken: dict[int, Piece] = {}
    while waiting:
        piece = program.flow.definitions.get(waiting.pop())
        if piece is not None and id(piece.node) not in taken:
            taken[id(piece.node)] = piece
            waiting += piece.uses
    return sorted(taken.values(), key=_place)


def _place(piece: Piece) -> tuple[str, int]:
    return piece.source.path, piece.node.lineno


def class_text(name: str, base: str, told: str, methods: Sequence[str]) -> str:
    body = "\n\n".join(textwrap.indent(method, "    ") for method in methods)
    return f'class {name}({base}):\n    """{told}"""\n\n{body}'


def method_text(name: str, parameters: str, result: str, body: Sequence[str]) -> str:
    inside = "\n".join(textwrap.indent(code, "    ") for code in body) or "    pass"
    return f"def {name}(self{', ' if parameters else ''}{parameters}) -> {result}:\n{inside}"


def parameters_text(settings: Mapping[str, Setting]) -> str:
    return "".join(
        f", {name}: {'Any' if setting.value is None else type(setting.value).__name__} = {setting.value!r}"
        for name, setting in settings.items()
    )


def file_text(told: str, extra: Sequence[str], imports: Sequence[str], parts: Sequence[str]) -> str:
    """A file: docstring, the imports of the program that it needs, and the ``extra`` ones that they do not bring."""
    body = "\n\n\n".join(_short(part) for part in parts)
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    lines = [line for each in imports if (line := _trimmed(each, used))]
    bound = {name for line in lines for name in made(line).defines}
    extra = [*extra, "from functools import partial"]
    lines += [line for each in extra if not made(each).defines <= bound and (line := _trimmed(each, used))]
    groups = [sorted(group) for group in _grouped(dict.fromkeys(lines)) if group]
    return "\n".join(
        [f'"""{told}"""', "", "\n\n".join("\n".join(group) for group in groups), "", "", body, ""]
    )


def _trimmed(line: str, used: set[str]) -> str:
    """An import without the names that are not used; empty when none is left."""
    node = ast.parse(line).body[0]
    assert isinstance(node, (ast.Import, ast.ImportFrom))
    node.names = [each for each in node.names if (each.asname or each.name).partition(".")[0] in used]
    return ast.unparse(node) if node.names else ""


def _grouped(lines: Iterable[str]) -> tuple[list[str], list[str], list[str]]:
    """Imports of the future, of the standard library and of all others."""
    groups: tuple[list[str], list[str], list[str]] = ([], [], [])
    for line in lines:
        package = line.split()[1].partition(".")[0]
        groups[0 if package == "__future__" else 1 if package in sys.stdlib_module_names else 2].append(line)
    return groups


def _short(text: str) -> str:
    """Long signatures of methods, a parameter a line."""
    lines = []
    for line in text.splitlines():
        found = re.match(r"( *)def (\w+)\((.*)\) -> (.*):$", line)
        if len(line) > 110 and found:
            indent, name, parameters, result = found.groups()
            parts = re.split(r", (?=\w+(?::|$|,))", parameters)
            lines += [
                f"{indent}def {name}(",
                *(f"{indent}    {part}," for part in parts),
                f"{indent}) -> {result}:",
            ]
        else:
            lines.append(line)
    return "\n".join(lines)
