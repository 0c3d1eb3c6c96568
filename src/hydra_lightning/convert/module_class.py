"""The LightningModule of a program."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from hydra_lightning.convert.data_class import data_names
from hydra_lightning.convert.metrics import printed
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import Scope, attribute, needed, only_tells, used_in
from hydra_lightning.convert.roles import Loader, pieces_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import class_text, file_text, method_text, parameters_text, with_helpers


def module_text(program: Program, data_pieces: Sequence[Piece]) -> tuple[str, Scope, list[str]]:
    roles, flow = program.roles, program.flow
    telling = list(pieces_in(flow.after))
    kept_pieces = [piece for piece in pieces_in([*flow.body, *flow.after]) if not program.is_dropped(piece)]
    used = set().union(*(used_in(piece) for piece in [*kept_pieces, roles.loss[0]]))
    used |= {name for _, piece, value in printed(telling, set()) for name in _names(piece, value)}
    own = {roles.net: "self.net"}
    kept_out = {*own, *(name for piece in data_pieces for name in piece.defines)}
    kept_out |= {loader.name for loader in program.loaders if loader.name}
    rest = [
        piece for piece in program.objects if piece is not roles.optimizer and piece is not roles.scheduler
    ]
    objects = [
        piece
        for piece in needed(rest, used - kept_out)
        if not piece.defines & kept_out and not only_tells(piece.node)
    ]
    attributes = {
        name: f"self.{attribute(name)}" for piece in objects for name in piece.defines if name in used
    }
    own |= attributes
    for kind, loader in zip(("train_dataloader", "val_dataloaders"), program.loaders, strict=False):
        if loader.name:
            own[loader.name] = f"self.trainer.{kind}"
    for name, code in data_names(program, data_pieces).items():
        own.setdefault(name, code.replace("self.", "self.trainer.datamodule."))
    scope = Scope(program.settings, lambda name: f"self.hparams.{name}", own)
    methods = [_training_step(program, scope)]
    evaluation, metrics = _evaluation(program, scope)
    methods += [*evaluation, _configure_optimizers(program)]
    init = [scope.code(piece) for piece in objects]
    program.keep(objects, "the LightningModule")
    program.keep([roles.optimizer], "model.optimizer")
    program.keep([roles.scheduler] if roles.scheduler else [], "model.scheduler")
    arguments = ", net: nn.Module, optimizer: Callable[..., torch.optim.Optimizer]"
    if roles.scheduler is not None:
        arguments += ", scheduler: Callable[..., torch.optim.lr_scheduler.LRScheduler]"
    head = [
        f"def __init__(self{arguments}{parameters_text(scope.used)}) -> None:",
        "    super().__init__()",
        '    self.save_hyperparameters(logger=False, ignore=["net"])',
        "    self.net = net",
        *(textwrap.indent(code, "    ") for code in init),
    ]
    forward = "def forward(self, *inputs: Any) -> Any:\n    return self.net(*inputs)"
    text = class_text(
        f"{program.camel}Module", "LightningModule", f"{program.told}.", ["\n".join(head), forward, *methods]
    )
    extra = [
        "from collections.abc import Callable",
        "from typing import Any",
        "import torch",
        "from lightning import LightningModule",
        "from torch import nn",
    ]
    pieces = [*objects, *program.steps, roles.loss[0], *pieces_in(flow.after)]
    helpers, imports = with_helpers(program, pieces)
    return file_text(f"The training of {program.file}.", extra, imports, [*helpers, text]), scope, metrics


def _training_step(program: Program, scope: Scope) -> str:
    piece, loss = program.roles.loss
    wanted = {piece.names.get(each.id, each.id) for each in ast.walk(loss) if isinstance(each, ast.Name)}
    before = program.flow.body[: program.flow.body.index(piece)]
    kept = needed([each for each in program.steps if each in before], wanted)
    lost = [
        each
        for each in program.steps
        if each in before and each not in kept and isinstance(each.node, ast.Expr)
    ]
    if lost:
        raise Refused(
            "side-effect", lost[0].site, "a statement of the step does something that is not known."
        )
    program.keep(kept, "training_step")
    body = [*_unpacked(program.roles.train), *(scope.code(each) for each in kept)]
    code = scope.code(piece, loss)
    if not isinstance(loss, ast.Name):
        body.append(f"loss = {code}")
        code = "loss"
    body.append(f'self.log("train/loss", {code}, on_step=False, on_epoch=True, prog_bar=True)')
    body.append(f"return {code}")
    index = program.roles.train.index or "batch_idx"
    return method_text("training_step", f"batch: Any, {index}: int", "torch.Tensor", body)


def _evaluation(program: Program, scope: Scope) -> tuple[list[str], list[str]]:
    roles, block = program.roles, program.roles.val_block
    if block is None or roles.val is None:
        return [], []
    place = program.flow.after.index(block)
    before = [
        each
        for each in program.flow.after[:place]
        if isinstance(each, Piece) and not program.is_dropped(each)
    ]
    rest = [each for each in program.flow.after[place + 1 :] if isinstance(each, Piece)]
    counters = {each.id for each in ast.walk(_target(program.flow.epochs)) if isinstance(each, ast.Name)}
    trained = {
        name
        for piece in [*program.flow.before, *program.flow.body]
        if isinstance(piece, Piece)
        for name in piece.defines
    }
    logged = [
        each
        for each in printed([*pieces_in(block.inside), *rest], counters)
        if not {node.id for node in ast.walk(each[2]) if isinstance(node, ast.Name)} & trained
    ]
    wanted = {each for _, piece, value in logged for each in _names(piece, value)}
    inside = [each for each in pieces_in(block.inside) if not program.is_dropped(each)]
    end = needed([each for each in rest if not program.is_dropped(each)], wanted)
    wanted |= {name for piece in end for name in piece.uses}
    carried = {name for piece in inside for name in piece.defines} & wanted
    step = needed(inside, carried) if carried else inside
    changed = {name for piece in step if piece.defines & piece.uses for name in piece.defines & piece.uses}
    start = needed(
        before, (carried | changed | wanted) & {name for piece in before for name in piece.defines}
    )
    held = {name for piece in start for name in piece.defines} | carried
    inner = Scope(
        scope.settings,
        scope.setting,
        {**scope.names, **{name: f"self.{attribute(name)}" for name in held}},
        scope.used,
    )
    program.keep([*start, *step, *end, *(piece for _, piece, _ in logged)], "validation")
    methods = []
    if start:
        methods.append(
            method_text("on_validation_epoch_start", "", "None", [inner.code(each) for each in start])
        )
    index = roles.val.index or "batch_idx"
    body = [*_unpacked(roles.val), *(inner.code(each) for each in step)]
    methods.append(method_text("validation_step", f"batch: Any, {index}: int", "None", body))
    if logged:
        logs = [
            f'self.log("val/{name}", {inner.code(piece, value)}, prog_bar=True)'
            for name, piece, value in logged
        ]
        methods.append(
            method_text("on_validation_epoch_end", "", "None", [*(inner.code(each) for each in end), *logs])
        )
    return methods, [f"val/{name}" for name, _, _ in logged]


def _configure_optimizers(program: Program) -> str:
    if program.roles.scheduler is None:
        return method_text(
            "configure_optimizers",
            "",
            "torch.optim.Optimizer",
            ["return self.hparams.optimizer(self.net.parameters())"],
        )
    body = [
        "optimizer = self.hparams.optimizer(self.net.parameters())",
        "scheduler = self.hparams.scheduler(optimizer)",
        f'schedule = {{"scheduler": scheduler, "interval": "{program.roles.scheduler_interval}"}}',
        'return {"optimizer": optimizer, "lr_scheduler": schedule}',
    ]
    return method_text("configure_optimizers", "", "dict[str, Any]", body)


def _target(head: Piece) -> ast.expr:
    assert isinstance(head.node, ast.For)
    return head.node.target


def _names(piece: Piece, value: ast.AST) -> set[str]:
    return {piece.names.get(each.id, each.id) for each in ast.walk(value) if isinstance(each, ast.Name)}


def _unpacked(loader: Loader) -> list[str]:
    return [] if loader.target == "batch" else [f"{loader.target} = batch"]
