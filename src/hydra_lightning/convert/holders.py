"""Objects that hold settings and are given to a model whole: ``Net(cfg)``, ``Net(args)``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import helpers_of

# The class of the options of a command line.
OPTIONS = "Options"
# What reads all attributes of an object.
WHOLE = re.compile(r"\b(vars|asdict|astuple|fields|getattr|replace|__dict__)\b")


@dataclass(frozen=True)
class Holder:
    """An object of settings.

    Attributes:
        target: what makes it.
        settings: those of it that a model may read, by attribute.
        maker: the statement that makes it of a dataclass of the program; None for options of a command line and values.
    """

    target: str
    settings: dict[str, Setting]
    maker: Piece | None

    @property
    def definition(self) -> str:
        """The class of it, where the program has none."""
        if self.maker is not None:
            return ""
        lines = [f"    {name}: {_type(setting.value)}" for name, setting in self.settings.items()]
        return "\n".join(
            [
                "@dataclass",
                f"class {self.target.rpartition('.')[2]}:",
                '    """What models read of the options."""',
                "",
                *lines,
            ]
        )


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
    cls = definition.node if definition is not None and isinstance(definition.node, ast.ClassDef) else None
    # A class that has nothing but values takes none.
    is_own = cls is not None and bool(cls.decorator_list)
    is_plain = cls is not None or called.endswith("SimpleNamespace")
    if not is_plain and not any(setting.option for setting in own.values()):
        return None
    target = f"lightning_classes.models.components.{program.stem}.{called if is_own else OPTIONS}"
    helpers = helpers_of(program, [reader])
    if not WHOLE.search("\n".join(each.text(comments=False) for each in helpers)):
        nodes = [each for piece in helpers for each in ast.walk(piece.node)]
        read = {each.attr for each in nodes if isinstance(each, ast.Attribute)}
        own = {name: setting for name, setting in own.items() if name in read}
    return Holder(target, own, makers[0] if is_own else None)


def _type(value: object) -> str:
    return "Any" if value is None else type(value).__name__
