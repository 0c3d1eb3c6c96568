"""Everything that is written of a program but its configs."""

from __future__ import annotations

from dataclasses import dataclass

from hydra_lightning.convert.arguments import Node
from hydra_lightning.convert.carried import need_all_that_is_carried
from hydra_lightning.convert.components import components_text
from hydra_lightning.convert.data_class import data_pieces, data_text, keep_drawn_loaders
from hydra_lightning.convert.module_class import module_text
from hydra_lightning.convert.optimizers import Partial, partials_of
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.settings import Setting


@dataclass
class Written:
    """What is written of a program.

    Attributes:
        components: the code of its plain modules; empty when it has none.
        module: the LightningModule's file.
        data: the LightningDataModule's file.
        net: the model's config.
        module_settings, data_settings: what each class takes.
        metrics: the names that validation logs.
        partials: the optimizers and schedulers that the model's config makes, by their keys.
    """

    components: str
    module: str
    data: str
    net: Node
    module_settings: dict[str, Setting]
    data_settings: dict[str, Setting]
    metrics: list[str]
    partials: dict[str, Partial]


def write_classes(program: Program) -> Written:
    """Write the files of a program.

    Raises:
        Refused: a statement cannot be placed.
    """
    keep_drawn_loaders(program)
    pieces = data_pieces(program)
    module, module_scope, metrics = module_text(program, pieces)
    data, data_scope = data_text(program, pieces)
    components, net = components_text(program)
    need_all_that_is_carried(program)
    return Written(
        components, module, data, net, module_scope.used, data_scope.used, metrics, partials_of(program)
    )
