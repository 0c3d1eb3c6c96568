"""The methods of a LightningModule whose training is kept as it was: manual optimization."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence

from hydra_lightning.convert.batches import Loader, iterated_by
from hydra_lightning.convert.epochs import numbers_in
from hydra_lightning.convert.flow import Block, pieces_in
from hydra_lightning.convert.kept import Kept
from hydra_lightning.convert.metrics import printed
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.recorded import evaluates
from hydra_lightning.convert.rewrite import Scope, is_backward
from hydra_lightning.convert.settings import setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text
from hydra_lightning.convert.told import log_text
from hydra_lightning.convert.within import code_in_step


def kept_methods(program: Program, scope: Scope) -> list[str]:
    """The hooks of an epoch and the training step."""
    kept = program.kept_statements
    program.keep(kept.start, "on_train_epoch_start")
    program.keep([*kept.step, *kept.last], "training_step")
    program.keep(kept.end, "on_train_epoch_end")
    methods = []
    if kept.start:
        methods.append(method_text("on_train_epoch_start", "", "None", _start(program, scope, kept)))
    methods.append(_training_step(program, scope, kept))
    if program.code_after_step:
        given = "outputs: Any, batch: Any, batch_idx: int"
        methods.append(method_text("on_train_batch_end", given, "None", program.code_after_step))
    if kept.end:
        methods.append(method_text("on_train_epoch_end", "", "None", _end(program, scope, kept)))
    counts = [sum(event.kind == kind for event in program.tape.events) for kind in ("backward", "step")]
    if program.roles.val_block is not None and counts[0] > counts[1]:
        methods.append(
            "def on_validation_model_zero_grad(self) -> None:\n"
            "    # Lightning's own would drop gradients that are carried from one epoch to the next.\n"
            "    pass"
        )
    return methods


def _training_step(program: Program, scope: Scope, kept: Kept) -> str:
    train = program.roles.train
    target, index = train.target, "batch_idx" if train.first else train.index or "batch_idx"
    used = set().union(*(each.uses for each in [*kept.step, *kept.last]))
    # A counter may be called batch, too.
    batch = "samples" if index == "batch" and index in used else "batch"
    index = "batch_idx" if index == batch else index
    is_used = bool({*re.findall(r"\w+", target)} & used)
    body = [f"{target} = {batch}"] if target != batch and is_used else []
    if train.is_late:
        body = _fetched(train)
    if train.first and train.index in used:
        body.append(f"{train.index} = batch_idx + {train.first}")
    body += _body(program, scope, [*kept.step], kept.last)
    if kept.last:
        body.append("if self.trainer.is_last_batch:")
        body += ["    " + scope.code(piece).replace("\n", "\n    ") for piece in kept.last]
    is_cut_by_hand = isinstance(program.flow.batches.node, ast.For) and "range(" in program.flow.batches.part(
        program.flow.batches.node.iter
    )
    names = [name for piece in kept.step for name in _losses_of(piece) if _is_defined(name, kept.step)]
    more = ", batch_size=1" if is_cut_by_hand or train.is_late else ""
    for name in dict.fromkeys(names):
        told = name if "loss" in name else f"loss_{name}"
        label = "loss" if len(set(names)) == 1 else told
        value = f"{scope.names.get(name, name)}.detach()"
        body.append(f'self.log("train/{label}", {value}{program.how_often}, prog_bar=True{more})')
    for name, piece, number in kept.told:
        program.logs(f"val/{name}", piece, number)
        body.append(log_text("val", name, scope.code(piece, number), more))
    body += _metrics(program, scope, kept)
    given = "dataloader_iter: Iterator[Any]" if train.is_late else f"{batch}: Any, {index}: int"
    return method_text("training_step", given, "None", body)


def _fetched(loader: Loader) -> list[str]:
    """The first lines of a step that asks for its batch itself."""
    moved = "self.transfer_batch_to_device(batch, self.device, 0)"
    return [
        "# Fetched here: the Trainer would fetch a batch ahead, and draw random numbers in another order.",
        f"batch, {'batch_idx' if loader.first else loader.index or '_'}, _ = next(dataloader_iter)",
        f"{loader.target} = {moved}",
    ]


def _metrics(program: Program, scope: Scope, kept: Kept) -> list[str]:
    """The logs of objects of torchmetrics that a step updates: computed and reset at the end of an epoch."""
    lines = []
    for piece in kept.step:
        call = piece.node.value if isinstance(piece.node, ast.Expr) else None
        owner = call.func if isinstance(call, ast.Call) else None
        if isinstance(owner, ast.Attribute) and owner.attr == "update":
            owner = owner.value
        name = piece.names.get(owner.id, owner.id) if isinstance(owner, ast.Name) else ""
        if name in program.metric_objects:
            told = name.removeprefix("train_")
            lines.append(f'self.log("train/{told}", {scope.names[name]}, on_step=False, on_epoch=True)')
    return lines


def _end(program: Program, scope: Scope, kept: Kept) -> list[str]:
    """What an epoch ends with: schedulers, and an evaluation without a loop of its own, with what is printed of it."""
    lines = []
    for piece, code in zip(kept.end, _body(program, scope, kept.end)[-len(kept.end) :], strict=True):
        lines.append(_without_gradients(program, piece, code))
    given = _body(program, scope, kept.end)[: -len(kept.end)]
    for name, piece, value in logged_at_end(program, kept):
        program.logs(f"val/{name}", piece, value)
        # Lightning does not know the size of a batch that a step asks for itself.
        more = ", batch_size=1" if program.roles.train.is_late else ""
        lines.append(log_text("val", name, scope.code(piece, value), f", prog_bar=True{more}"))
    return [*given, *lines]


def logged_at_end(program: Program, kept: Kept) -> list[tuple[str, Piece, ast.expr]]:
    """The numbers that are printed of what an epoch ends with."""
    defined = {name for piece in kept.end for name in piece.defines}
    after = [*pieces_in(program.flow.after)]
    others = {each.id for piece in after for each in ast.walk(piece.node) if isinstance(each, ast.Name)}
    return [
        each
        for each in printed(after, others - defined)
        if {part.id for part in ast.walk(each[2]) if isinstance(part, ast.Name)} & defined
    ]


def _start(program: Program, scope: Scope, kept: Kept) -> list[str]:
    lines = _body(program, scope, kept.start)
    given, statements = lines[: -len(kept.start)], lines[-len(kept.start) :]
    pairs = zip(kept.start, statements, strict=True)
    return [*given, *(_without_gradients(program, piece, code) for piece, code in pairs)]


def _without_gradients(program: Program, piece: Piece, code: str) -> str:
    if isinstance(piece.node, ast.With) or not evaluates(piece, program.tape):
        return code
    return "with torch.no_grad():\n" + textwrap.indent(code, "    ")


def _losses_of(piece: Piece) -> Iterator[str]:
    """``loss`` of ``loss.backward()``, in a loop too."""
    for call in ast.walk(piece.node) if isinstance(piece.node, (ast.Expr, ast.For)) else ():
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and is_backward(call):
            owner = call.func.value
            inner = owner.args[0] if isinstance(owner, ast.Call) and len(owner.args) == 1 else owner
            if isinstance(inner, ast.Name):
                yield piece.names.get(inner.id, inner.id)


def _is_defined(name: str, pieces: Sequence[Piece]) -> bool:
    return any(
        name in (piece.defines if isinstance(piece.node, ast.For) else piece.assigns) for piece in pieces
    )


def _body(program: Program, scope: Scope, pieces: Sequence[Piece], more: Sequence[Piece] = ()) -> list[str]:
    """Statements, after the optimizers and schedulers that they use."""
    roles = program.roles
    used = {name for piece in [*pieces, *more] for name in piece.uses}
    lines = []
    for makers, call in ((roles.optimizers, "self.optimizers()"), (roles.schedulers, "self.lr_schedulers()")):
        names = [name for piece in makers for name in piece.defines]
        if used & {*names}:
            lines.append(f"{', '.join(name if name in used else '_' for name in names)} = {call}")
    return [*lines, *(code_in_step(program, scope, piece) for piece in pieces)]


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
    if name == "_":
        # What nobody reads, and other statements bind, too.
        return {}
    piece, call = iterated_by(head, program.flow.setup)
    if (numbers := numbers_in(call)) is not None and numbers[0]:
        return {name: f"(self.current_epoch + {numbers[0]})"}
    if isinstance(call, ast.Call) and len(call.args) > 1:
        first = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
        setting = setting_in(call.args[0], piece, program.settings)
        first = setting.value if setting is not None else first
        if first != 0:
            return {name: f"(self.current_epoch + {first})"} if isinstance(first, int) else {}
    return {name: "self.current_epoch"}


def used_in_training(program: Program) -> list[Piece]:
    """The statements that are kept, of all methods."""
    kept = program.kept_statements
    return [*kept.start, *kept.step, *kept.last, *kept.end]
