"""Files, classes and methods as text."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, made


def with_helpers(program: Program, pieces: Iterable[Piece]) -> tuple[list[str], list[str]]:
    """The functions and classes of the program that ``pieces`` use, and the imports that all of it needs."""
    waiting = [name for piece in pieces for name in piece.uses]
    taken: dict[int, Piece] = {}
    while waiting:
        piece = program.flow.definitions.get(waiting.pop())
        if piece is not None and id(piece.node) not in taken:
            taken[id(piece.node)] = piece
            waiting += piece.uses
    ordered = sorted(taken.values(), key=lambda each: (each.source.path, each.node.lineno))
    imports = [
        each.text(comments=False) for each in ordered if isinstance(each.node, (ast.Import, ast.ImportFrom))
    ]
    scope = Scope({}, lambda name: name)
    return [
        scope.code(each) for each in ordered if not isinstance(each.node, (ast.Import, ast.ImportFrom))
    ], imports


def class_text(name: str, base: str, told: str, methods: Sequence[str]) -> str:
    body = "\n\n".join(textwrap.indent(method, "    ") for method in methods)
    return f'class {name}({base}):\n    """{told}"""\n\n{body}'


def method_text(name: str, parameters: str, result: str, body: Sequence[str]) -> str:
    inside = "\n".join(textwrap.indent(code, "    ") for code in body) or "    pass"
    return f"def {name}(self{', ' if parameters else ''}{parameters}) -> {result}:\n{inside}"


def parameters_text(settings: Mapping[str, Setting]) -> str:
    return "".join(
        f", {name}: {type(setting.value).__name__} = {setting.value!r}" for name, setting in settings.items()
    )


def file_text(told: str, extra: Sequence[str], imports: Sequence[str], parts: Sequence[str]) -> str:
    """A file: its docstring, the imports of the program and those ``extra`` ones that they do not bring."""
    bound = {name for line in imports for name in made(line).defines}
    more = [line for line in extra if not made(line).defines <= bound]
    lines = sorted(dict.fromkeys([*more, *imports]), key=lambda line: (not line.startswith("import"), line))
    return "\n".join([f'"""{told}"""', "", *lines, "", "", "\n\n\n".join(_short(part) for part in parts), ""])


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
