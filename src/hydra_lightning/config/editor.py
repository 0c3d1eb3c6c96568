"""Points editors at the schemas: ``.vscode/settings.json``, or a line in each config file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hydra_lightning.errors import ConfigError

SCHEMAS = "yaml.schemas"
# Hydra reads YAML 1.1 too: yes is true, 5_000 a number.
VERSION = "yaml.yamlVersion"
MODELINE = "# yaml-language-server: $schema="
TOKEN = re.compile(
    r'\s+|//[^\n]*|/\*.*?\*/|(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[{}\[\],:])|(?P<word>[^\s,\[\]{}:"/]+)',
    re.S,
)


@dataclass(frozen=True)
class _Member:
    """A key of an object in a text, from its quote to the end of its value."""

    key: str
    start: int
    value: int
    end: int


def with_schemas(text: str, schemas: Mapping[str, list[str]], ours: str) -> str:
    """The text of a ``settings.json`` with ``schemas`` in ``yaml.schemas``; all else stays as it is, comments too.

    Args:
        text: JSON with comments and trailing commas, as VS Code has it; may be empty.
        schemas: the globs of the files of each schema.
        ours: what the names of our schemas begin with; those in the text that do are replaced.

    Raises:
        ConfigError: the text is not such JSON, or ``yaml.schemas`` is no object.
    """
    text = text if text.strip() else "{}\n"
    before = parsed(text)
    settings = {member.key: member for member in _members(text, 0)}
    if VERSION not in settings:
        text = _append(text, 0, {VERSION: "1.1"})
    if SCHEMAS not in settings:
        text = _append(text, 0, {SCHEMAS: {}})
    if not isinstance(before.get(SCHEMAS, {}), dict):
        raise ConfigError(f'"{SCHEMAS}" is not an object of schemas and files.')
    while old := next((each for each in _members(text, _start(text)) if each.key.startswith(ours)), None):
        text = _without(text, old)
    text = _append(text, _start(text), schemas)
    kept = {key: value for key, value in before.get(SCHEMAS, {}).items() if not key.startswith(ours)}
    wanted = {VERSION: "1.1"} | before | {SCHEMAS: kept | dict(schemas)}
    if parsed(text) != wanted:
        raise ConfigError("its form is not one that schemas can be added to.")
    return text


def with_modeline(text: str, schema: str) -> str:
    """A config file's text with the comment that names its schema: in place of one that is there, else at the top.

    Hydra reads ``# @package`` only where no other comment stands before it.
    """
    line = f"{MODELINE}{schema}\n"
    if MODELINE in text:
        return re.sub(re.escape(MODELINE) + r"[^\n]*\n?", lambda _: line, text, count=1)
    header = re.match(r"(?:\s*#\s*@[^\n]*\n)*", text)
    end = header.end() if header else 0
    return text[:end] + line + text[end:]


def parsed(text: str) -> dict[str, Any]:
    """The object that JSON with comments and trailing commas stands for.

    Raises:
        ConfigError: it is none; says where.
    """
    tokens = [token[0] for token in _tokens(text)]
    kept = [
        each
        for index, each in enumerate(tokens)
        if each != "," or tokens[index + 1 : index + 2] not in (["}"], ["]"])
    ]
    try:
        value = json.loads(" ".join(kept))
    except json.JSONDecodeError as error:
        raise ConfigError(f"this is not JSON: {error.msg}.") from error
    if not isinstance(value, dict):
        raise ConfigError("this is JSON, but not an object {...}.")
    return value


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(text):
        token = TOKEN.match(text, position)
        if token is None:
            raise ConfigError(f"this is not JSON: line {text.count(chr(10), 0, position) + 1}.")
        if token.lastgroup:
            yield token
        position = token.end()


def _members(text: str, start: int) -> list[_Member]:
    """The members of the object that begins at or after ``start``, in a text that ``parsed`` takes."""
    found: list[_Member] = []
    depth, key, value = 0, None, None
    for token in _tokens(text):
        if token.start() < start:
            continue
        mark = token["mark"]
        if depth == 1 and key is None and token["string"]:
            key = token
        elif depth == 1 and key is not None and mark != ":":
            value = value if value is not None else token.start()
        if mark in ("{", "["):
            depth += 1
        elif mark in ("}", "]"):
            depth -= 1
        if key is not None and value is not None and depth == 1:
            found.append(_Member(json.loads(key[0]), key.start(), value, token.end()))
            key, value = None, None
        if depth == 0:
            break
    return found


def _start(text: str) -> int:
    """Where the value of ``yaml.schemas`` begins."""
    return next(member.value for member in _members(text, 0) if member.key == SCHEMAS)


def _append(text: str, start: int, more: Mapping[str, Any]) -> str:
    """``text`` with more members at the end of the object at ``start``."""
    if not more:
        return text
    members = _members(text, start)
    opening = text.index("{", start)
    outer = _indent(text, opening)
    inner = _indent(text, members[0].start) if members else f"{outer}  "
    lines = [f"{inner}{json.dumps(key)}: {json.dumps(value)}" for key, value in more.items()]
    added = "\n" + ",\n".join(lines)
    if not members:
        closing = re.compile(r"(?://[^\n]*|/\*.*?\*/|\s)*?(?=\s*\})", re.S).match(text, opening + 1)
        end = closing.end() if closing else opening + 1
        return f"{text[:end]}{added}\n{outer}{text[text.index('}', end) :]}"
    end = members[-1].end
    has_comma = re.match(r"\s*,", text[end:])
    if has_comma:
        return f"{text[: end + has_comma.end()]}{added}{text[end + has_comma.end() :]}"
    return f"{text[:end]},{added}{text[end:]}"


def _indent(text: str, position: int) -> str:
    """The blanks that the line of ``position`` begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]


def _without(text: str, member: _Member) -> str:
    """``text`` without a member, the line it stood on and the comma after it."""
    start, end = member.start, member.end
    comma = re.match(r"\s*,", text[end:])
    if comma:
        end += comma.end()
    blank = re.search(r"\n[ \t]*$", text[:start])
    return text[: blank.start() if blank else start] + text[end:]
