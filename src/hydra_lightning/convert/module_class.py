"""The LightningModule of a program."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence

from hydra_lightning.convert.data_class import data_names
from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.kept import has_plain_arguments
from hydra_lightning.convert.kept_class import (
    configure_optimizers,
    epoch_names,
    kept_methods,
    made_of,
    trains,
    used_in_training,
)
from hydra_lightning.convert.metrics import printed
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import Scope, attribute, draws, needed, only_tells, used_in
from hydra_lightning.convert.roles import Loader
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import class_text, file_text, method_text, parameters_text, with_helpers
from hydra_lightning.parity.tape import Tape


def module_text(program: Program, data_pieces: Sequence[Piece]) -> tuple[str, Scope, list[str]]:
    """The file of the LightningModule, how its names are written, and the metrics that it logs."""
    roles, flow = program.roles, program.flow
    pieces = _pieces(program)
    used = set().union(*(used_in(piece) for piece in pieces))
    used |= {
        name
        for _, piece, value in printed(list(pieces_in(flow.after)), set())
        for name in _names(piece, value)
    }
    nets = {name: "self.net" if len(roles.nets) == 1 else f"self.{attribute(name)}" for name in roles.nets}
    loaders = {loader.name for loader in program.loaders if loader.name}
    given = {*nets, *loaders, *(name for piece in data_pieces for name in piece.defines)}
    made = {name for piece in roles.makers for name in piece.defines}
    rest = [piece for piece in program.objects if piece not in roles.makers]
    objects = [
        piece
        for piece in needed(rest, used - given - made)
        if not piece.defines & given and not only_tells(piece.node)
    ]
    at_start = set().union(*(piece.uses for piece in objects))
    attributes = {name for piece in objects for name in piece.defines if name in used}
    attributes |= program.kept_statements.held if roles.kept else set()
    own = nets | {name: f"self.{attribute(name)}" for name in attributes}
    own |= {name: code for name, code in program.devices.items() if name in used | at_start}
    for kind, loader in zip(("train_dataloader", "val_dataloaders"), program.loaders, strict=False):
        if loader.name:
            own[loader.name] = f"self.trainer.{kind}"
    for name, code in data_names(program, data_pieces).items():
        own.setdefault(name, code.replace("self.", "self.trainer.datamodule."))
    own = {**epoch_names(program), **own}
    scope = Scope(program.settings, lambda name: f"self.hparams.{name}", own, manual=bool(roles.kept))
    partials = partials_of(program)
    methods = kept_methods(program, scope) if roles.kept else [_training_step(program, scope)]
    evaluation, metrics = _evaluation(program, scope)
    methods += [
        f"def {hook}(self) -> None:\n    # {why}\n    pass" for hook, why in mode_hooks(program.tape).items()
    ]
    before: list[Piece] = []
    if roles.kept:
        before = [piece for piece in made_of(program, rest, given) if piece not in objects]
        early = {
            name: f"self.trainer.datamodule.{kind}_dataloader()" for kind, name in _loader_names(program)
        }
        inner = Scope(scope.settings, scope.setting, {**scope.names, **early}, scope.used)
        methods += [*evaluation, configure_optimizers(program, inner, before, partials)]
    else:
        methods += [*evaluation, _configure_optimizers(program)]
    init = [scope.code(piece) for piece in objects]
    program.keep(objects, "the LightningModule")
    for key, piece in partials.items():
        program.kept[id(piece.node)] = f"model.{key}"
    net = "net: nn.Module" if len(nets) == 1 else "nets: Sequence[nn.Module]"
    arguments = f", {net}"
    for key, piece in partials.items():
        kind = "Optimizer" if piece in roles.optimizers else "lr_scheduler.LRScheduler"
        arguments += f", {key}: Callable[..., torch.optim.{kind}]"
    head = [f"def __init__(self{arguments}{parameters_text(scope.used)}) -> None:", "    super().__init__()"]
    head.append(f'    self.save_hyperparameters(logger=False, ignore=["{net.partition(":")[0]}"])')
    if roles.kept:
        head += [f"    # Automatic optimization would train differently: {roles.kept}"]
        head.append("    self.automatic_optimization = False")
    head.append(f"    {', '.join(nets.values())} = {net.partition(':')[0]}")
    head += [textwrap.indent(code, "    ") for code in init]
    methods.insert(0, "\n".join(head))
    if len(nets) == 1:
        methods.insert(1, "def forward(self, *inputs: Any) -> Any:\n    return self.net(*inputs)")
    text = class_text(f"{program.camel}Module", "LightningModule", f"{program.told}.", methods)
    extra = [
        "from collections.abc import Callable, Sequence",
        "from typing import Any",
        "import torch",
        "from lightning import LightningModule",
        "from torch import nn",
    ]
    helpers, imports = with_helpers(
        program, [*objects, *before, *roles.makers, *pieces, *pieces_in(flow.after)]
    )
    return file_text(f"The training of {program.file}.", extra, imports, [*helpers, text]), scope, metrics


def partials_of(program: Program) -> dict[str, Piece]:
    """The optimizers and schedulers that the model's config makes, by their keys."""
    roles = program.roles
    if not roles.kept:
        return dict(zip(("optimizer", "scheduler"), roles.makers, strict=False))
    plain = [
        piece
        for piece in roles.optimizers
        if has_plain_arguments(piece, roles.classes.get(piece, ""), program.settings)
    ]
    if len(roles.optimizers) == 1:
        return dict.fromkeys(["optimizer"], plain[0]) if plain else {}
    return {name: piece for piece in plain for name in piece.defines}


