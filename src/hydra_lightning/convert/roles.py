"""Who is who in a program: the model, its optimizer, its schedulers, its loaders, and what is optimised."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from hydra_lightning.convert.accelerators import accelerator_arguments
from hydra_lightning.convert.accumulated import accumulated
from hydra_lightning.convert.batches import Loader, assigned, called, is_drawn_late, loader_of
from hydra_lightning.convert.constructs import PARAMETERS
from hydra_lightning.convert.flow import Block, Flow, pieces_in
from hydra_lightning.convert.recorded import events_in, makers_of
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.source import Piece, root_of
from hydra_lightning.convert.teachers import with_teachers
from hydra_lightning.parity.tape import Tape


@dataclass
class Roles:
    """The parts of a training.

    Attributes:
        nets: where each model is made, by its name.
        optimizers, schedulers: where each is made.
        classes: of these, as people write them.
        loss: what is optimised; None where the steps are kept.
        accumulate: over how many batches gradients are accumulated, as the Trainer does it.
        clip: how gradients are clipped, where, and the limit.
        clip_groups: whether the optimizer has several groups, over which Lightning would sum the norm in another order.
        plateau: the step of a scheduler that is given what the evaluation gave, and what that is.
        kept: why the steps are kept, where they are.
    """

    nets: dict[str, Piece]
    optimizers: list[Piece]
    classes: dict[Piece, str]
    train: Loader
    loss: tuple[Piece, ast.expr] | None = None
    val: Loader | None = None
    val_block: Block | None = None
    test: Loader | None = None
    test_block: Block | None = None
    schedulers: list[Piece] = field(default_factory=list)
    scheduler_interval: str = "epoch"
    accumulate: tuple[Piece, ast.expr] | None = None
    clip: tuple[str, Piece, ast.expr] | None = None
    clip_groups: bool = False
    plateau: tuple[Piece, ast.Name] | None = None
    kept: str = ""

    @property
    def makers(self) -> list[Piece]:
        """Where optimizers and schedulers are made."""
        return [*self.optimizers, *self.schedulers]


def roles_of(flow: Flow, tape: Tape) -> Roles:
    """Find the roles in the flow of a program.

    Raises:
        Refused: they are not one model, one optimizer and loops over data loaders, or steps are not made in the
            order zero, forward, backward, step.
    """
    optimizer, call = _made(flow, tape, "optimizer")
    nets = with_teachers(_nets(flow, optimizer, call), flow, tape)
    train = loader_of(flow, flow.batches, flow.setup, flow.before)
    if train.made is not None and called(train.made[1]) == "range":
        raise Refused("index-loop", flow.batches.site, "the batches are cut by hand.")
    if is_drawn_late(train, flow, tape):
        raise Refused(
            "no-length",
            flow.batches.site,
            "no batch is fetched before the step that needs it.",
        )
    losses = [piece for piece in flow.body if _has(piece, tape, "backward")]
    if len(losses) != 1:
        raise Refused("several-backwards", losses[-1].site, "backward is called at more than one place.")
    backward = losses[0]
    if isinstance(_loss(backward), ast.Call) and ".scale(" in backward.text():
        raise Refused("scaler", backward.site, "the loss is scaled before backward.")
    loops = [
        piece
        for piece in flow.body
        if isinstance(piece.node, (ast.For, ast.While)) and events_in(piece, tape)
    ]
    if loops:
        raise Refused("loop-in-step", loops[0].site, "a step has a loop in it that trains or evaluates.")
    loss = (backward, _loss(backward))
    accumulate = accelerator_arguments(flow.setup).get("gradient_accumulation_steps")
    if accumulate is None and (steps := accumulated(flow, train, loss)) is not None:
        accumulate, flow.body, loss = (steps.piece, steps.batches), steps.body, steps.loss
    _need_plain_steps(flow, tape, accumulates=accumulate is not None)
    roles = Roles(
        nets=nets,
        accumulate=accumulate,
        optimizers=[optimizer],
        classes={optimizer: public(_one(tape, "optimizer", optimizer)["class"])},
        loss=loss,
        train=train,
    )
    _find_scheduler(roles, flow, tape)
    _find_clipping(roles, flow, tape)
    find_evaluation(roles, flow)
    return roles


def _has(piece: Piece, tape: Tape, kind: str) -> bool:
    return kind in events_in(piece, tape)


def _one(tape: Tape, kind: str, piece: Piece) -> dict[str, object]:
    found = [facts for name, facts in tape.objects.items() if name.startswith(kind)]
    if len(found) != 1:
        raise Refused(f"several-{kind}s", piece.site, f"the program makes {len(found)} {kind}s.")
    return found[0]


def public(path: object) -> str:
    """``torch.optim.sgd.SGD`` as people write it."""
    parts = str(path).split(".")
    for package in (("torch", "optim", "lr_scheduler"), ("torch", "optim")):
        if tuple(parts[: len(package)]) == package and "swa_utils" not in parts:
            return ".".join([*package, parts[-1]])
    return str(path)


def _made(flow: Flow, tape: Tape, kind: str) -> tuple[Piece, ast.Call]:
    pieces = makers_of(kind, flow.setup, tape)
    sites = list(tape.stacks.get(kind, {}))
    if len(sites) != 1 or len(pieces) != 1:
        where = sites[-1] if sites else flow.epochs.site
        raise Refused(f"{kind}-place", where, f"one {kind} has to be made, before the loop over epochs.")
    node = pieces[0].node
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
        raise Refused(
            f"{kind}-place", pieces[0].site, f"the {kind} is not made by a call that is assigned to a name."
        )
    return pieces[0], node.value


def _nets(flow: Flow, piece: Piece, call: ast.Call) -> dict[str, Piece]:
    """The models whose parameters the optimizer is given, in groups or not."""
    first = (
        call.args[0]
        if call.args
        else next((each.value for each in call.keywords if each.arg == "params"), None)
    )
    if (
        isinstance(first, ast.Call)
        and isinstance(first.func, ast.Attribute)
        and first.func.attr == "parameters"
        and isinstance(first.func.value, ast.Name)
    ):
        name = piece.names.get(first.func.value.id, first.func.value.id)
        made = assigned(flow.setup, name)
        if made is None:
            raise Refused("no-model", piece.site, f"{name} is not made before the loop over epochs.")
        return {name: made}
    return nets_of(flow, [piece])


def nets_of(flow: Flow, makers: Sequence[Piece]) -> dict[str, Piece]:
    """The models whose parameters are asked for where optimizers are made, in the order in which they are made.

    Raises:
        Refused: there are none.
    """
    names: set[str] = set()
    asking = {*PARAMETERS, "configure_optimizers", *_asking_methods(flow)}
    wanted = set().union(*(piece.uses for piece in makers))
    for piece in reversed(flow.setup):
        if piece not in makers and not piece.defines & wanted:
            continue
        asked = [
            root_of(node.value)
            for node in ast.walk(piece.node)
            if isinstance(node, ast.Attribute) and node.attr in asking
        ]
        asked += [each for node in ast.walk(piece.node) for each in _asked_by(node, flow)]
        found_here = {piece.names.get(each.id, each.id) for each in asked if isinstance(each, ast.Name)}
        names |= found_here
        if piece not in makers and found_here:
            wanted |= piece.uses
    made = {name: assigned(flow.setup, name) for name in sorted(names)}
    found = {name: piece for name, piece in made.items() if piece is not None}
    if not found:
        raise Refused("parameters", makers[0].site, "the optimizer is not given the parameters() of a model.")
    return dict(sorted(found.items(), key=lambda each: flow.setup.index(each[1])))


def _asked_by(call: ast.AST, flow: Flow) -> list[ast.expr]:
    """``net`` of ``groups(net, decay)``, a function of the program that asks it for its parameters."""
    definition = flow.definitions.get(ast.unparse(call.func)) if isinstance(call, ast.Call) else None
    if (
        not isinstance(call, ast.Call)
        or definition is None
        or not isinstance(definition.node, ast.FunctionDef)
    ):
        return []
    asked = {
        ast.unparse(each.value)
        for each in ast.walk(definition.node)
        if isinstance(each, ast.Attribute) and each.attr in PARAMETERS
    }
    given = zip(definition.node.args.args, call.args, strict=False)
    return [value for parameter, value in given if parameter.arg in asked]


def _asking_methods(flow: Flow) -> set[str]:
    """The methods of the program's own models that ask for their parameters, as ``make_optimizer``."""
    return {
        method.name
        for definition in flow.definitions.values()
        if isinstance(definition.node, ast.ClassDef)
        for method in definition.node.body
        if isinstance(method, ast.FunctionDef)
        and any(
            isinstance(each, ast.Attribute) and each.attr in PARAMETERS and ast.unparse(each.value) == "self"
            for each in ast.walk(method)
        )
    }


