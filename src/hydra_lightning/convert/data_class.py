"""The LightningDataModule of a program."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import OF_DATA, Scope, attribute, needed, only_tells
from hydra_lightning.convert.roles import pieces_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import class_text, file_text, parameters_text, with_helpers


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
        methods.append(f"def {kind}_dataloader(self) -> DataLoader:\n    return {code}")
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
    candidates = [piece for piece in program.objects if piece not in direct]
    return [piece for piece in needed(candidates, wanted) if not only_tells(piece.node)]


def data_names(program: Program, pieces: Sequence[Piece]) -> dict[str, str]:
    """The names of the data module that others than its first method use."""
    outside: set[str] = set()
    for loader in program.loaders:
        if loader.made is not None:
            piece, call = loader.made
            outside |= {
                piece.names.get(each.id, each.id) for each in ast.walk(call) if isinstance(each, ast.Name)
            }
        elif loader.name:
            outside.add(loader.name)
    for piece in pieces_in([*program.flow.body, *program.flow.after]):
        outside |= piece.uses
    defined = {name for piece in pieces for name in piece.defines}
    return {name: f"self.{attribute(name, OF_DATA)}" for name in sorted(outside & defined)}


def _is_before_the_model(program: Program, pieces: Sequence[Piece]) -> bool:
    places = {id(piece): index for index, piece in enumerate(program.flow.setup)}
    model = places[id(program.roles.net_piece)]
    before = [places[id(piece)] < model for piece in pieces]
    if before and any(before) != all(before):
        raise Refused(
            "mixed-order", pieces[-1].site, "data are prepared both before and after the model is made."
        )
    return all(before)