def mode_hooks(tape: Tape) -> dict[str, str]:
    """The hooks of Lightning that would switch the model's mode where the program does not, and why."""
    calls = [event for event in tape.events if event.kind == "forward"]
    hooks = {}
    if any(event.is_evaluation and event.data["train"] for event in calls):
        hooks["on_validation_model_eval"] = "The model is evaluated in the mode that it is trained in."
    if any(event.data["grad"] and not event.data["train"] for event in calls):
        hooks["on_validation_model_train"] = "The model is not put back into train mode after an evaluation."
    return hooks


def _pieces(program: Program) -> list[Piece]:
    """What of the training and of the evaluation is taken over."""
    after = [piece for piece in pieces_in(program.flow.after) if not program.is_dropped(piece)]
    if program.roles.kept:
        return [*used_in_training(program), *(piece for piece in after if not trains(program, piece))]
    assert program.roles.loss is not None
    return [
        *(piece for piece in program.flow.body if not program.is_dropped(piece)),
        *after,
        program.roles.loss[0],
    ]


def _loader_names(program: Program) -> list[tuple[str, str]]:
    kinds = zip(("train", "val"), program.loaders, strict=False)
    return [(kind, loader.name) for kind, loader in kinds if loader.name]


def _training_step(program: Program, scope: Scope) -> str:
    assert program.roles.loss is not None
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
        if isinstance(each, Piece) and not program.is_dropped(each) and not trains(program, each)
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
    untold = [each for each in rest if not program.is_dropped(each)]
    end = needed(untold, wanted)
    end = [each for each in untold if each in end or draws(each)]
    wanted |= {name for piece in end for name in piece.uses}
    carried = {name for piece in inside for name in piece.defines} & wanted
    step = needed(inside, carried) if carried else inside
    changed = {name for piece in step if piece.defines & piece.uses for name in piece.defines & piece.uses}
    changed -= {*re.findall(r"\w+", roles.val.target)}
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
    if logged or end:
        logs = [
            f'self.log("val/{name}", {inner.code(piece, value)}, prog_bar=True)'
            for name, piece, value in logged
        ]
        methods.append(
            method_text("on_validation_epoch_end", "", "None", [*(inner.code(each) for each in end), *logs])
        )
    return methods, [f"val/{name}" for name, _, _ in logged]


def _configure_optimizers(program: Program) -> str:
    if not program.roles.schedulers:
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