def _loss(piece: Piece) -> ast.expr:
    node = piece.node
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "backward"
        and not node.value.args
        and not node.value.keywords
    ):
        return node.value.func.value
    raise Refused("backward", piece.site, "backward is not a plain statement loss.backward().")


def _need_plain_steps(flow: Flow, tape: Tape, accumulates: bool) -> None:
    order = []
    for piece in flow.body:
        kinds = events_in(piece, tape)
        if isinstance(piece.node, ast.If) and "step" in kinds:
            raise Refused("accumulation", piece.site, "the optimizer steps under a condition.")
        order += [kind for kind in ("zero", "backward", "clip", "step") if kind in kinds]
    plain = [kind for kind in order if kind != "clip"]
    counts = [sum(event.kind == kind for event in tape.events) for kind in ("backward", "step")]
    if sorted(plain) != ["backward", "step", "zero"] or plain.index("backward") > plain.index("step"):
        raise Refused("steps", flow.batches.site, f"a batch is not one step: {', '.join(order)}.")
    is_closure = any(event.kind == "step" and event.data.get("closure") for event in tape.events)
    if counts[0] != counts[1] and not accumulates and not is_closure:
        raise Refused("accumulation", flow.batches.site, "gradients are accumulated over several batches.")
    if plain.index("zero") > plain.index("backward") and plain[-1] != "zero":
        raise Refused(
            "steps", flow.batches.site, f"gradients are set to zero between backward and step: {plain}."
        )


