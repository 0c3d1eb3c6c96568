"""The LightningModule of a program."""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections.abc import Sequence

from hydra_lightning.convert import optimizers
from hydra_lightning.convert.cuts import Cut
from hydra_lightning.convert.data_class import data_names
from hydra_lightning.convert.epochs import epoch_settings
from hydra_lightning.convert.evaluation import (
    early_method,
    evaluation_methods,
    monitored,
    step_text,
    test_of,
    unpacked,
    validation_of,
)
from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.folders import folders_hook, folders_of
from hydra_lightning.convert.hooks import (
    end_hook,
    hooks,
    made_anew,
    pieces_after_epoch,
    pieces_after_step,
    pieces_at_end,
    pieces_before_steps,
    training_pieces,
)
from hydra_lightning.convert.kept import resets
from hydra_lightning.convert.kept_class import (
    epoch_names,
    kept_methods,
    logged_at_end,
    used_in_training,
)
from hydra_lightning.convert.methods import method_of, methods_of
from hydra_lightning.convert.model_modes import loaded, mode_hooks
from hydra_lightning.convert.moves import is_move
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import DEVICE, Scope, attribute, draws, needed, used_in
from hydra_lightning.convert.settings import setting_in
from hydra_lightning.convert.shared import Shared, shared_step
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.stages import stage_calls, stage_method, stages_of
from hydra_lightning.convert.steps import steps_counted
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.convert.text import (
    class_text,
    file_text,
    helpers_of,
    method_text,
    parameters_text,
    with_flags,
    with_helpers,
)
from hydra_lightning.convert.told import names_of
from hydra_lightning.convert.within import code_in_step, used_in_step


