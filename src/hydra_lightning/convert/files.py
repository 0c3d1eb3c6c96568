"""Settings that a program reads from a file: YAML or JSON."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra_lightning.convert.source import Piece

if TYPE_CHECKING:
    from hydra_lightning.convert.settings import Setting

READERS = ("safe_load", "full_load", "load", "unsafe_load", "loads")
OWNERS = ("yaml", "json", "OmegaConf", "omegaconf")
READ_FROM = re.compile("path|file|dir|folder|root|corpus")
WRITTEN_TO = re.compile("out|save|log|work|ckpt|checkpoint|result|export")
ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Entry:
    """A value of a file of settings.

    Attributes:
        path: its keys, from the outermost.
        help: the comment behind it.
    """

    path: tuple[str, ...]
    value: Any
    help: str


def located(settings: Mapping[str, Setting], folder: Path) -> dict[str, Setting]:
    """The settings, with the whole path of each file or folder that is beside the program: a project is elsewhere.

    Not of those that are called as what a program writes to.
    """

    def whole(setting: Setting) -> Setting:
        value = setting.value
        if not isinstance(value, str) or not value or WRITTEN_TO.search(setting.name):
            return setting
        is_path = "/" in value or Path(value).suffix or READ_FROM.search(setting.name)
        is_there = is_path and not Path(value).is_absolute() and (folder / value).exists()
        return replace(setting, value=str((folder / value).resolve())) if is_there else setting

    return {code: whole(setting) for code, setting in settings.items()}


def read_settings(
    piece: Piece, folder: Path, words: Sequence[str], definitions: Mapping[str, Piece]
) -> tuple[str, list[Entry]] | None:
    """The name that a statement gives what it reads from a file, and what is in that file.

    Args:
        piece: a statement; a function that it calls may do the reading.
        folder: of the program.
        words: of its command line, and values of its options; the file may be one of them.
        definitions: the functions of the program.
    """
    node = piece.node
    while isinstance(node, ast.With) and len(node.body) == 1:
        node = node.body[0]
    if (
        not isinstance(node, ast.Assign)
        or len(node.targets) != 1
        or not isinstance(node.targets[0], ast.Name)
    ):
        return None
    readers = _readers(node.value, definitions)
    if not readers:
        return None
    texts = [each.value for part in readers for each in ast.walk(part) if isinstance(each, ast.Constant)]
    texts += [each.value for each in ast.walk(piece.node) if isinstance(each, ast.Constant)]
    names = [*words, *(each for each in texts if isinstance(each, str))]
    files = [folder / each for each in names if each.endswith(ENDINGS) and (folder / each).is_file()]
    if not files:
        return None
    text = files[0].read_text(encoding="utf-8")
    values = json.loads(text) if files[0].suffix == ".json" else _yaml(text)
    if not isinstance(values, dict):
        return None
    name = node.targets[0].id
    comments = _comments(text)
    entries = [Entry(path, value, comments.get(path, "")) for path, value in _leaves(values, ())]
    return piece.names.get(name, name), entries


def _readers(node: ast.expr, definitions: Mapping[str, Piece]) -> list[ast.AST]:
    """The parts of an expression that read a file of settings: a call of a library, or the function that has one."""
    found: list[ast.AST] = []
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in definitions:
            function = definitions[call.func.id].node
            if isinstance(function, ast.FunctionDef) and any(_reads(each) for each in ast.walk(function)):
                found.append(function)
        elif _reads(call):
            found.append(call)
    return found


def _reads(node: ast.AST) -> bool:
    """``yaml.safe_load(...)``"""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READERS
        and ast.unparse(node.func.value) in OWNERS
    )


def _yaml(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def _leaves(values: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if not isinstance(key, str) or not key.isidentifier():
            continue
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _comments(text: str) -> dict[tuple[str, ...], str]:
    """The comment behind each key of a YAML file."""
    found: dict[tuple[str, ...], str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        match = re.match(r"( *)(\w+):(.*)$", line)
        if match is None:
            continue
        indent, key, rest = len(match[1]), match[2], match[3]
        above = [each for each in above if each[0] < indent]
        comment = re.search(r"(?:^|\s)#\s*(.*)$", rest)
        above.append((indent, key))
        if comment is not None:
            found[tuple(name for _, name in above)] = comment[1].strip()
    return found
