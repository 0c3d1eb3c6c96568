"""A model that is made of what an earlier training came to: the function that makes it trains first."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hydra_lightning.convert.arguments import Node
from hydra_lightning.convert.optimizers import Partial
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, is_only_a_move, only_seeds
from hydra_lightning.convert.settings import literal_of, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells

IMPORT = "from hydra_lightning.training.restored import is_restored"


def stages_in(program: Program) -> list[Piece]:
    """The statements that have to stay in what makes the model, in their order."""
    if not program.is_pretrained:
        return []
    setup = program.flow.setup
    after = setup[setup.index(program.flow.trained_before[0]) :]
    last = max(setup.index(each) for each in program.roles.nets.values())
    saved = [save for save, _, _ in _handed_on(program)]
    seeds = [each for each in after if only_seeds(each, setup) and setup.index(each) <= last]
    return [each for each in setup if each in [*program.pretraining, *saved, *seeds]]


def candidates_of(program: Program, objects: Sequence[Piece], stages: Sequence[Piece]) -> list[Piece]:
    """What a model may be made of: with an earlier training, where it runs, too; without one in it, what is before."""
    setup = program.flow.setup
    if stages:
        return [
            each
            for each in setup
            if each in objects or each in stages or each.defines & {*program.devices} or is_only_a_move(each)
        ]
    if program.flow.trained_before:
        place = setup.index(program.flow.trained_before[0])
        return [each for each in objects if setup.index(each) < place]
    return [*objects]


def scope_of(program: Program, scope: Scope) -> Scope:
    """The scope in which a file that is saved and loaded again is what was saved."""
    edits = {id(load): scope.code(save, weights) for save, weights, load in _handed_on(program)}
    return replace(scope, edits=edits, moves=True)


def stage_code(
    program: Program, scope: Scope, pieces: Sequence[Piece], partials: Mapping[str, Partial]
) -> list[str]:
    """The statements of the function, trainings under a condition where nothing else needs what they make."""
    keys = {each.piece: key for key, each in partials.items()}
    lines = []
    needless = _skipped(program, pieces)
    for piece in pieces:
        if only_tells(piece.node):
            continue
        code = partials[keys[piece]].code(keys[piece], scope) if piece in keys else scope.code(piece)
        if piece in needless:
            code = f"if not is_restored():\n{textwrap.indent(code, '    ')}"
        lines.append(code)
    return lines


def _skipped(program: Program, pieces: Sequence[Piece]) -> list[Piece]:
    """The trainings that need not be made for a model whose weights are loaded."""
    found = []
    for number, piece in enumerate(pieces):
        later = set().union(*(each.uses for each in pieces[number + 1 :]), {*program.roles.nets})
        if (
            piece in program.pretraining
            and isinstance(piece.node, (ast.For, ast.Expr))
            and not piece.defines & later
        ):
            found.append(piece)
    return found


def arguments_of(program: Program, partials: Mapping[str, Partial]) -> dict[str, object]:
    """What the config says of the optimizers of earlier trainings."""
    return {
        key: Node(
            each.path,
            {
                name: setting_in(value, each.piece, program.settings) or literal_of(value)
                for name, value in each.config.items()
            },
            is_partial=True,
        )
        for key, each in partials.items()
    }


def _handed_on(program: Program) -> Iterator[tuple[Piece, ast.expr, ast.Call]]:
    """Each ``torch.save(weights, path)`` after an earlier training, the weights, and a later ``torch.load(path)``."""
    setup = program.flow.setup
    place = setup.index(program.flow.trained_before[0]) if program.flow.trained_before else len(setup)
    for number, save in enumerate(setup[place:], place):
        call = save.node.value if isinstance(save.node, ast.Expr) else None
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != "torch.save" or len(call.args) != 2:
            continue
        for piece in setup[number + 1 :]:
            for each in ast.walk(piece.node):
                if not isinstance(each, ast.Call) or not ast.unparse(each.func).endswith(".load_state_dict"):
                    continue
                load = each.args[0] if each.args else None
                if (
                    isinstance(load, ast.Call)
                    and ast.unparse(load.func) == "torch.load"
                    and piece.part(load.args[0]) == save.part(call.args[1])
                ):
                    yield save, call.args[0], load
