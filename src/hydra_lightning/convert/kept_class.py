"""The methods of a LightningModule whose training is kept as it was: manual optimization."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from hydra_lightning.convert.flow import Block
from hydra_lightning.convert.kept import Kept
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, needed, only_tells
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text


def kept_methods(program: Program, scope: Scope) -> list[str]:
    """The hooks of an epoch and the training step."""
    kept = program.kept_statements
    program.keep(kept.start, "on_train_epoch_start")
    program.keep([*kept.step, *kept.last], "training_step")
    program.keep(kept.end, "on_train_epoch_end")
    methods = []
    if kept.start:
        methods.append(method_text("on_train_epoch_start", "", "None", _body(program, scope, kept.start)))
    methods.append(_training_step(program, scope, kept))
    if kept.end:
        methods.append(method_text("on_train_epoch_end", "", "None", _body(program, scope, kept.end)))
    counts = [sum(event.kind == kind for event in program.tape.events) for kind in ("backward", "step")]
    if program.roles.val_block is not None and counts[0] > counts[1]:
        methods.append(
            "def on_validation_model_zero_grad(self) -> None:\n"
            "    # Lightning's own would drop gradients that are carried from one epoch to the next.\n"
            "    pass"
        )
    return methods


def _training_step(program: Program, scope: Scope, kept: Kept) -> str:
    target, index = program.roles.train.target, program.roles.train.index or "batch_idx"
    body = [] if target == "batch" else [f"{target} = batch"]
    body += _body(program, scope, [*kept.step], kept.last)
    if kept.last:
        body.append("if self.trainer.is_last_batch:")
        body += ["    " + scope.code(piece).replace("\n", "\n    ") for piece in kept.last]
    is_cut_by_hand = isinstance(program.flow.batches.node, ast.For) and "range(" in program.flow.batches.part(
        program.flow.batches.node.iter
    )
    names = [name for piece in kept.step if (name := _loss_of(piece)) and _is_defined(name, kept.step)]
    for name in dict.fromkeys(names):
        told = name if "loss" in name else f"loss_{name}"
        label = "loss" if len(set(names)) == 1 else told
        value = f"{scope.names.get(name, name)}.detach()"
        more = ", batch_size=1" if is_cut_by_hand else ""
        body.append(f'self.log("train/{label}", {value}, on_step=False, on_epoch=True, prog_bar=True{more})')
    return method_text("training_step", f"batch: Any, {index}: int", "None", body)


def _loss_of(piece: Piece) -> str:
    """``loss`` of ``loss.backward()``."""
    node = piece.node
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "backward"
    ):
        owner = node.value.func.value
        inner = owner.args[0] if isinstance(owner, ast.Call) and len(owner.args) == 1 else owner
        return piece.names.get(inner.id, inner.id) if isinstance(inner, ast.Name) else ""
    return ""


def _is_defined(name: str, pieces: Sequence[Piece]) -> bool:
    return any(isinstance(piece.node, (ast.Assign, ast.With)) and name in piece.defines for piece in pieces)


def _body(program: Program, scope: Scope, pieces: Sequence[Piece], more: Sequence[Piece] = ()) -> list[str]:
    """Statements, after the optimizers and schedulers that they use."""
    roles = program.roles
    used = {name for piece in [*pieces, *more] for name in piece.uses}
    lines = []
    for makers, call in ((roles.optimizers, "self.optimizers()"), (roles.schedulers, "self.lr_schedulers()")):
        names = [name for piece in makers for name in piece.defines]
        if used & {*names}:
            lines.append(f"{', '.join(name if name in used else '_' for name in names)} = {call}")
    return [*lines, *(scope.code(piece) for piece in pieces)]


def configure_optimizers(
    program: Program, scope: Scope, pieces: Sequence[Piece], partials: Mapping[str, Piece]
) -> str:
    """Optimizers and schedulers are made in their order, with what they are made of."""
    roles = program.roles
    keys = {piece: key for key, piece in partials.items()}
    body = []
    for piece in sorted([*pieces, *roles.makers], key=program.flow.setup.index):
        if piece in keys:
            assert isinstance(piece.node, ast.Assign)
            assert isinstance(piece.node.value, ast.Call)
            target = piece.part(piece.node.targets[0])
            first = scope.code(piece, piece.node.value.args[0])
            body.append(f"{target} = self.hparams.{keys[piece]}({first})")
        else:
            body.append(scope.code(piece))
    optimizers = ", ".join(name for piece in roles.optimizers for name in piece.defines)
    schedulers = ", ".join(name for piece in roles.schedulers for name in piece.defines)
    body.append(f"return [{optimizers}], [{schedulers}]" if schedulers else f"return [{optimizers}]")
    program.keep([*pieces, *roles.makers], "configure_optimizers")
    return method_text("configure_optimizers", "", "Any", body)


def made_of(program: Program, rest: Sequence[Piece], without: set[str]) -> list[Piece]:
    """What optimizers and schedulers are made of, but for models, data and settings."""
    wanted = set().union(*(piece.uses for piece in program.roles.makers)) - without
    pieces = needed([piece for piece in rest if not piece.defines & without], wanted)
    return [piece for piece in pieces if not only_tells(piece.node)]


def trains(program: Program, piece: Piece | Block) -> bool:
    """Whether a statement after an epoch is of the training and not of the evaluation."""
    kept = program.kept_statements if program.roles.kept else None
    return kept is not None and any(piece is each for each in [*kept.last, *kept.end])


def epoch_names(program: Program) -> dict[str, str]:
    """What the counter of the epochs is called in a LightningModule."""
    node = program.flow.epochs.node
    if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name):
        return {}
    head = program.flow.epochs
    name = head.names.get(node.target.id, node.target.id)
    call = node.iter
    while isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "tqdm" and call.args:
        call = call.args[0]
    if isinstance(call, ast.Call) and len(call.args) > 1 and ast.unparse(call.args[0]) != "0":
        first = head.part(call.args[0])
        return {name: f"(self.current_epoch + {first})"} if first.isdigit() else {}
    return {name: "self.current_epoch"}


def used_in_training(program: Program) -> list[Piece]:
    """The statements that are kept, of all methods."""
    kept = program.kept_statements
    return [*kept.start, *kept.step, *kept.last, *kept.end]
