"""The evaluation of a model, after each epoch or after the training, as the hooks of a LightningModule."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hydra_lightning.convert.batches import Loader
from hydra_lightning.convert.constructs import is_an_exit
from hydra_lightning.convert.early_stopping import Patience, patience_of
from hydra_lightning.convert.flow import Block, pieces_in
from hydra_lightning.convert.hooks import made_anew
from hydra_lightning.convert.kept import only_collects, resets
from hydra_lightning.convert.kept_class import trains
from hydra_lightning.convert.metrics import ALL, KNOWN, printed
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.recorded import evaluates, events_in
from hydra_lightning.convert.rewrite import Scope, attribute, draws, needed
from hydra_lightning.convert.settings import setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text
from hydra_lightning.convert.told import log_text, names_in, names_of

HOOKS = {"val": "validation", "test": "test"}


@dataclass(frozen=True)
class Evaluation:
    """The statements of an evaluation, by where they go.

    Attributes:
        stage: ``val`` or ``test``.
        start, step, end: of the hooks at its start, for each batch, and at its end.
        logged: the numbers that are told at its end, with their names.
        stop: statements at its end that may end the training.
        patience: what EarlyStopping is told, where that ends the training.
        held: names that live from one of these hooks to the next.
    """

    stage: str
    loader: Loader
    start: list[Piece]
    step: list[Piece]
    end: list[Piece]
    logged: list[tuple[str, Piece, ast.expr]]
    stop: list[Piece]
    held: set[str]
    patience: Patience | None = None

    @property
    def metrics(self) -> list[str]:
        return [f"{self.stage}/{name}" for name, _, _ in self.logged if name != ALL]

    @property
    def pieces(self) -> list[Piece]:
        return [*self.start, *self.step, *self.end, *self.stop]

    @property
    def told(self) -> set[str]:
        """The names in what it logs."""
        return names_of(self.logged)


def validation_of(program: Program) -> Evaluation | None:
    """The evaluation after each epoch."""
    roles, block, flow = program.roles, program.roles.val_block, program.flow
    if block is None or roles.val is None:
        return None
    place = flow.after.index(block)
    training = [*pieces_in(flow.before), *flow.body]
    trained = {name for piece in training for name in piece.defines}
    before: list[Piece] = []
    told: set[str] = set()
    for piece in (each for each in flow.after[:place] if isinstance(each, Piece)):
        if piece.uses & (trained | told) - {*roles.nets}:
            # What the training of the epoch came to.
            told |= piece.defines
            continue
        trained -= piece.defines
        if not program.is_dropped(piece) and not trains(program, piece):
            before.append(piece)
    before = [each for each in before if each not in made_anew(program)]
    rest = [each for each in flow.after[place + 1 :] if isinstance(each, Piece)]
    plan = _evaluation(program, "val", roles.val, before, block, rest, training, told)
    patience = patience_of(program, plan.stop)
    if patience is None or patience.name not in {ast.unparse(value) for _, _, value in plan.logged}:
        return plan
    program.keep(plan.stop, "callbacks.early_stopping")
    return replace(plan, stop=[], patience=patience)


def test_of(program: Program) -> Evaluation | None:
    """The evaluation after the training."""
    roles, block, flow = program.roles, program.roles.test_block, program.flow
    if block is None or roles.test is None:
        return None
    place = flow.end.index(block)
    others = (index for index, node in enumerate(flow.end) if index > place and isinstance(node, Block))
    last = next(others, len(flow.end))
    before = [each for each in flow.end[:place] if isinstance(each, Piece) and not program.is_dropped(each)]
    rest = [each for each in flow.end[place + 1 : last] if isinstance(each, Piece)]
    used = [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after)]
    return _evaluation(program, "test", roles.test, before, block, rest, used, set())


def _evaluation(
    program: Program,
    stage: str,
    loader: Loader,
    before: Sequence[Piece],
    block: Block,
    rest: Sequence[Piece],
    training: Sequence[Piece],
    told: set[str],
) -> Evaluation:
    counters = {each.id for each in ast.walk(_target(program.flow.epochs)) if isinstance(each, ast.Name)}
    # "epoch 1/10" tells a setting, too.
    counters |= {code for code in program.settings if code.isidentifier()}
    # loader = loaders["val"]
    before = [each for each in before if each.defines != {loader.name}]
    evaluated = [*before, *pieces_in(block.inside), *rest]
    makers = {name for piece in program.roles.makers for name in piece.defines}
    for piece in evaluated:
        # lr = optimizer.param_groups[0]["lr"]
        makers |= piece.defines if isinstance(piece.node, ast.Assign) and piece.uses & makers else set()
    told = told - _given_anew(rest, told)
    # What the steps of the epoch were collected in.
    filled = set().union(*(_collects(each) for each in training)).difference(*map(_collects, evaluated))

    def others(piece: Piece) -> set[str]:
        """The names of the training, where a statement is."""
        here = {name for each in training if each.function == piece.function for name in each.defines}
        own: set[str] = set()
        summed: set[str] = set()
        for each in (one for one in evaluated if one.function == piece.function):
            # What is read before it is assigned, and set back then, was summed in the training.
            summed |= (each.uses & here) - own
            own |= each.defines
        return here.difference(own - summed) | told | makers | filled

    of_batches = [*pieces_in(block.inside)]
    numbers = printed(evaluated, counters, others, program.flow.definitions, program.several_metrics)
    # What is printed of a batch may be a tensor of any shape.
    logged = [
        each
        for each in numbers
        if (each[0] in (ALL, *KNOWN) or each[1] not in of_batches)
        and setting_in(each[2], each[1], program.settings) is None
    ]
    plateau = program.roles.plateau if stage == "val" else None
    if plateau is not None and monitored(plateau, logged) is None:
        name = re.sub(r"^(val|valid|validation|test|eval)_", "", plateau[1].id)
        logged.append((name, *plateau))
    wanted = names_of(logged)
    inside = [each for each in pieces_in(block.inside) if not program.is_dropped(each)]
    exits = [each for each in rest if is_an_exit(each.node) and not program.is_step_limit(each)]
    untold = [each for each in rest if not program.is_dropped(each) or each in exits]
    stop = _deciding([*before, *untold], exits)
    changed_in = set().union(*(each.changes for each in inside))
    emptied = [each for each in untold if resets(each.node) and each.changes & changed_in]
    stop = [each for each in untold if each in stop or each in exits or each in emptied]
    end = needed([*before, *untold], wanted)
    # What is logged is computed before metrics are reset.
    end = [each for each in untold if (each in end or draws(each)) and each not in [*exits, *emptied]]
    stop = [each for each in stop if each not in end]
    wanted |= {name for piece in [*end, *stop] for name in piece.uses}
    made_before = {name for piece in before for name in _begun(piece)}
    # A metric may be made before the training, and reset where it was computed.
    made = made_before.union(*(each.defines for each in program.objects)) - {*program.roles.nets}
    carried = {name for piece in inside for name in piece.defines | (piece.changes & made)} & wanted
    quiet = [
        each
        for each in inside
        if evaluates(each, program.tape) or not only_collects(each, program.roles.nets)
    ]
    calls = [each for each in inside if evaluates(each, program.tape)]
    needs = carried.union(*(each.uses for each in calls))
    step = [each for each in inside if each in calls or each in needed(inside, needs)] if carried else quiet
    changed = {name for piece in step if piece.defines & piece.uses for name in piece.defines & piece.uses}
    changed -= {*re.findall(r"\w+", loader.target)}
    used = set().union(*(piece.uses for piece in step))
    start = needed(before, (carried | changed | wanted | used) & made_before)
    # for meter in meters: meter.reset()
    turns = {name for piece in start if isinstance(piece.node, ast.For) for name in piece.defines}
    held = {name for piece in start for name in piece.defines} | carried
    held -= turns - wanted - used
    return Evaluation(stage, loader, start, step, end, logged, stop, held)


def _given_anew(pieces: Sequence[Piece], names: set[str]) -> set[str]:
    """The names that are assigned before they are read, and so are not what they were."""
    read: set[str] = set()
    own: set[str] = set()
    for piece in pieces:
        read |= (piece.uses & names) - own
        own |= piece.defines
    return own - read


def _deciding(pieces: Sequence[Piece], exits: Sequence[Piece]) -> list[Piece]:
    """The pieces that decide whether the training ends here, or after a later epoch."""
    names = set().union(*(each.uses for each in exits))
    made = set().union(*(each.defines for each in pieces))
    while True:
        found = needed(pieces, names)
        more = names | (made & set().union(*(each.uses for each in found)))
        if more == names:
            return found
        names = more


def monitored(plateau: tuple[Piece, ast.Name], logged: Sequence[tuple[str, Piece, ast.expr]]) -> str | None:
    """The name by which the number is logged that a scheduler is given."""
    names = names_in(*plateau)
    found = (
        name
        for name, piece, value in logged
        if isinstance(value, ast.Name) and names_in(piece, value) == names
    )
    return next(found, None)


def _collects(piece: Piece) -> set[str]:
    """``losses`` of ``losses.append(loss.item())``"""
    return piece.changes if only_collects(piece, ()) else set()


def _begun(piece: Piece) -> set[str]:
    """The names that an evaluation begins with: what is assigned, or made empty again."""
    return piece.defines | (piece.changes if resets(piece.node) else set())


def scope_in(scope: Scope, plan: Evaluation) -> Scope:
    """How names are written in an evaluation."""
    loader = {}
    if plan.loader.name and not plan.loader.is_generated:
        loader[plan.loader.name] = f"self.trainer.{plan.stage}_dataloaders"
    held = {name: f"self.{attribute(name)}" for name in plan.held}
    return Scope(scope.settings, scope.setting, {**scope.names, **loader, **held}, scope.used)


def evaluation_methods(
    program: Program, scope: Scope, plan: Evaluation, first: Sequence[str] | None = None
) -> list[str]:
    """The hooks of an evaluation.

    Args:
        first: the statements of its step, where they are not all that the program has.
    """
    inner = scope_in(scope, plan)
    hook = HOOKS[plan.stage]
    program.keep([*plan.pieces, *(piece for _, piece, _ in plan.logged)], f"{hook}_step")
    methods = []
    if plan.start:
        code = [inner.code(each) for each in plan.start]
        methods.append(method_text(f"on_{hook}_epoch_start", "", "None", code))
    body = [*unpacked(plan.loader), *(inner.code(each) for each in plan.step)] if first is None else first
    methods.append(step_text(f"{hook}_step", plan.loader, plan.step, "None", body))
    for name, piece, value in plan.logged:
        program.logs(f"{plan.stage}/{name}", piece, value)
    if plan.logged or plan.end or plan.stop:
        logs = [log_text(plan.stage, name, inner.code(piece, value)) for name, piece, value in plan.logged]
        last = replace(inner, stops=True)
        code = [*(inner.code(each) for each in plan.end), *logs, *(last.code(each) for each in plan.stop)]
        if plan.stage == "val" and program.roles.kept and program.roles.plateau is not None:
            stepped, given = program.roles.plateau
            program.keep([stepped], f"on_{hook}_epoch_end")
            code.append(f"self.lr_schedulers().step({inner.code(stepped, given)})")
        methods.append(method_text(f"on_{hook}_epoch_end", "", "None", code))
    return methods


def early_method(program: Program, scope: Scope) -> str:
    """The hook for an evaluation before training that is not that after each epoch."""
    # Not on_train_start: the batches of the first epoch have begun to be drawn there.
    program.keep([*program.early, *program.at_start], "on_fit_start")
    used = set().union(*(piece.uses for piece in program.at_start))
    kinds = {loader.name: kind for kind, loader in program.loaders.items() if loader.name in used}
    names = {name: written for name, written in scope.names.items() if name not in kinds}
    inner = Scope(scope.settings, scope.setting, names, scope.used, moves=True)
    code = [f"{name} = self.trainer.datamodule.{kind}_dataloader()" for name, kind in kinds.items()]
    for piece in program.at_start:
        text = inner.code(piece)
        if evaluates(piece, program.tape) and not isinstance(piece.node, ast.With):
            text = f"with torch.no_grad():\n{textwrap.indent(text, '    ')}"
        code.append(text)
    modes = [piece for piece in program.at_start if "mode" in events_in(piece, program.tape)]
    if any(piece.uses & {*program.roles.nets} for piece in modes):
        code.append("self.net.train()" if len(program.roles.nets) == 1 else "self.train()")
    return method_text("on_fit_start", "", "None", code)


def best_by(program: Program, plan: Evaluation) -> tuple[str, str] | None:
    """The metric by which the program keeps its best weights, and ``min`` or ``max``."""
    names = {value.id: f"val/{name}" for name, _, value in plan.logged if isinstance(value, ast.Name)}
    for piece in pieces_in(program.flow.after):
        node = piece.node
        if (
            not isinstance(node, ast.If)
            or not isinstance(node.test, ast.Compare)
            or "state_dict" not in piece.text()
        ):
            continue
        left, operator, right = node.test.left, node.test.ops[0], node.test.comparators[0]
        is_left = isinstance(left, ast.Name) and left.id in names
        metric = left if is_left else right
        if isinstance(metric, ast.Name) and metric.id in names:
            more = isinstance(operator, (ast.Gt, ast.GtE)) is is_left
            return names[metric.id], "max" if more else "min"
    return None


def step_text(name: str, loader: Loader, pieces: Sequence[Piece], result: str, body: Sequence[str]) -> str:
    """The method for a batch; its counter has the program's name where it is used."""
    used = set().union(*(piece.uses for piece in pieces))
    counter = loader.index if loader.index in used and not loader.first else "batch_idx"
    body = [*(counted(loader) if loader.index in used else []), *body]
    batch = "batch" if counter != "batch" else "samples"
    lines = [
        re.sub(r"= batch$", f"= {batch}", line) if index == 0 else line for index, line in enumerate(body)
    ]
    return method_text(name, f"{batch}: Any, {counter}: int", result, lines)


def counted(loader: Loader) -> list[str]:
    """The counter of a loop that does not count from 0."""
    return [f"{loader.index} = batch_idx + {loader.first}"] if loader.first else []


def unpacked(loader: Loader) -> list[str]:
    target = f"({loader.target})" if loader.target.endswith(",") else loader.target
    return [] if target == "batch" else [f"{target} = batch"]


def _target(head: Piece) -> ast.expr:
    return head.node.target if isinstance(head.node, ast.For) else ast.Tuple([])
