"""What a training does beside its steps: after each of them, within them now and then, after an epoch, at its end."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Sequence

from hydra_lightning.convert.batches import assigned
from hydra_lightning.convert.constructs import is_an_exit
from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.kept import acts, only_collects
from hydra_lightning.convert.kept_class import epoch_names
from hydra_lightning.convert.metrics import printed
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.recorded import calls_a_model, evaluates
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import Scope, draws, needed
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text
from hydra_lightning.convert.told import log_text, names_of, told_of_evaluation
from hydra_lightning.convert.within import code_in_step, is_print


def training_pieces(program: Program) -> list[Piece]:
    """The statements of a training step, what it collects too, ``backward`` the last of them.

    Raises:
        Refused: a statement does something that is not known.
    """
    assert program.roles.loss is not None
    piece, loss = program.roles.loss
    before = program.flow.body[: program.flow.body.index(piece)]
    steps = [each for each in program.steps if each in before]
    wanted = {piece.names.get(each.id, each.id) for each in ast.walk(loss) if isinstance(each, ast.Name)}
    kept = needed(steps, wanted)
    others = [each for each in steps if each not in kept and calls_a_model(each, program.tape)]
    kept = needed(steps, wanted.union(*(each.uses for each in others)))
    kept = [each for each in steps if each in kept or each in others]
    owners = {*program.roles.nets, *(name for each in program.roles.makers for name in each.defines)}
    lost = [
        each
        for each in steps
        if each not in kept
        and isinstance(each.node, ast.Expr)
        and not (only_collects(each, ()) and not each.uses & owners)
    ]
    if lost:
        raise Refused(
            "side-effect", lost[0].site, "a statement of the step does something that is not known."
        )
    if rates := [each for each in steps if sets_rates(each)]:
        raise Refused("side-effect", rates[0].site, "the rate of each step is set by hand.")
    filled = [each for each in program.flow.body if each.changes & collected(program) and each not in kept]
    return [*kept, *filled, piece]


def collected(program: Program) -> set[str]:
    """Objects that the steps of an epoch fill, and that decide whether the training ends after it."""
    flow, roles = program.flow, program.roles
    after = [*pieces_in(flow.after)]
    exits = [each for each in after if is_an_exit(each.node) and not program.is_step_limit(each)]
    decisive = [*needed(after, set().union(*(each.uses for each in exits))), *exits]
    read = set().union(*(each.uses for each in decisive))
    filled = set().union(*(each.changes for each in flow.body))
    parts = {*roles.nets, *(name for each in roles.makers for name in each.defines)}
    return {name for name in (read & filled) - parts if assigned(flow.setup, name) is not None}


def made_anew(program: Program) -> list[Piece]:
    """Losses without parameters that each epoch makes anew, the same each time: they can be made once."""
    if program.roles.kept:
        return []
    pieces = [
        *pieces_in(program.flow.before),
        *(each for each in program.flow.after if isinstance(each, Piece)),
    ]
    found = [each for each in pieces if _is_module_of_torch(each)]
    texts = {
        name: {each.text(comments=False) for each in pieces if name in each.defines} for name in _made(found)
    }
    return [each for each in found if all(len(texts[name]) == 1 for name in each.defines)]


def pieces_before_steps(program: Program) -> list[Piece]:
    """What an epoch starts with, and its steps use."""
    before = [each for each in pieces_in(program.flow.before) if not program.is_dropped(each)]
    before = [each for each in before if each not in made_anew(program)]
    used = set().union(*(each.uses for each in training_pieces(program)))
    rates = [each for each in before if sets_rates(each) or draws_in_place(each)]
    kept = needed(before, used.union(*(each.uses for each in rates)) & (_made(before) | collected(program)))
    return [each for each in before if each in kept or each in rates]


def draws_in_place(piece: Piece) -> bool:
    """``random.shuffle(batches)``"""
    return isinstance(piece.node, ast.Expr) and draws(piece)


def sets_rates(piece: Piece) -> bool:
    """``for group in optimizer.param_groups: group["lr"] = lr``"""
    return isinstance(piece.node, ast.For) and ".param_groups" in ast.unparse(piece.node.iter)


def _made(pieces: Sequence[Piece]) -> set[str]:
    return {name for each in pieces for name in each.defines}


def _is_module_of_torch(piece: Piece) -> bool:
    node = piece.node
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and re.fullmatch(r"(torch\.)?nn\.\w+Loss", ast.unparse(node.value.func)) is not None
        and all(
            isinstance(each, ast.Constant)
            for each in [*node.value.args, *(k.value for k in node.value.keywords)]
        )
    )


def pieces_after_step(program: Program) -> list[Piece]:
    """What follows the step of the optimizer, as an average of the weights.

    Raises:
        Refused: it uses what the step made.
    """
    assert program.roles.loss is not None
    place = program.flow.body.index(program.roles.loss[0])
    after = [each for each in program.steps if each in program.flow.body[place + 1 :]]
    found = [
        each
        for each in after
        if isinstance(each.node, (ast.Expr, ast.With, ast.For))
        and acts(each, program.tape, program.roles.nets)
        and not only_collects(each, program.roles.nets)
    ]
    made = {name for each in program.flow.body for name in each.defines}
    for each in found:
        if each.uses & made:
            raise Refused("side-effect", each.site, "what follows a step uses what the step made.")
    return found


def pieces_after_epoch(program: Program) -> list[Piece]:
    """What draws numbers or calls a model after an epoch, where there is no evaluation in a loop of its own."""
    if program.roles.val_block is not None:
        return []
    after = [each for each in pieces_in(program.flow.after) if not program.is_dropped(each)]
    roots = [each for each in after if evaluates(each, program.tape) or draws(each)]
    told = names_of(
        told_of_evaluation([*pieces_in(program.flow.after)], program.tape, {*epoch_names(program)})
    )
    kept = needed(after, told.union(*(each.uses for each in roots)))
    return [each for each in after if each in kept or each in roots]


def pieces_at_end(program: Program) -> list[Piece]:
    """What calls a model without gradients after the training, where there is no evaluation in a loop of its own."""
    if program.roles.test_block is not None:
        return []
    end = [each for each in program.flow.end if isinstance(each, Piece)]
    nets = {*program.roles.nets}
    roots = [
        each
        for each in end
        if each.uses & nets and (_switches_gradients(each) or evaluates(each, program.tape))
    ]
    made = {name for each in roots for name in each.defines}
    for each in end:
        made |= each.defines if each.uses & made else set()
    told = [each for each in end if _is_print(each) and each.uses & made]
    modes = [each for each in end if is_mode(each, nets)] if roots else []
    kept = needed(end, set().union(*(each.uses for each in [*roots, *told])))
    return [each for each in end if each in [*kept, *roots, *told, *modes]]


def hooks(program: Program, scope: Scope) -> list[str]:
    """The hooks beside ``training_step``, where automatic optimization steps."""
    methods = []
    if before := pieces_before_steps(program):
        program.keep(before, "on_train_epoch_start")
        code = [scope.code(each) for each in before]
        if any(map(sets_rates, before)):
            (name,) = program.roles.optimizers[0].defines
            code.insert(0, f"{name} = self.optimizers()")
        methods.append(method_text("on_train_epoch_start", "", "None", code))
    after = pieces_after_step(program)
    program.keep(after, "on_train_batch_end")
    if code := [*(scope.code(each) for each in after), *program.code_after_step]:
        methods.append(
            method_text("on_train_batch_end", "outputs: Any, batch: Any, batch_idx: int", "None", code)
        )
    if epoch := pieces_after_epoch(program):
        program.keep(epoch, "on_train_epoch_end")
        code = [_without_gradients(program, scope, each) for each in epoch]
        made = {name for each in epoch for name in each.defines}
        counters = {*epoch_names(program)}
        for name, piece, value in printed([*pieces_in(program.flow.after)], counters):
            names = {each.id for each in ast.walk(value) if isinstance(each, ast.Name)}
            if made & names and piece not in epoch:
                program.logs(f"val/{name}", piece, value)
                code.append(log_text("val", name, scope.code(piece, value)))
        methods.append(method_text("on_train_epoch_end", "", "None", code))
    return methods


def end_hook(program: Program, scope: Scope) -> list[str]:
    """The hook at the end of the training."""
    pieces = pieces_at_end(program)
    if not pieces:
        return []
    program.keep(pieces, "on_train_end")
    code = [_without_gradients(program, scope, each) for each in pieces]
    return [method_text("on_train_end", "", "None", code)]


def _without_gradients(program: Program, scope: Scope, piece: Piece) -> str:
    code = code_in_step(program, scope, piece)
    if isinstance(piece.node, ast.With) or not evaluates(piece, program.tape):
        return code
    return f"with torch.no_grad():\n{textwrap.indent(code, '    ')}"


def _switches_gradients(piece: Piece) -> bool:
    node = piece.node
    told = [ast.unparse(item) for item in node.items] if isinstance(node, ast.With) else []
    return any("no_grad" in each or "inference_mode" in each for each in told)


def _is_print(piece: Piece) -> bool:
    node = piece.node
    return isinstance(node, ast.Expr) and is_print(node.value)


def is_mode(piece: Piece, nets: Iterable[str]) -> bool:
    """``net.eval()``"""
    node = piece.node
    call = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return isinstance(call, ast.Attribute) and call.attr in ("eval", "train") and bool(piece.uses & {*nets})