def module_text(program: Program, data_pieces: Sequence[Piece]) -> tuple[str, Scope, list[str]]:
    """The file of the LightningModule, how its names are written, and the metrics that it logs."""
    roles, flow = program.roles, program.flow
    evaluations = [each for each in (validation_of(program), test_of(program)) if each is not None]
    functions = methods_of(program)
    pieces = used_in_training(program) if roles.kept else training_pieces(program)
    if not roles.kept:
        pieces = [
            *pieces,
            *pieces_before_steps(program),
            *pieces_after_step(program),
            *pieces_after_epoch(program),
        ]
    pieces = [
        *pieces,
        *pieces_at_end(program),
        *functions,
        *(piece for each in evaluations for piece in each.pieces),
    ]
    reads = [used_in_step(program, each) if each in flow.body else used_in(each) for each in pieces]
    used = set().union(*reads, *(each.told for each in evaluations))
    used |= set().union(*(piece.uses for piece in [*program.at_start, *functions]))
    stages = stages_of(program, data_pieces)
    used |= stages.uses
    counted = steps_counted(program.flow, program.roles, program.tape)
    used -= {*counted}
    if roles.kept:
        logged = logged_at_end(program, program.kept_statements)
        used |= names_of(logged) - program.metric_objects
    nets = {name: "self.net" if len(roles.nets) == 1 else f"self.{attribute(name)}" for name in roles.nets}
    loaders = {loader.name for loader in program.loaders.values() if loader.name}
    given = {*nets, *loaders, *(name for piece in data_pieces for name in piece.defines)}
    made = {name for piece in roles.makers for name in piece.defines}
    rest = [piece for piece in program.objects if piece not in [*roles.makers, *stages.own, *functions]]
    wanted = used.union(*(each.uses for each in program.flags)) - given - made - {*flow.definitions}
    wanted -= program.holders
    # What changes the data or the model is done where they are made.
    elsewhere = [each for each in data_pieces if not each.defines]
    elsewhere += [each for each in rest if each.changes & {*nets} and not each.defines & used]
    found = [
        piece
        for piece in needed(rest, wanted)
        if not piece.defines & given and piece not in elsewhere and not only_tells(piece.node)
    ]
    in_vain = [each for each in _drawn_after_the_model(program, rest) if each not in [*found, *data_pieces]]
    found += in_vain
    objects = [each for each in flow.setup if each in found or each in program.flags]
    once = {name: piece for piece in made_anew(program) for name in piece.defines if name in used}
    objects += dict.fromkeys(once.values())
    at_start = set().union(*(piece.uses for piece in objects))
    attributes = {name for piece in [*objects, *program.looked_at] for name in piece.defines if name in used}
    attributes -= {*flow.definitions}
    if roles.kept:
        attributes |= program.kept_statements.held
    else:
        read = set().union(*(piece.uses for piece in training_pieces(program)))
        attributes |= read & {name for piece in pieces_before_steps(program) for name in piece.defines}
    own = {DEVICE: "self.device"} | nets | {name: f"self.{attribute(name)}" for name in attributes}
    own |= {name: code for name, code in program.devices.items() if name in used | at_start}
    for kind, loader in program.loaders.items():
        if loader.name and not loader.is_listed and not loader.is_generated:
            own.setdefault(loader.name, f"self.trainer.{kind}_dataloader{'' if kind == 'train' else 's'}")
    batched = {name for each in program.loaders.values() for name in re.findall(r"\w+", each.target)}
    for name, code in data_names(program, data_pieces).items():
        if name in batched | _own_names(program):
            continue
        own.setdefault(name, code.replace("self.", "self.trainer.datamodule."))
    own = {**epoch_names(program), **own, **counted}
    own |= {name: f"self.{attribute(name)}" for each in functions for name in each.defines}
    scope = Scope(program.settings, lambda name: f"self.hparams.{name}", own, manual=bool(roles.kept))
    partials = optimizers.partials_of(program)
    shared = shared_step(program, scope, evaluations)
    methods = kept_methods(program, scope) if roles.kept else [_training_step(program, scope, shared)]
    if shared is not None:
        methods.insert(0, shared.method)
    if program.at_start:
        methods.insert(0, early_method(program, scope))
    if not roles.kept:
        methods += hooks(program, scope)
    evaluation: list[str] = []
    for each in evaluations:
        more = shared.steps[each.stage] if shared is not None else []
        first = [shared.call(more), *more] if shared is not None else None
        evaluation += evaluation_methods(program, scope, each, first)
    evaluation = _without_twins(evaluation)
    emptied = [each for each in pieces_in(flow.after) if resets(each.node)]
    program.keep((each for each in emptied if each.uses <= program.metric_objects), "self.log resets it")
    if program.skipped is not None:
        methods.append(_skipping(program.skipped, scope))
        program.keep([program.skipped.piece], "on_train_batch_start")
    modes = mode_hooks(program) if roles.val_block is not None else {}
    methods += [f"def {hook}(self) -> None:\n    # {why}\n    pass" for hook, why in modes.items()]
    early = {name: f"self.trainer.datamodule.{kind}_dataloader()" for kind, name in _loader_names(program)}
    limit = program.step_limit
    counts_epochs = limit is None or limit.has_epochs
    known = dict.fromkeys(
        epoch_settings(flow, program.settings) if counts_epochs else (), "self.trainer.max_epochs"
    )
    if limit is not None and limit.setting is not None:
        known[limit.setting.code] = "self.trainer.max_steps"
    if roles.accumulate is not None and (
        setting := setting_in(roles.accumulate[1], roles.accumulate[0], program.settings)
    ):
        known[setting.code] = "self.trainer.accumulate_grad_batches"
    inner = Scope(scope.settings, scope.setting, {**scope.names, **early}, scope.used, known=known)
    before = [each for each in optimizers.made_of(program, partials, rest, given) if each not in objects]
    monitor = None
    if roles.plateau is not None and not roles.kept:
        (logged,) = (each.logged for each in evaluations if each.stage == "val")
        monitor = f"val/{monitored(roles.plateau, logged)}"
    earlier = stage_calls(program, inner, stages)
    methods += [*evaluation, *(stage_method(program, inner, each, partials) for each in stages.trainings)]
    methods.append(optimizers.configure_optimizers(program, inner, before, partials, monitor, earlier))
    late = _made_of_data(objects, given - {*nets})
    methods[-1:-1] = [*end_hook(program, scope), *(method_of(scope, each) for each in functions)]
    if roles.clip_groups:
        methods.append(_clipping(program, inner))
    written = [*objects, *before, *stages.pieces, *roles.makers, *pieces, *program.shown, *program.at_start]
    texts = [each.text() for each in helpers_of(program, written)]
    if folders := folders_of(program, scope, "\n".join([*methods, *texts])):
        methods.insert(0, folders_hook(program, scope, folders))
    program.keep(functions, "the LightningModule")
    init: list[str] = []
    for piece in (each for each in objects if each not in late):
        why = "# Nothing uses it, but it is drawn here.\n" if piece in in_vain else ""
        init.append(why + (_as_buffer(piece, scope) or scope.code(piece)))
    setup = [_setup(inner, late, attributes)] if late else []
    program.keep(objects, "the LightningModule")
    for key, partial in partials.items():
        program.kept[id(partial.piece.node)] = f"model.{key}"
    net = "net: nn.Module" if len(nets) == 1 else "nets: Sequence[nn.Module]"
    arguments = f", {net}"
    for key, partial in partials.items():
        kind = "lr_scheduler.LRScheduler" if partial.piece in roles.schedulers else "Optimizer"
        arguments += f", {key}: Callable[..., torch.optim.{kind}]"
    head = [f"def __init__(self{arguments}{parameters_text(scope.used)}) -> None:", "    super().__init__()"]
    head.append(f'    self.save_hyperparameters(logger=False, ignore=["{net.partition(":")[0]}"])')
    if roles.kept:
        head += [f"    # Manual, as automatic optimization does not do this: {roles.kept}"]
        head.append("    self.automatic_optimization = False")
    head.append(f"    {', '.join(nets.values())} = {net.partition(':')[0]}")
    if in_eval_mode := [nets[name] for name in loaded(program)]:
        head.append("    # from_pretrained() gives models in eval mode.")
        head += [f"    {each}.train()" for each in in_eval_mode]
    head += [textwrap.indent(code, "    ") for code in init]
    methods = ["\n".join(head), *setup, *methods]
    if len(nets) == 1:
        methods.insert(1, _forward(program, by_name=_takes_names(program, pieces)))
    text = class_text(f"{program.camel}Module", "LightningModule", f"{program.told}.", methods)
    extra = [
        "from collections.abc import Callable, Iterator, Sequence",
        "from typing import Any",
        "import torch",
        "from lightning import LightningModule",
        "from torch import nn",
    ]
    helpers, imports = with_helpers(program, [*written, *folders], functions)
    metrics = [name for each in evaluations if each.stage == "val" for name in each.metrics]
    helpers, imports = with_flags(program, helpers, imports)
    return file_text(f"The training of {program.file}.", extra, imports, [*helpers, text]), scope, metrics