def _find_scheduler(roles: Roles, flow: Flow, tape: Tape) -> None:
    if not tape.stacks.get("scheduler"):
        return
    scheduler, _ = _made(flow, tape, "scheduler")
    roles.schedulers.append(scheduler)
    roles.classes[scheduler] = public(_one(tape, "scheduler", scheduler)["class"])
    if roles.classes[scheduler].endswith(("SequentialLR", "ChainedScheduler")):
        raise Refused("scheduler", scheduler.site, f"{roles.classes[scheduler]} is not converted yet.")
    stepped = [
        piece for piece in pieces_in([*flow.before, *flow.body, *flow.after]) if _has(piece, tape, "schedule")
    ]
    if len(stepped) != 1:
        raise Refused("scheduler", scheduler.site, "the scheduler is not stepped at one place.")
    node = stepped[0].node
    given = node.value.args if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else []
    if roles.classes[scheduler].endswith("ReduceLROnPlateau"):
        if stepped[0] not in flow.after or len(given) != 1 or not isinstance(given[0], ast.Name):
            raise Refused("scheduler", stepped[0].site, "the scheduler is not given what an evaluation gave.")
        roles.plateau = (stepped[0], given[0])
    elif given:
        raise Refused("scheduler", stepped[0].site, "the scheduler is given a number.")
    elif stepped[0] in flow.body:
        roles.scheduler_interval = "step"
    elif stepped[0] in flow.before:
        raise Refused("scheduler", stepped[0].site, "the scheduler is stepped at the start of an epoch.")


def _find_clipping(roles: Roles, flow: Flow, tape: Tape) -> None:
    pieces = [piece for piece in flow.body if _has(piece, tape, "clip")]
    if not pieces:
        return
    node = pieces[0].node
    call = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
    assert roles.loss is not None
    order = flow.body.index(roles.loss[0]), flow.body.index(pieces[0])
    groups = len(_one(tape, "optimizer", roles.optimizers[0])["groups"])  # type: ignore[arg-type]
    limit = _limit_of(call) if isinstance(call, ast.Call) else None
    if len(pieces) > 1 or limit is None or order[0] > order[1]:
        raise Refused("clipping", pieces[0].site, "gradients are clipped in a way that is not converted yet.")
    assert isinstance(call, ast.Call)
    how = "value" if called(call) == "clip_grad_value_" else "norm"
    roles.clip = (how, pieces[0], limit)
    roles.clip_groups = groups > 1 and how == "norm"


def _limit_of(call: ast.Call) -> ast.expr | None:
    """The largest norm or value of a clipping that has no other option."""
    given = [
        *call.args[1:],
        *(each.value for each in call.keywords if each.arg in ("max_norm", "clip_value")),
    ]
    is_plain = len(given) == 1 and len(call.args) + len(call.keywords) == 2
    return given[0] if is_plain else None


def find_test(roles: Roles, flow: Flow) -> None:
    """The first evaluation that follows the training."""
    made = [*flow.setup, *(node for node in flow.end if isinstance(node, Piece))]
    for block in (node for node in flow.end if isinstance(node, Block)):
        if not any(isinstance(node, Block) for node in block.inside):
            with contextlib.suppress(Refused):
                roles.test = loader_of(flow, block.head, made, flow.end)
                roles.test_block = block
                return


def find_evaluation(roles: Roles, flow: Flow) -> None:
    find_test(roles, flow)
    blocks = [(node, True) for node in [*flow.before, *flow.after] if isinstance(node, Block)]
    if not blocks:
        return
    if len(blocks) > 1 or not blocks[0][1] or blocks[0][0] in flow.before:
        raise Refused(
            "evaluation", blocks[-1][0].head.site, "the model is evaluated other than once after each epoch."
        )
    roles.val_block = blocks[0][0]
    if any(isinstance(node, Block) for node in roles.val_block.inside):
        raise Refused("evaluation", roles.val_block.head.site, "the model is evaluated in two loops.")
    roles.val = loader_of(flow, roles.val_block.head, flow.setup, flow.after)
