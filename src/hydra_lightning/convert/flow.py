"""The way of a program to its training steps, as one sequence: functions on the way are put in place of their calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hydra_lightning.convert.blocks import Block, Place, pieces_in
from hydra_lightning.convert.constructs import is_name
from hydra_lightning.convert.intervals import Interval, of_epochs, of_steps
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.siblings import is_sibling, run_at_import
from hydra_lightning.convert.source import Piece, Source, made
from hydra_lightning.convert.static import flat
from hydra_lightning.convert.way import Way
from hydra_lightning.parity.tape import Tape

__all__ = ["Block", "Flow", "flow_of", "pieces_in"]


@dataclass
class Flow:
    """A program, cut at its loops.

    Attributes:
        setup: what comes before the loop over epochs.
        epochs: that loop.
        before: what each epoch does before its batches.
        batches: the loop over batches.
        body: what is done with a batch.
        after: what each epoch does after its batches; the loop of an evaluation is a block.
        end: what comes after the last epoch.
        definitions: every function, class and import of the program, by name.
        way: the recorded stacks that lead to steps and evaluations.
        not_run: branches that the recording did not take, and that cannot be written.
        calls: the calls of functions that were put in their place.
        opened: the statements of functions that evaluate before training, by the identity of the node of their call.
        trained_before: of the setup, what trains, too, before the training that this is the flow of.
        interval: how often what evaluates after an epoch does; None after each.
        within: an evaluation in the steps that the Trainer can make between them.
        entered: the ``with`` statements around loops that bind a name, by it.
    """

    setup: list[Piece]
    epochs: Piece
    before: list[Piece | Block]
    batches: Piece
    body: list[Piece]
    after: list[Piece | Block]
    end: list[Piece | Block]
    definitions: dict[str, Piece] = field(default_factory=dict)
    way: list[list[str]] = field(default_factory=list)
    not_run: list[Piece] = field(default_factory=list)
    calls: list[Piece] = field(default_factory=list)
    opened: dict[int, list[Piece | Block]] = field(default_factory=dict)
    trained_before: list[Piece] = field(default_factory=list)
    interval: Interval | None = None
    within: Interval | None = None
    entered: dict[str, Piece] = field(default_factory=dict)

    def with_evaluation_after_steps(self) -> Flow:
        """The same, where the Trainer makes the evaluation that is in the steps."""
        if self.within is None:
            return self
        body = [each for each in self.body if each is not self.within.branch]
        return replace(self, body=body, after=[*self.within.inside, *self.after], interval=self.within)

    @property
    def helpers(self) -> list[Piece]:
        """The functions and classes that are not on the way to the training steps."""
        pieces = [
            each
            for each in self.definitions.values()
            if not isinstance(each.node, (ast.Import, ast.ImportFrom))
        ]
        return [
            each for each in pieces if not any(each.covers(site) for stack in self.way for site in stack[1:])
        ]

    @property
    def statements(self) -> list[Piece]:
        """The body as it is written, no function put in place of its call, but for one that makes the step."""
        node = self.batches.node
        assert isinstance(node, (ast.For, ast.While))
        if self.batches.source.span is not None or self.batches.names.get("self"):
            return self.body
        calls = {id(each.node) for each in self.calls}
        statements = [*flat(node.body)]
        rest = [Piece(each, self.batches.source, self.batches.names) for each in statements]
        if not any(id(each) in calls for each in statements):
            return rest
        inside = {id(each) for statement in statements for each in ast.walk(statement)}
        opened = [each for each in self.body if id(each.node) not in inside]
        place = next(index for index, each in enumerate(statements) if id(each) in calls)
        return [*rest[:place], *opened, *(each for each in rest[place:] if id(each.node) not in calls)]


def flow_of(sources: Mapping[str, Source], entry: str, tape: Tape) -> Flow:
    """Cut a program at the loops that its recording went through.

    Raises:
        Refused: it has no loop over epochs with one loop over batches in it.
    """
    backward = list(tape.stacks.get("backward", {}).values())
    sites = [stack[-1] for stack in backward]
    for site in sites:
        _need_own_backward(sources, site)
    way = Way(
        sources, [*backward, *tape.evaluations], backward, [*tape.stacks.get("optimizer", {}).values()], tape
    )
    first = Place(sources[entry], {}, [*way.stacks, *way.makers], 0)
    nodes = [*run_at_import(sources), *way.expand(sources[entry].tree.body, first)]
    outer = _holding(nodes, sites[0])
    inner = _holding(outer.inside, sites[0]) if outer else None
    if inner is not None and outer is not None and _is_in_a_step(inner, outer, sites, tape):
        inner = None
    if outer is None:
        raise Refused("no-epochs", sites[0], "backward is not in a loop over batches in a loop over epochs.")
    place = nodes.index(outer)
    if inner is None:
        loaders = tape.stacks.get("iter", {})
        if any(
            piece.covers(sites[0]) and any(map(piece.covers, loaders)) for piece in pieces_in(outer.inside)
        ):
            raise Refused("no-epochs", sites[0], "backward is not in a loop over batches of its own.")
        # One loop of steps is one epoch.
        once = Block(made("for _ in range(1):\n    pass"), [outer], [], outer.place)
        outer, inner = once, outer
    for site in sites:
        if not any(_sites(inner, site)):
            raise Refused("several-backwards", site, "backward is called in more than one loop.")
    split = outer.inside.index(inner)
    setup = [node for node in nodes[:place] if isinstance(node, Piece)]
    if len(setup) != place:
        early = next(node for node in nodes[:place] if isinstance(node, Block))
        raise Refused("early-evaluation", early.head.site, "a loop before the loop over epochs trains, too.")
    _need_no_exec(setup)
    body = [node if isinstance(node, Piece) else node.head for node in way.steps(inner)]
    body = [piece for piece in body if piece.node not in way.closures]
    before, opened = outer.inside[:split], outer.inside[split + 1 :]
    closed = way.steps(outer)
    interval, after = of_epochs(outer.head, closed[_place_of(closed, inner) + 1 :], opened, tape)
    within = of_steps(setup, before, inner.head, body, inner.inside, after, tape)
    definitions = {
        name: Piece(node, source)
        for source in reversed([*sources.values()])
        for node in source.tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))
        for name in Piece(node, source).defines
        if not is_sibling(node, source.path, sources)
    }
    return Flow(
        setup,
        outer.head,
        before,
        inner.head,
        body,
        after,
        way.after_training(nodes[place + 1 :], outer),
        definitions,
        way.stacks,
        way.not_run,
        way.calls,
        way.opened,
        [_trained_at(setup, file, line) for file, line, _ in tape.earlier],
        interval,
        within,
        way.entered,
    )


def _place_of(nodes: Sequence[Piece | Block], block: Block) -> int:
    """Where a loop is that was opened anew."""
    heads = [node.head.site if isinstance(node, Block) else "" for node in nodes]
    return heads.index(block.head.site) if block.head.site in heads else len(nodes)


def _trained_at(setup: Sequence[Piece], file: str, line: int) -> Piece:
    """The statement of an earlier training."""
    here = [each for each in setup if each.source.path == file and each.node.lineno == line]
    if len(here) != 1:
        raise Refused("early-evaluation", f"{file}:{line}", "a loop before the loop over epochs trains, too.")
    return here[0]


def _is_in_a_step(inner: Block, outer: Block, sites: Sequence[str], tape: Tape) -> bool:
    """Whether a loop is a part of a step: of a fixed number of turns, and not all of the training in it."""
    node = inner.head.node
    is_short = (
        isinstance(node, ast.For)
        and isinstance(node.iter, ast.Call)
        and ast.unparse(node.iter.func) == "range"
        and len(node.iter.args) == 1
    )
    loops = [each for each in outer.inside if isinstance(each, Block) and any(map(each.head.covers, sites))]
    trained = [*sites, *tape.stacks.get("step", {})]
    return is_short and len(loops) == 1 and not all(map(inner.head.covers, trained))


def _need_own_backward(sources: Mapping[str, Source], site: str) -> None:
    """Refuse a training whose loop is in a library, as that of Lightning's or transformers' Trainer."""
    path, _, line = site.rpartition(":")
    if "exec(" in (text := sources[path].text.splitlines()[int(line) - 1]) or "step(" in text:
        return
    here = [
        each
        for each in ast.walk(sources[path].tree)
        if isinstance(each, ast.Call) and each.lineno <= int(line) <= (each.end_lineno or 0)
    ]
    if here and not any("backward" in ast.unparse(each) for each in here):
        raise Refused(
            "library-loop",
            site,
            f"the loop is in a library that this line calls: {text.strip()}. A LightningModule needs configs only: "
            "hydra-lightning config new model NAME TARGET",
        )


def _need_no_exec(setup: Sequence[Piece]) -> None:
    for piece in setup:
        for each in ast.walk(piece.node):
            if isinstance(each, ast.Call) and is_name(each.func, "exec", ast.Load):
                told = "what exec() binds cannot be read: write it here, or make options of it."
                raise Refused("exec", f"{piece.source.path}:{each.lineno}", told)


def _holding(nodes: Sequence[Piece | Block], site: str) -> Block | None:
    return next((node for node in nodes if isinstance(node, Block) and any(_sites(node, site))), None)


def _sites(block: Block, site: str) -> Iterator[bool]:
    for node in block.inside:
        if isinstance(node, Block):
            yield from _sites(node, site)
        elif node.covers(site):
            yield True
