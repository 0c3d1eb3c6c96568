"""What is wrong with a config, and how it is told."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        key: the dotted key; empty for what is about a file as a whole.
        message: what is wrong and what would be right.
        file: the config file that wrote it, relative to the project, or "command line"; None where that is not known.
        line: the line of that file.
        override: the override that wrote it, as typed.
        signature: what the arguments were held against.
        level: a warning stops nothing.
        firm: no ``strict=false`` makes a warning of it, since nothing could run.
        unset: a value or choice that is left to be given.
    """

    key: str
    message: str
    file: str | None = None
    line: int | None = None
    override: str | None = None
    signature: str | None = None
    level: Literal["error", "warning"] = "error"
    firm: bool = False
    unset: bool = False


def stopping(problems: Iterable[Problem]) -> list[Problem]:
    """Those that are errors."""
    return [problem for problem in problems if problem.level == "error"]


def as_data(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Plain data for ``--format json``."""
    return [asdict(problem) for problem in problems]


def report(problems: Sequence[Problem], outcome: str = "") -> str:
    """All problems as text, grouped by file in the order of their lines, the command line last.

    Args:
        problems: at least one.
        outcome: what became of it, for the first line: "nothing was started".
    """
    width = min(shutil.get_terminal_size((120, 20)).columns, 120)
    lines = [_headline(problems) + (f", {outcome}" if outcome else "")]
    told: set[str] = set()
    for place in sorted(
        {_place(problem) for problem in problems}, key=lambda name: (name == COMMAND_LINE, name)
    ):
        here = sorted(
            (problem for problem in problems if _place(problem) == place),
            key=lambda each: (each.line or 0, each.key),
        )
        lines += ["", place]
        keys = [problem.override or problem.key for problem in here]
        indent = min(max(map(len, keys)), 40)
        for problem, key in zip(here, keys, strict=True):
            lines += _told(problem, key, indent, width, told)
    return "\n".join(lines)


def _told(problem: Problem, key: str, indent: int, width: int, told: set[str]) -> list[str]:
    number = str(problem.line) if problem.line else ""
    start = f"{number:>5}  {key:<{indent}}  "
    message = problem.message if problem.level == "error" else f"warning: {problem.message}"
    # A suggestion stays on one line.
    message = re.sub(r"Did you mean \S+\?", lambda found: found[0].replace(" ", "\u00a0"), message)
    below = " " * 7 if len(start) > 60 else " " * len(start)
    lines: list[str] = []
    for index, part in enumerate(message.splitlines()):
        first = start if index == 0 else below
        if index == 0 and len(start) > 60:
            lines.append(start.rstrip())
            first = below
        lines += textwrap.wrap(
            part,
            width,
            initial_indent=first,
            subsequent_indent=below,
            break_on_hyphens=False,
            break_long_words=False,
        )
    if problem.signature and problem.signature not in told:
        told.add(problem.signature)
        lines += textwrap.wrap(
            problem.signature,
            width,
            initial_indent=" " * 7 + "it takes  ",
            subsequent_indent=" " * 17,
            break_on_hyphens=False,
            break_long_words=False,
        )
    return [line.replace("\u00a0", " ") for line in lines]


def _headline(problems: Sequence[Problem]) -> str:
    errors = len(stopping(problems))
    warnings = len(problems) - errors
    parts = []
    if errors:
        parts.append(f"{errors} problem{'s' * (errors != 1)}")
    if warnings:
        parts.append(f"{warnings} warning{'s' * (warnings != 1)}")
    return " and ".join(parts)


def _place(problem: Problem) -> str:
    return problem.file or "config"
