"""The options of an ``argparse`` parser, read from its calls instead of run."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from hydra_lightning.errors import ParityError

TYPES = {"int": int, "float": float, "str": str, "bool": bool}
READ = ("action", "nargs", "const", "default", "type", "choices", "required", "help", "dest")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParityError(f"The arguments of the script: {message}")


@dataclass
class Options:
    """A parser of the program.

    Attributes:
        unread: the calls that could not be read, as they hold more than literals.
    """

    parser: _Parser = field(default_factory=lambda: _Parser(add_help=False))
    unread: list[str] = field(default_factory=list)

    def add(self, call: ast.Call) -> None:
        """Take over ``parser.add_argument(...)``."""
        given: dict[str, Any] = {}
        for key in call.keywords:
            if key.arg == "type" and isinstance(key.value, ast.Name):
                given["type"] = TYPES.get(key.value.id, str)
            elif key.arg in READ:
                try:
                    given[key.arg] = ast.literal_eval(key.value)
                except ValueError:
                    if key.arg not in ("help", "type"):
                        self.unread.append(ast.unparse(call))
                        return
        try:
            flags = [ast.literal_eval(each) for each in call.args]
            self.parser.add_argument(*flags, **given)
        except (ValueError, TypeError, argparse.ArgumentError):
            self.unread.append(ast.unparse(call))

    def parsed(self, arguments: Sequence[str], site: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values by name, and what a recording says of such a parser.

        Raises:
            ParityError: the arguments do not fit the options.
        """
        values = vars(self.parser.parse_known_args([*arguments])[0])
        options = [
            {
                "name": action.dest,
                "flags": [*action.option_strings],
                "default": action.default,
                "value": values.get(action.dest),
                "type": getattr(action.type, "__name__", None),
                "choices": None if action.choices is None else [*action.choices],
                "help": action.help if isinstance(action.help, str) else None,
            }
            for action in self.parser._actions
        ]
        return values, {"site": site, "options": options}
