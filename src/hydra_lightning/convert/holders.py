"""Objects that hold settings and are given to a model whole: ``Net(cfg)``, ``Net(args)``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import helpers_of

# What reads all attributes of an object.
WHOLE = re.compile(r"\b(vars|asdict|astuple|fields|getattr|replace|__dict__)\b")


@dataclass(frozen=True)
class Holder:
    """An object of settings.

    Attributes:
        target: what makes it.
        maker: the statement where the program does.
        settings: those of it that a model may read, by attribute.
    """

    target: str
    maker: Piece
    settings: dict[str, Setting]


def holder_of(program: Program, name: str, reader: Piece) -> Holder | None:
    """The object of settings that ``name`` is, with those that a statement may read; None where it is none."""
    own = {
        code.removeprefix(f"{name}."): setting
        for code, setting in program.settings.items()
        if code.startswith(f"{name}.")
    }
    makers = [each for each in program.flow.setup if name in each.defines]
    if not own or len(makers) != 1 or not all(each.isidentifier() for each in own):
        return None
    made = makers[0].node.value if isinstance(makers[0].node, ast.Assign) else None
    if not isinstance(made, ast.Call):
        return None
    called = ast.unparse(made.func)
    definition = program.flow.definitions.get(called)
    if definition is not None and isinstance(definition.node, ast.ClassDef):
        target = f"lightning_classes.models.components.{program.stem}.{called}"
    elif any(made_by in ast.unparse(made) for made_by in ("parse_args", "parse_known_args")) or any(
        setting.option for setting in own.values()
    ):
        target = "argparse.Namespace"
    else:
        return None
    helpers = helpers_of(program, [reader])
    text = "\n".join(each.text(comments=False) for each in helpers)
    if WHOLE.search(text):
        return Holder(target, makers[0], own)
    read = {
        each.attr for piece in helpers for each in ast.walk(piece.node) if isinstance(each, ast.Attribute)
    }
    return Holder(target, makers[0], {each: setting for each, setting in own.items() if each in read})
