"""The LightningDataModule of a program."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence

from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import OF_DATA, Scope, attribute, draws, needed, only_tells
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import class_text, file_text, helpers_of, parameters_text, with_helpers


def data_text(program: Program, pieces: list[Piece]) -> tuple[str, Scope]:
    names = data_names(program, pieces)
    scope = Scope(program.settings, lambda name: f"self.hparams.{name}", names)
    statements = [scope.code(piece) for piece in pieces]
    program.keep(pieces, f"lightning_classes/data/{program.stem}_datamodule.py")
    methods = []
    for kind, loader in zip(("train", "val"), program.loaders, strict=False):
        if loader.made is not None:
            code = scope.code(loader.made[0], loader.made[1])
            program.keep([loader.made[0]], f"{kind}_dataloader")
        else:
            code = f"self.{attribute(loader.name or '', OF_DATA)}"
        result = "range" if code.startswith("range") else "DataLoader"
        methods.append(f"def {kind}_dataloader(self) -> {result}:\n    return {code}")
    first = [f"def __init__(self{parameters_text(scope.used)}) -> None:", "    super().__init__()"]
    if scope.used:
        first.append("    self.save_hyperparameters(logger=False)")
    if _is_before_the_model(program, pieces):
        if statements:
            first += ["    # Made here, before the model, as random numbers are drawn in this order."]
        first += [textwrap.indent(code, "    ") for code in statements]
        methods.insert(0, "\n".join(first))
    else:
        first.append("    self._is_set_up = False")
        body = [
            "def setup(self, stage: str | None = None) -> None:",
            "    if self._is_set_up:",
            "        return",
        ]
        body += [textwrap.indent(code, "    ") for code in statements]
        methods[:0] = ["\n".join(first), "\n".join([*body, "    self._is_set_up = True"])]
    text = class_text(
        f"{program.camel}DataModule", "LightningDataModule", f"{program.told}: the data.", methods
    )
    helpers, imports = with_helpers(
        program, [*pieces, *(loader.made[0] for loader in program.loaders if loader.made)]
    )
    extra = ["from lightning import LightningDataModule", "from torch.utils.data import DataLoader"]
    return file_text(f"The data of {program.file}.", extra, imports, [*helpers, text]), scope


def data_pieces(program: Program) -> list[Piece]:
    """What has to run before the loaders are made."""
    wanted: set[str] = set()
    direct = [loader.made[0] for loader in program.loaders if loader.made]
    for loader in program.loaders:
        if loader.made is not None:
            piece, call = loader.made
            wanted |= {
                piece.names.get(each.id, each.id) for each in ast.walk(call) if isinstance(each, ast.Name)
            }
        elif loader.name is not None:
            wanted.add(loader.name)
    wanted |= _drawn_before_the_model(program)
    candidates = [piece for piece in program.objects if piece not in direct]
    return [piece for piece in needed(candidates, wanted) if not only_tells(piece.node)]


def data_names(program: Program, pieces: Sequence[Piece]) -> dict[str, str]:
    """The names of the data module that others than its first method use."""
    outside: set[str] = set()
    unpacked = {name for loader in program.loaders for name in re.findall(r"\w+", loader.target)}
    for loader in program.loaders:
        if loader.made is not None:
            piece, call = loader.made
            outside |= {
                piece.names.get(each.id, each.id) for each in ast.walk(call) if isinstance(each, ast.Name)
            }
        elif loader.name:
            outside.add(loader.name)
    for piece in [
        *pieces_in([*program.flow.before, *program.flow.body, *program.flow.after]),
        *program.roles.makers,
    ]:
        outside |= piece.uses - unpacked
    defined = {name for piece in pieces for name in piece.defines}
    return {name: f"self.{attribute(name, OF_DATA)}" for name in sorted(outside & defined)}


def _drawn_before_the_model(program: Program) -> set[str]:
    """Names of the training that are made with random numbers, so that they stay where they are drawn."""
    flow = program.flow
    used = set().union(
        *(piece.uses for piece in [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after)])
    )
    model = min(flow.setup.index(piece) for piece in program.roles.nets.values())
    early = {id(piece.node) for piece in flow.setup[:model]}
    found: set[str] = set()
    for piece in program.objects:
        helpers = helpers_of(program, [piece])
        functions = [each for each in helpers if isinstance(each.node, ast.FunctionDef)]
        if id(piece.node) in early and any(draws(each) for each in [piece, *functions]):
            found |= piece.defines & used
    return found - {*program.roles.nets}


def _is_before_the_model(program: Program, pieces: Sequence[Piece]) -> bool:
    places = {id(piece): index for index, piece in enumerate(program.flow.setup)}
    model = min(places[id(piece)] for piece in program.roles.nets.values())
    before = [places[id(piece)] < model for piece in pieces]
    if before and any(before) != all(before):
        raise Refused(
            "mixed-order", pieces[-1].site, "data are prepared both before and after the model is made."
        )
    return all(before)