def _drawn_after_the_model(program: Program, pieces: Sequence[Piece]) -> list[Piece]:
    """The statements between model and training that draw numbers, so that others come after them."""
    setup = program.flow.setup
    model = max(setup.index(each) for each in program.roles.nets.values())
    return [
        each
        for each in pieces
        if isinstance(each.node, ast.Assign)
        and draws(each)
        and setup.index(each) > model
        and not re.search(r"\b(default_rng|RandomState|Random|Generator)\(", each.text(comments=False))
    ]


def _made_of_data(objects: Sequence[Piece], data: set[str]) -> list[Piece]:
    """The objects that are made of the data, and those that are made of them."""
    found: list[Piece] = []
    names = set(data)
    for piece in objects:
        if piece.uses & names:
            found.append(piece)
            names |= piece.defines
    return found


def _setup(scope: Scope, pieces: Sequence[Piece], attributes: set[str]) -> str:
    first = next(name for piece in pieces for name in sorted(piece.defines & attributes))
    body = [f'if hasattr(self, "{attribute(first)}"):\n    return', *(scope.code(piece) for piece in pieces)]
    return method_text("setup", "stage: str", "None", body)


def _own_names(program: Program) -> set[str]:
    """What is unpacked from a batch in a statement of its own, as ``x, y = batch``."""
    blocks = [each for each in (program.roles.val_block, program.roles.test_block) if each is not None]
    pieces = [*program.flow.body, *(piece for each in blocks for piece in pieces_in(each.inside))]
    return {
        name
        for piece in pieces
        if isinstance(piece.node, ast.Assign) and isinstance(piece.node.targets[0], ast.Tuple)
        for name in piece.defines - piece.uses
    }


def _forward(program: Program, by_name: bool) -> str:
    """``forward`` with the parameters of the model's own, where they are plain ones."""
    (piece,) = program.roles.nets.values()
    calls = [each.func for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
    names = [each.id for each in calls if isinstance(each, ast.Name)]
    nodes = [program.flow.definitions[name].node for name in names if name in program.flow.definitions]
    functions = [
        each
        for node in nodes[:1]
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.FunctionDef) and each.name == "forward"
    ]
    if functions:
        taken = functions[0].args
        given = [each.arg for each in taken.args[1:]]
        if given and not (
            taken.vararg or taken.kwarg or taken.kwonlyargs or taken.defaults or taken.posonlyargs
        ):
            body = [f"return self.net({', '.join(given)})"]
            return method_text("forward", ", ".join(f"{name}: Any" for name in given), "Any", body)
    rest = "**batch" if by_name else "*inputs"
    return method_text("forward", f"{rest}: Any", "Any", [f"return self.net({rest})"])


