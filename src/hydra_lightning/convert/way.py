"""Follows the recorded stacks of a program into its loops, branches, functions and methods."""

from __future__ import annotations

import ast
import contextlib
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hydra_lightning.convert.after import evaluation_in
from hydra_lightning.convert.blocks import Block, Place, is_only_around, pieces_in
from hydra_lightning.convert.calls import (
    SIMPLE,
    Function,
    apart,
    bound,
    calls_in,
    loop_of,
    one_by_one,
    returned_as,
    returns,
    with_f_strings,
    with_result,
)
from hydra_lightning.convert.constructs import (
    asks_environment,
    chooses,
    is_always_none,
    is_docstring,
    is_of_a_run,
    phases,
)
from hydra_lightning.convert.edits import again, placed, placed_all, specialised
from hydra_lightning.convert.entered import bars_in
from hydra_lightning.convert.functions import Functions
from hydra_lightning.convert.leaving import unrun_returns, without
from hydra_lightning.convert.objects import Instance, Objects
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.source import Piece, Source, made, was_run
from hydra_lightning.convert.static import UNKNOWN, is_grad_enabled, known_in, value_of, with_assigned
from hydra_lightning.parity.tape import Tape

LEFT_OUT = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global, ast.Pass)


@dataclass
class Way:
    """Follows the recorded stacks into loops, branches and functions.

    Attributes:
        stacks: that lead to steps and evaluations.
        backwards: those that lead to steps.
        makers: those that lead to what makes an optimizer: a function that makes more than that is on the way too.
        not_run: branches that the recording did not take, and that leave a function or call a method.
        calls: of functions that were put in their place.
        opened: the statements of functions that evaluate before training, by the identity of the node of their call.
        closures: functions that an optimizer is given, put before its step.
        entered: the ``with`` statements around loops that bind a name, by it.
    """

    sources: Mapping[str, Source]
    stacks: list[list[str]]
    backwards: list[list[str]]
    makers: list[list[str]]
    tape: Tape
    not_run: list[Piece] = field(default_factory=list)
    calls: list[Piece] = field(default_factory=list)
    opened: dict[int, list[Piece | Block]] = field(default_factory=dict)
    closures: list[ast.FunctionDef] = field(default_factory=list)
    entered: dict[str, Piece] = field(default_factory=dict)
    _is_begun: bool = False

    def __post_init__(self) -> None:
        # An object that only evaluates stays one.
        self.objects = Objects(self.sources, [*self.backwards, *self.makers])
        self.functions = Functions(self.sources)

    def expand(self, statements: Sequence[ast.stmt], place: Place) -> list[Piece | Block]:
        """The statements, and those of what they call on the way."""
        found: list[Piece | Block] = []
        waiting = list(statements)
        while waiting:
            statement = waiting.pop(0)
            piece = Piece(statement, place.source, place.names)
            if isinstance(statement, ast.FunctionDef) and statement not in place.source.tree.body:
                # A function in a function reads what is made there; one that trains stands where it is called.
                if not self._trains_in(piece):
                    found.append(piece)
                continue
            if isinstance(statement, ast.Pass) and place.source.written:
                # What an Accelerator did here, the Trainer does.
                found.append(piece)
                continue
            if isinstance(statement, LEFT_OUT):
                continue
            if is_docstring(statement):
                continue
            if (
                isinstance(statement, ast.If)
                and (branch := self._branch(piece, statement, place)) is not None
            ):
                waiting[:0] = branch
                continue
            if isinstance(statement, ast.If) and (lost := unrun_returns(piece, self.tape)):
                self.not_run += [Piece(each, place.source, place.names) for each in lost]
                place = replace(place, source=without(place.source, lost))
                waiting = [again(each, place.source) for each in [statement, *waiting]]
                continue
            if isinstance(statement, ast.With) and is_grad_enabled(statement, place.known):
                waiting[:0] = statement.body
                continue
            if (chained := self.objects.chained(piece)) is not None:
                found += self.expand(chained.tree.body, replace(place, source=chained, names={}))
                continue
            instance = self.objects.made_in(piece)
            if instance is not None:
                found += self._created(piece, instance, place)
                place, waiting = self._knowing(instance, place, waiting)
                continue
            found += self._expanded(piece, place)
        return found

    def _expanded(self, piece: Piece, place: Place) -> list[Piece | Block]:
        statement, depth = piece.node, place.depth
        here = [stack for stack in place.stacks if len(stack) > depth and piece.covers(stack[depth])]
        inner = replace(place, stacks=here)
        if not here:
            return self._beside(piece, place)
        if not any(stack in self.stacks for stack in here) and not isinstance(
            statement, (ast.Assign, ast.If, ast.Expr)
        ):
            return [piece]
        is_trained = any(stack in self.backwards or stack in self.makers for stack in here)
        if not self._is_begun and not is_trained:
            # An evaluation before training.
            self._open(piece, inner)
            return [piece]
        if isinstance(statement, ast.For) and (found := phases(statement, place.source)) is not None:
            return self._unrolled(statement, *found, inner)
        if isinstance(statement, (ast.For, ast.While)):
            self._is_begun = True
            return [Block(piece, self.expand(statement.body, inner), statement.body, inner)]
        if isinstance(statement, (ast.With, ast.If, ast.Try)):
            lines = [int(stack[depth].rpartition(":")[2]) for stack in here]
            inside: list[Piece | Block] = []
            branches = [statement.body, getattr(statement, "orelse", [])]
            if isinstance(statement, ast.Try):
                # Nothing was raised on the way.
                branches = [[*statement.body, *statement.orelse, *statement.finalbody]]
            for branch in branches:
                if branch and any(branch[0].lineno <= line <= (branch[-1].end_lineno or 0) for line in lines):
                    inside += self.expand(branch, inner)
            if not inside or not is_only_around(statement, inside):
                return [piece]
            return [*bars_in(piece, self.entered), *inside]
        if any(len(stack) > depth + 1 and piece.covers(stack[depth + 1]) for stack in here) or any(
            isinstance(each, (ast.ListComp, ast.GeneratorExp)) for each in ast.walk(statement)
        ):
            loops = [
                each for each in ast.walk(statement) if isinstance(each, (ast.ListComp, ast.GeneratorExp))
            ]
            on_the_way = [each for each in loops if self._called(each, piece, inner)]
            if not on_the_way and self._goes_over_a_loader(piece, inner):
                on_the_way = loops[:1]
            if on_the_way and isinstance(statement, SIMPLE):
                return self._looped(piece, on_the_way[0], inner)
        if any(len(stack) > depth + 1 and self.functions.at(stack[depth + 1]) for stack in here):
            if any(stack in self.stacks for stack in here):
                return self._inlined(piece, inner)
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
                with contextlib.suppress(Refused):
                    return self._inlined(piece, inner)
        return [piece]

    def _trains_in(self, function: Piece) -> bool:
        """Whether the loop over the batches is in a function."""
        loops = [each for each in ast.walk(function.node) if isinstance(each, (ast.For, ast.While))]
        pieces = [Piece(each, function.source) for each in loops]
        return any(each.covers(stack[-1]) for each in pieces for stack in self.backwards)

    def _called(self, node: ast.AST, piece: Piece, place: Place) -> list[ast.Call]:
        """The calls in a part of a statement that lead to a step or an evaluation."""
        found = []
        for stack in place.stacks:
            following = [each for each in stack[place.depth + 1 :] if not piece.covers(each)]
            function = self.functions.at(following[0]) if following else None
            if function is not None:
                found += calls_in(node, function.node.name)
        return found

    def _goes_over_a_loader(self, piece: Piece, place: Place) -> bool:
        """Whether a statement evaluates batches of a loader by itself."""
        ends = all(piece.covers(site) for stack in place.stacks for site in stack[place.depth :])
        return ends and any(map(piece.covers, self.tape.stacks.get("iter", {})))

    def steps(self, batches: Block) -> list[Piece | Block]:
        """What is done with a batch; an evaluation in it stays as it is written."""
        return self.expand(batches.body, replace(batches.place, stacks=self.backwards))

    def after_training(self, nodes: Sequence[Piece | Block], outer: Block) -> list[Piece | Block]:
        """What follows the training, functions that evaluate opened, though the recording may have ended before."""
        found: list[Piece | Block] = []
        first = self.backwards[0]
        depth = next((at for at, site in enumerate(first) if outer.head.covers(site)), 0)
        for node in nodes:
            is_own = isinstance(node, Piece) and outer.head.source.path
            seen = [stack for stack in self.stacks if stack not in self.backwards]
            tail = evaluation_in(node, self.sources, seen) if is_own and isinstance(node, Piece) else []
            if isinstance(node, Piece) and tail:
                stack = [*first[:depth], *tail]
                self.stacks.append(stack)
                try:
                    inside = self.expand([node.node], Place(node.source, node.names, [stack], depth))
                except Refused:
                    inside = [node]
                # A function that can train, too, may train here.
                trains = any(".backward(" in each.text(comments=False) for each in pieces_in(inside))
                found += [node] if trains else inside
            else:
                found.append(node)
        return found

    def _open(self, piece: Piece, place: Place) -> None:
        """Note what a call does, where its function can be put in its place."""
        if isinstance(piece.node, (ast.Expr, ast.Assign)) and any(
            len(stack) > place.depth + 1 and self.functions.at(stack[place.depth + 1])
            for stack in place.stacks
        ):
            self._is_begun = True
            with contextlib.suppress(Refused):
                self.opened[id(piece.node)] = self._inlined(piece, place)
            self._is_begun = False

    def _branch(self, piece: Piece, statement: ast.If, place: Place) -> list[ast.stmt] | None:
        """The only branch that is taken here, or that can be written, as another one leaves the function."""
        choice = value_of(statement.test, place.known)
        if choice is not UNKNOWN:
            taken, lost = (statement.body, statement.orelse) if choice else (statement.orelse, statement.body)
            if piece.source.written and isinstance(statement.test, ast.Constant):
                self.not_run += [Piece(each, piece.source, piece.names) for each in lost]
            return taken
        if not was_run(piece, statement, self.tape):
            return None
        is_decided = is_always_none(statement, place.source) or (
            not self._is_begun and (chooses(statement, place.source) or asks_environment(statement.test))
        )
        for lost, taken in ((statement.body, statement.orelse), (statement.orelse, statement.body)):
            if any(was_run(piece, each, self.tape) for each in lost):
                continue
            if not lost and not is_decided:
                continue
            leaves = any(any(returns(Piece(each, piece.source))) or is_of_a_run(each) for each in lost)
            if (
                leaves
                or is_decided
                or any(self.objects.is_called(Piece(each, piece.source, piece.names)) for each in lost)
            ):
                self.not_run += [Piece(each, piece.source, piece.names) for each in lost]
                return taken
        return None

    def _inlined(self, piece: Piece, place: Place) -> list[Piece | Block]:
        stacks, depth = place.stacks, place.depth
        functions = {
            id(found.node): found
            for stack in stacks
            if len(stack) > depth + 1 and (found := self.functions.at(stack[depth + 1]))
        }
        # Trainer(...).train() makes the object in the same line.
        called = {each: found for each, found in functions.items() if found.node.name != "__init__"}
        functions = called or functions
        function = next(iter(functions.values()))
        calls = calls_in(piece.node, function.node.name)
        method = self.objects.method(piece, calls[0]) if len(calls) == 1 else None
        if function.owner and method is None and not any(stack in self.backwards for stack in stacks):
            return [piece]
        if len(functions) > 1 or (function.owner and method is None):
            raise Refused(
                "method",
                piece.site,
                "training goes through a method of what is not known, or two functions in one line.",
            )
        if not calls and not function.node.args.args:
            # optimizer.step(closure)
            inside = self.expand(
                function.node.body, Place(function.source, place.names, stacks, depth + 1, place.known)
            )
            self.closures.append(function.node)
            return [*(each for each in inside if isinstance(each, Block) or not any(returns(each))), piece]
        if len(calls) != 1 or not isinstance(piece.node, SIMPLE):
            raise Refused(
                "call", piece.site, "a function on the way to a step is called inside an expression."
            )
        self.calls.append(piece)
        return self._put(piece, calls[0], method or function, replace(place, depth=depth + 1))

    def _put(self, piece: Piece, call: ast.Call, function: Function, place: Place) -> list[Piece | Block]:
        """The body of a function in place of its call."""
        first, names, constants, given = bound(piece, call, function, self.tape)
        here = Piece(function.node, function.source)
        callers = {
            stack[at] for stack in self.stacks for at in range(len(stack) - 1) if here.covers(stack[at + 1])
        }
        # What is called at several places may do something else at each of them.
        values = known_in(function.node, given, place.known) if len(callers) > 1 else {}
        node, source = specialised(function.source, function.node, constants)
        names |= returned_as(piece, call, function.node)
        known: Mapping[str, str] = names
        if function.owner is not None:
            instance = self.objects.known[function.owner]
            if function.node.name == "__init__":
                self.objects.name_attributes(instance, function, names)
            # The bases of an object give its attributes their names while they are read.
            known = ChainMap(names, {function.node.args.args[0].arg: function.owner}, instance.names)
        names |= apart(function.node, known)
        inside = self.expand(node.body, Place(source, known, place.stacks, place.depth, values))
        last = inside[-1] if inside else None
        result = None
        if isinstance(last, Piece) and isinstance(last.node, ast.Return):
            result = last.part(last.node.value) if last.node.value is not None else None
            inside.pop()
        if any(any(returns(each)) for each in pieces_in(inside)):
            raise Refused("return", piece.site, f"{function.node.name} returns at more than one place.")
        whole = isinstance(piece.node, ast.Expr) and piece.node.value is call
        if whole or function.node.name == "__init__":
            return [*first, *inside]
        code = with_result(piece, call, result or "None")
        return [*first, *inside, *placed_all(one_by_one(code), piece)]

    def _beside(self, piece: Piece, place: Place) -> list[Piece | Block]:
        """A statement that leads to no step; methods of objects that are taken apart are put in place of it."""
        if self.functions.tells(piece.node):
            return [placed("pass", piece)]
        if not isinstance(piece.node, SIMPLE):
            return [piece]
        if (told := with_f_strings(piece)) is not None:
            return [placed(told, piece)]
        of = self.functions.of_settings if self._is_begun else self.functions.of_loaders
        if (function := of(piece)) is not None:
            with contextlib.suppress(Refused):
                return self._put(piece, calls_in(piece.node, function.node.name)[0], function, _aside(place))
        for call in ast.walk(piece.node):
            method = self.objects.method(piece, call) if isinstance(call, ast.Call) else None
            if method is not None and isinstance(call, ast.Call):
                return self._put(piece, call, method, _aside(place))
        return [piece]

    def _created(self, piece: Piece, instance: Instance, place: Place) -> list[Piece | Block]:
        """What the ``__init__`` of an object does that is taken apart."""
        init = self.objects.init(instance)
        if init is None:
            return []
        return self._put(piece, instance.call, init, Place(init.source, {}, [], 0))

    def _knowing(
        self, instance: Instance, place: Place, waiting: list[ast.stmt]
    ) -> tuple[Place, list[ast.stmt]]:
        """What follows the making of an object, its attributes under their new names."""
        source = self.objects.without(instance, place.source)
        names = {**place.names, **instance.names}
        return replace(place, source=source, names=names), [again(each, source) for each in waiting]

    def _unrolled(
        self, statement: ast.For, name: str, values: Sequence[str | bool], place: Place
    ) -> list[Piece | Block]:
        """``for phase in ("train", "val"):``, one after the other."""
        found: list[Piece | Block] = []
        for value in values:
            node, source = specialised(place.source, statement, {name: value})
            known = with_assigned(node.body, place.known)
            found += self.expand(node.body, replace(place, source=source, known=known))
        return found

    def _looped(
        self, piece: Piece, node: ast.ListComp | ast.GeneratorExp, place: Place
    ) -> list[Piece | Block]:
        """``losses = [step(batch) for batch in loader]`` as a loop."""
        assert isinstance(piece.node, SIMPLE)
        whole = isinstance(piece.node, ast.Assign) and piece.node.value is node
        name = piece.part(piece.node.targets[0]) if whole and isinstance(piece.node, ast.Assign) else "values"
        head = loop_of(piece, node)
        inner = placed(f"{name}.append({piece.part(node.elt)})", piece)
        depth = place.depth
        while all(len(stack) > depth + 1 and piece.covers(stack[depth + 1]) for stack in place.stacks):
            depth += 1
        inside = Place(inner.source, {}, place.stacks, depth, place.known)
        self._is_begun = True
        body = self.expand([inner.node], inside)
        result = with_result(piece, node, f"({name})" if isinstance(node, ast.GeneratorExp) else name)
        rest = [] if whole else [placed(result, piece)]
        return [made(f"{name} = []"), Block(placed(head, piece), body, [inner.node], inside), *rest]


def _aside(place: Place) -> Place:
    """A place that no recorded stack leads through."""
    return replace(place, stacks=[], depth=0)
