"""The parts of a program that are written anew, and what became of its statements."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hydra_lightning.convert.batches import Loader, starts
from hydra_lightning.convert.constants import constants_of
from hydra_lightning.convert.cuts import Cut, cut_of
from hydra_lightning.convert.devices import devices_of
from hydra_lightning.convert.flags import benchmark_of, is_first, is_flag
from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.kept import Kept, kept_statements
from hydra_lightning.convert.known import Known
from hydra_lightning.convert.metric_objects import metric_objects, several_metrics
from hydra_lightning.convert.recorded import evaluates, events_in
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import is_only_a_move, only_seeds
from hydra_lightning.convert.roles import Roles
from hydra_lightning.convert.settings import Setting, owner_of
from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.convert.steps import LAST_EVALUATION, StepLimit, step_limit_of
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.parity.tape import Tape

DROPPED = ("zero", "step", "backward", "schedule", "clip", "mode")


@dataclass
class Program:
    """A program that was recorded and read.

    Attributes:
        flow: its statements, cut at its loops.
        roles: who is who in it.
        settings: its settings, by their code.
        tape: its recording.
        entry: its file.
        stem: the name of the files that are written, ``digits``.
        precision: that of the Trainer, where the program's own is not in its statements.
        kept: where statements that were taken over went, by the identity of their nodes.
        logged: the lines that print what is logged, by the names of the metrics.
        shown: the expressions of these metrics.
    """

    flow: Flow
    roles: Roles
    settings: Mapping[str, Setting]
    tape: Tape
    stem: str
    entry: Source
    precision: str | None = None
    kept: dict[int, str] = field(default_factory=dict)
    logged: dict[str, list[str]] = field(default_factory=dict)
    shown: list[Piece] = field(default_factory=list)

    @property
    def camel(self) -> str:
        return "".join(part.capitalize() for part in self.stem.split("_"))

    @property
    def file(self) -> str:
        """The name of the program's file."""
        return self.tape.command[0].rpartition("/")[2]

    @property
    def how_often(self) -> str:
        """How a loss is logged: as the mean of an epoch, or of steps where there are no epochs."""
        return ", on_step=False, on_epoch=True" if self.flow.epochs.source.path else ""

    @property
    def told(self) -> str:
        """What the program says of itself in one line, else its name."""
        text = ast.get_docstring(self.entry.tree) or ""
        return text.splitlines()[0].rstrip(".") if text else f"What {self.file} trains"

    @cached_property
    def steps(self) -> list[Piece]:
        """What is done with a batch, but for what Lightning does."""
        return [piece for piece in self.flow.body if not self.is_dropped(piece)]

    def evaluates(self, piece: Piece) -> bool:
        """Whether a model is called without gradients in a statement."""
        return evaluates(piece, self.tape)

    @cached_property
    def early(self) -> list[Piece]:
        """The evaluations before training whose result none of it uses, and batches that are taken after the model."""
        trained = [*pieces_in(self.flow.before), *self.flow.body]
        late = [each for each in self._asking if each not in self.peeked]
        found = [each for each in self.flow.setup if evaluates(each, self.tape) or each in late]
        others = [each for each in self.flow.setup if each not in found and not only_tells(each.node)]
        made_of = set().union(*(each.uses for each in others))
        used = made_of.union(*(each.uses for each in trained))
        return [
            each
            for each in found
            if each not in self.pretraining
            and isinstance(each.node, (ast.Expr, ast.Assign, ast.For, ast.With))
            and not each.defines & (made_of if each in late else used)
        ]

    @cached_property
    def peeked(self) -> list[Piece]:
        """What asks loaders for batches before the model is made, as ``x0, y0 = next(iter(loader))``."""
        setup = self.flow.setup
        model = min(setup.index(piece) for piece in self.roles.nets.values())
        return [each for each in self._asking if setup.index(each) < model]

    @property
    def looked_at(self) -> list[Piece]:
        """What takes batches of loaders after the model is made, for what the training does later."""
        return [each for each in self.early if each in self._asking]

    @property
    def _asking(self) -> list[Piece]:
        """The statements before training that take batches of loaders, and evaluate nothing."""
        sites = {site for stack in self.tape.stacks.get("iter", {}).values() for site in stack}
        return [
            each
            for each in self.flow.setup
            if any(map(each.covers, sites))
            and each not in self.pretraining
            and not isinstance(each.node, (ast.FunctionDef, ast.ClassDef))
            and not evaluates(each, self.tape)
            and not starts(each)
        ]

    @property
    def at_start(self) -> list[Piece]:
        """What is evaluated before training in another way than after each epoch, functions opened."""
        found: list[Piece] = []
        for piece in self.early:
            if piece not in self.first:
                nodes = self.flow.opened.get(id(piece.node), [piece])
                found += [node if isinstance(node, Piece) else node.head for node in nodes]
        return found

    @cached_property
    def first(self) -> list[Piece]:
        """The evaluations before training that are the same as that after each epoch."""
        block = self.roles.val_block
        return [] if block is None else [each for each in self.early if self._is_like(each, block.head)]

    def _is_like(self, piece: Piece, head: Piece) -> bool:
        """Whether a call before training is that which evaluates in the loop ``head``."""
        if not isinstance(piece.node, (ast.Expr, ast.Assign)):
            return False
        calls = []
        for stack in self.tape.evaluations:
            at = next((index for index, site in enumerate(stack) if head.covers(site)), 0)
            if at and not piece.covers(stack[at - 1]):
                calls += [each for each in self.flow.calls if each.covers(stack[at - 1])]
        return any(
            isinstance(each.node, (ast.Expr, ast.Assign))
            and piece.part(piece.node.value) == each.part(each.node.value)
            for each in calls
        )

    @cached_property
    def objects(self) -> list[Piece]:
        """What is made before training, but for settings and seeds."""
        sites = {(each.site, owner_of(code)) for code, each in self.settings.items()}
        owners = {owner_of(code) for code in self.settings if "." in code}
        return [
            piece
            for piece in self.flow.setup
            if not (piece.source.path and any((piece.site, name) in sites for name in piece.defines))
            and not (_is_given_a_constant(piece) and piece.defines <= {*self.settings})
            and not ("seed" in events_in(piece, self.tape) and _only_calls(piece.node))
            and not only_seeds(piece, self.flow.setup)
            and not self.is_for_devices(piece)
            and not is_only_a_move(piece)
            and piece not in self.early
            and piece not in [*self.flow.trained_before, *self.pretraining]
            and piece not in self.constant_pieces
            and piece not in self._all_flags
            and not (piece.defines and piece.defines <= owners)
        ]

    @cached_property
    def flags(self) -> list[Piece]:
        """What libraries are told before training, but for what the Trainer and the modules tell them."""
        return [each for each in self._all_flags if benchmark_of(each) is None and not is_first(each)]

    @cached_property
    def first_flags(self) -> list[Piece]:
        """What libraries are told before anything is made."""
        return [each for each in self._all_flags if is_first(each)]

    @cached_property
    def _all_flags(self) -> list[Piece]:
        return [each for each in self.flow.setup if is_flag(each, self.flow.definitions)]

    @cached_property
    def is_pretrained(self) -> bool:
        """Whether the model is made of what earlier trainings came to.

        Raises:
            Refused: a part of it is made before them and another one after.
        """
        place = self.flow.setup.index
        models = [place(each) for each in self.roles.nets.values()]
        trainings = [place(each) for each in self.flow.trained_before]
        if not trainings or max(models) < min(trainings):
            return False
        if min(models) < max(trainings):
            site = self.flow.trained_before[0].site
            raise Refused(
                "early-evaluation", site, "models are made before and after a training that comes first."
            )
        return True

    @cached_property
    def is_left_in_eval(self) -> bool:
        """Whether an earlier training leaves a model in eval mode, and the last one switches it back in each epoch."""
        before = [each for each in self.tape.events[: self.tape.begins] if each.kind == "mode"]
        epoch = [*pieces_in(self.flow.before), *self.flow.body]
        switched = any("mode" in events_in(each, self.tape) for each in epoch)
        return bool(before) and not before[-1].data["train"] and switched

    @cached_property
    def pretraining(self) -> list[Piece]:
        """The trainings that the model is made of, and the evaluations of what they came to."""
        if not self.is_pretrained:
            return []
        place = self.flow.setup.index
        first = place(self.flow.trained_before[0])
        last = min(place(each) for each in self.roles.nets.values())
        between = [each for each in self.flow.setup[first:last] if evaluates(each, self.tape)]
        return [each for each in self.flow.setup if each in self.flow.trained_before or each in between]

    @cached_property
    def kept_statements(self) -> Kept:
        """What of the training is kept as it is."""
        makers = {name for piece in self.roles.makers for name in piece.defines}
        return kept_statements(self.flow, self.roles, self.tape, makers)

    @cached_property
    def holders(self) -> set[str]:
        """Names of the objects that options are in: a function that is given one of these does not change them."""
        names = {owner_of(code) for code in self.settings}
        return names.difference(*(each.defines for each in self.objects))

    @cached_property
    def constants(self) -> dict[str, tuple[Piece, ...]]:
        """What the program makes of itself alone before training and never changes, by name."""
        return constants_of(self.flow, self.settings)

    @cached_property
    def constant_pieces(self) -> list[Piece]:
        """The statements that make the constants, in their order."""
        made = {piece for pieces in self.constants.values() for piece in pieces}
        return [piece for piece in self.flow.setup if piece in made]

    @cached_property
    def metric_objects(self) -> set[str]:
        """Names of objects of torchmetrics."""
        return metric_objects(self.flow)

    @cached_property
    def several_metrics(self) -> set[str]:
        """Names of objects whose ``compute()`` gives a dict."""
        return several_metrics(self.flow)

    @cached_property
    def devices(self) -> dict[str, str]:
        """Names that say where things run, and nothing else; how a LightningModule says it."""
        found = devices_of(self.flow.setup)
        return {name: written for name, written in found.items() if name not in self.roles.nets}

    def is_for_devices(self, piece: Piece) -> bool:
        """Whether a statement only decides where things run: what Lightning's accelerators do."""
        only_devices = bool(piece.defines) and piece.defines <= {*self.devices}
        if isinstance(piece.node, ast.If) and not only_devices:
            names = {each.id for each in ast.walk(piece.node.test) if isinstance(each, ast.Name)}
            told = ast.unparse(piece.node.test)
            return not piece.node.orelse and (
                (bool(names) and names <= {*self.devices}) or "cuda.is_available" in told
            )
        return isinstance(piece.node, (ast.Assign, ast.If)) and only_devices

    @property
    def loaders(self) -> dict[str, Loader]:
        """By what they are for: ``train``, ``val``, ``test``."""
        found = {"train": self.roles.train, "val": self.roles.val, "test": self.roles.test}
        return {kind: loader for kind, loader in found.items() if loader is not None}

    @cached_property
    def cuts(self) -> dict[str, Cut]:
        """Where loops over batches are left after a number of them, by what these are for."""
        roles = self.roles
        bodies = {"train": [*self.flow.body]}
        for kind, block in (("val", roles.val_block), ("test", roles.test_block)):
            bodies |= {kind: [*pieces_in(block.inside)]} if block is not None else {}
        found = {
            kind: cut_of(loader, bodies[kind], self.known, self.settings)
            for kind, loader in self.loaders.items()
            if kind in bodies
        }
        return {kind: cut for kind, cut in found.items() if cut is not None}

    @cached_property
    def step_limit(self) -> StepLimit | None:
        """The number of steps that ends the training, where one does."""
        return step_limit_of(self.flow, self.roles, self.settings, self.tape)

    def is_step_limit(self, piece: Piece) -> bool:
        """Whether a statement leaves a loop because the last step was made."""
        return self.step_limit is not None and piece in self.step_limit.pieces

    @property
    def code_after_step(self) -> list[str]:
        """What asks for the evaluation that follows the last step, where one does."""
        limit = self.step_limit
        return [LAST_EVALUATION] if limit is not None and limit.is_evaluated else []

    @cached_property
    def skipped(self) -> Cut | None:
        """Where the training of an epoch ends with a batch that is fetched, and drawn for, in vain."""
        cut = self.cuts.get("train")
        iterated = {
            event.about
            for event in self.tape.events
            if event.kind == "iter" and self.flow.batches.covers(event.site)
        }
        is_drawn = any(self.tape.objects[name].get("draws") for name in iterated)
        is_vain = cut is not None and cut.batches is not None and cut.is_at_top and is_drawn
        return cut if is_vain and not self.roles.val_block else None

    def is_dropped(self, piece: Piece) -> bool:
        """Whether Lightning does what a statement does, or it only tells."""
        is_call = isinstance(piece.node, ast.Expr)
        return (
            (is_call and bool(events_in(piece, self.tape) & {*DROPPED}))
            or is_only_a_move(piece)
            or (only_tells(piece.node) and not evaluates(piece, self.tape))
            or any(piece is cut.piece for cut in self.cuts.values())
            or self.is_step_limit(piece)
        )

    @cached_property
    def known(self) -> Known:
        """The plain values that training does not change."""
        known = Known(self.flow.setup, self.settings)
        for piece in [*pieces_in([*self.flow.before, *self.flow.after]), *self.flow.body]:
            known.forget(piece.defines)
        return known

    def is_not_exercised(self, piece: Piece) -> bool:
        """Whether a statement is a branch that these settings do not take."""
        node = piece.node
        return isinstance(node, ast.If) and not node.orelse and self.known.value(node.test, piece) is False

    def logs(self, name: str, piece: Piece, value: ast.expr) -> None:
        """Note that a metric is what a statement prints, or puts in a text, and others may print, too."""
        flow, code = self.flow, ast.unparse(value)
        telling = [
            each
            for each in [*flow.body, *pieces_in(flow.after), *pieces_in(flow.end)]
            if only_tells(each.node)
            and (each.uses & piece.defines or any(code == ast.unparse(part) for part in _values_in(each)))
        ]
        self.shown.append(Piece(ast.Expr(value), piece.source, piece.names))
        self.logged[name] = [site for each in [piece, *telling] for site in each.sites]

    def keep(self, pieces: Iterable[Piece], where: str) -> None:
        for piece in pieces:
            self.kept.setdefault(id(piece.node), where)
            for each in self.flow.setup if piece.source.path else ():
                if each.site == piece.site and each.node.col_offset == piece.node.col_offset:
                    # The same statement, where a part of it was written otherwise.
                    self.kept.setdefault(id(each.node), where)


def _only_calls(statement: ast.stmt) -> bool:
    """Whether a statement assigns nothing: ``set_seed(args.seed)``, under a condition or not."""
    if isinstance(statement, ast.If):
        return all(map(_only_calls, [*statement.body, *statement.orelse]))
    return isinstance(statement, ast.Expr)


def _values_in(piece: Piece) -> Iterator[ast.expr]:
    return (each for each in ast.walk(piece.node) if isinstance(each, ast.expr))


def _is_given_a_constant(piece: Piece) -> bool:
    """Whether a parameter of a function that is put in place of its call is given a constant."""
    node = piece.node
    return not piece.source.path and isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