def _clipping(program: Program, scope: Scope) -> str:
    assert program.roles.clip is not None
    _, piece, _ = program.roles.clip
    call = piece.node.value if isinstance(piece.node, (ast.Expr, ast.Assign)) else None
    assert isinstance(call, ast.Call)
    return (
        "def configure_gradient_clipping(\n"
        "    self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None\n"
        ") -> None:\n"
        "    # The norm of all parameters in their order: Lightning would sum it group by group.\n"
        f"    torch.nn.utils.clip_grad_norm_({scope.code(piece, call.args[0])}, gradient_clip_val)"
    )


def _skipping(cut: Cut, scope: Scope) -> str:
    """The hook that ends an epoch with a batch that is fetched in vain."""
    limit = cut.batches if cut.setting is None else scope.name_of(cut.setting)
    return (
        "def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:\n"
        "    # Not trainer.limit_train_batches: random numbers are drawn for one batch more.\n"
        f"    return -1 if batch_idx == {limit} else None"
    )


def _takes_names(program: Program, pieces: Sequence[Piece]) -> bool:
    """Whether the model is given its batches by name: ``net(**batch)``, ``net(pixels=x)``."""
    (net,) = program.roles.nets
    calls = [
        call
        for piece in pieces
        for call in ast.walk(piece.node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and piece.names.get(call.func.id, call.func.id) == net
    ]
    return bool(calls) and all(call.keywords and not call.args for call in calls)


def _as_buffer(piece: Piece, scope: Scope) -> str | None:
    """``mean = torch.tensor([0.5]).to(device)``, which has to follow the module to its device."""
    node = piece.node
    if not isinstance(node, ast.Assign) or len(piece.defines) != 1 or not isinstance(node.value, ast.Call):
        return None
    if not re.match(r"torch\.[a-z]\w*\(", piece.part(node.value)):
        return None
    (name,) = piece.defines
    if is_move(node.value):
        made = scope.code(piece, node.value)
    elif any(each.arg == "device" for each in node.value.keywords):
        # torch.full((1, 1), 0.5, device=device)
        parts = [scope.code(piece, each) for each in node.value.args]
        rest = [each for each in node.value.keywords if each.arg not in ("device", None)]
        parts += [f"{each.arg}={scope.code(piece, each.value)}" for each in rest]
        made = f"{scope.code(piece, node.value.func)}({', '.join(parts)})"
    else:
        return None
    lines = itertools.takewhile(lambda line: line.startswith("#"), piece.text().splitlines())
    call = f'self.register_buffer("{attribute(name)}", {made}, persistent=False)'
    return "\n".join([*lines, call])


def _loader_names(program: Program) -> list[tuple[str, str]]:
    return [
        (kind, loader.name)
        for kind, loader in program.loaders.items()
        if loader.name and not loader.is_generated
    ]


def _without_twins(methods: Sequence[str]) -> list[str]:
    """Hooks of a test that do what those of validation do call them."""
    bodies = {head: body for head, _, body in (each.partition("\n") for each in methods)}
    found = []
    for each in methods:
        head, _, body = each.partition("\n")
        twin = head.replace("test", "validation", 1)
        if twin != head and bodies.get(twin) == body and body.count("\n"):
            name, _, parameters = twin.removeprefix("def ").partition("(")
            given = ", ".join(re.findall(r"(\w+):", parameters.partition(")")[0]))
            found.append(f"{head}\n    self.{name}({given})")
        else:
            found.append(each)
    return found


def _training_step(program: Program, scope: Scope, shared: Shared | None) -> str:
    assert program.roles.loss is not None
    piece, loss = program.roles.loss
    kept = training_pieces(program)[:-1]
    program.keep(kept, "training_step")
    body = [*unpacked(program.roles.train), *(code_in_step(program, scope, each) for each in kept)]
    code = scope.code(piece, loss)
    if shared is not None:
        code = shared.loss
        body = [shared.call([code, *shared.training]), *shared.training]
    elif not isinstance(loss, ast.Name):
        body.append(f"loss = {code}")
        code = "loss"
    body.append(f'self.log("train/loss", {code}{program.how_often}, prog_bar=True)')
    body.append(f"return {code}")
    return step_text("training_step", program.roles.train, kept, "torch.Tensor", body)
