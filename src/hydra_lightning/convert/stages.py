"""Earlier trainings of a model that is made before them: methods that are called before its optimizer is made.

Those that a model is made of are in the function that makes it, see ``components.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.optimizers import Partial
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, needed, only_seeds
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.convert.text import method_text

ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True)
class Stage:
    """An earlier training.

    Attributes:
        name: of its method.
        own: what is made for it alone, as its optimizer.
        training: the statement that trains.
    """

    name: str
    own: list[Piece]
    training: Piece

    @property
    def pieces(self) -> list[Piece]:
        return [*self.own, self.training]

    @property
    def uses(self) -> set[str]:
        """The names that are made elsewhere."""
        made = {name for each in self.own for name in each.defines}
        return set().union(*(each.uses for each in self.pieces)) - made


@dataclass(frozen=True)
class Stages:
    """The earlier trainings, and what is done to the model after the first of them."""

    trainings: list[Stage]
    changes: list[Piece]

    @property
    def own(self) -> list[Piece]:
        """The statements that are in none of the other methods."""
        return [*(piece for each in self.trainings for piece in each.own), *self.changes]

    @property
    def pieces(self) -> list[Piece]:
        return [*self.own, *(each.training for each in self.trainings)]

    @property
    def uses(self) -> set[str]:
        """The names that are made elsewhere."""
        trained = set().union(*(each.uses for each in self.trainings))
        return trained.union(*(each.uses for each in self.changes))


def stages_of(program: Program, data: Sequence[Piece]) -> Stages:
    """The earlier trainings of a model that is made before them.

    Args:
        data: what the data are made of.
    """
    if program.is_pretrained or not program.flow.trained_before:
        return Stages([], [])
    flow = program.flow
    trained = [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after), *pieces_in(flow.end)]
    used = set().union(*(each.uses for each in [*trained, *program.roles.makers]))
    owners = {name for each in program.roles.makers for name in each.defines}
    others = [each for each in program.objects if each not in program.roles.makers]
    loaders = {each.name for each in program.loaders.values() if each.name}
    shared = [*data, *needed(others, (used - owners) | {*program.roles.nets} | loaders)]
    found = []
    for name, training in zip(ORDINALS, program.flow.trained_before, strict=False):
        place = flow.setup.index(training)
        before = [each for each in others if flow.setup.index(each) < place]
        own = [each for each in needed(before, training.uses) if each not in shared]
        found.append(Stage(f"{name}_training", own, training))
    return Stages(found, _changes_between(program))


def _changes_between(program: Program) -> list[Piece]:
    """What is done to a model after the first of its earlier trainings, as setting layers free, and new seeds."""
    setup = program.flow.setup
    place = setup.index(program.flow.trained_before[0])
    return [
        each
        for each in setup[place + 1 :]
        if only_seeds(each, setup)
        or (
            each in program.objects
            and (each.defines | each.changes) & {*program.roles.nets}
            and not only_tells(each.node)
        )
    ]


def stage_method(program: Program, scope: Scope, stage: Stage, partials: Mapping[str, Partial]) -> str:
    """The method that trains as the program does.

    Args:
        scope: how names are written in ``configure_optimizers``.
        partials: the optimizers that the config makes, by their keys.
    """
    own = {name for each in stage.pieces for name in each.defines} - {*program.roles.nets}
    loaders = {each.name: kind for kind, each in program.loaders.items() if each.name in stage.uses}
    names = {name: code for name, code in scope.names.items() if name not in own and name not in loaders}
    inner = replace(scope, names=names, moves=True)
    keys = {each.piece: key for key, each in partials.items()}
    program.keep(stage.pieces, stage.name)
    body = ['"""What is trained before, in a loop of its own: a Trainer makes one training."""']
    body += [f"{name} = self.trainer.datamodule.{kind}_dataloader()" for name, kind in loaders.items()]
    body += [
        partials[keys[each]].code(keys[each], inner) if each in keys else inner.code(each)
        for each in stage.pieces
    ]
    return method_text(stage.name, "", "None", body)


def stage_calls(program: Program, scope: Scope, stages: Stages) -> dict[Piece, str]:
    """What stands for the earlier trainings in ``configure_optimizers``, with what is done to the model after them."""
    found = {
        each.training: f"if self.trainer.ckpt_path is None:\n    self.{each.name}()"
        for each in stages.trainings
    }
    if found:
        first, *_, last = [*found, *found]
        found[first] = f"# A checkpoint has what came of it.\n{found[first]}"
        if program.is_left_in_eval:
            found[last] += f"\n    self.{'net.' if len(program.roles.nets) == 1 else ''}train()"
    program.keep(stages.changes, "configure_optimizers")
    return found | {each: scope.code(each) for each in stages.changes}
