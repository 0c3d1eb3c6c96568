"""The way of a program to its training steps, as one sequence: functions on the way are put in place of their calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.source import Piece, Source, made
from hydra_lightning.parity.tape import Tape


@dataclass
class Block:
    """A loop on the way, and what is in it."""

    head: Piece
    inside: list[Piece | Block]


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
        """The body as it is written, no function put in place of its call."""
        node = self.batches.node
        assert isinstance(node, (ast.For, ast.While))
        return [Piece(each, self.batches.source, self.batches.names) for each in node.body]


def flow_of(sources: Mapping[str, Source], entry: str, tape: Tape) -> Flow:
    """Cut a program at the loops that its recording went through.

    Raises:
        Refused: it has no loop over epochs with one loop over batches in it.
    """
    backward = list(tape.stacks.get("backward", {}).values())
    sites = [stack[-1] for stack in backward]
    evaluations = [
        tape.stacks["forward"][event.site]
        for event in {
            event.site: event for event in tape.events if event.is_evaluation and event.site
        }.values()
    ]
    way = _Way(sources, [*backward, *evaluations], backward)
    nodes = way.expand(sources[entry].tree.body, sources[entry], {}, way.stacks, 0)
    outer = _holding(nodes, sites[0])
    inner = _holding(outer.inside, sites[0]) if outer else None
    if outer is None or inner is None:
        raise Refused("no-epochs", sites[0], "backward is not in a loop over batches in a loop over epochs.")
    for site in sites:
        if not any(_sites(inner, site)):
            raise Refused("several-backwards", site, "backward is called in more than one loop.")
    place, split = nodes.index(outer), outer.inside.index(inner)
    setup = [node for node in nodes[:place] if isinstance(node, Piece)]
    if len(setup) != place:
        early = next(node for node in nodes[:place] if isinstance(node, Block))
        raise Refused("early-evaluation", early.head.site, "the model is evaluated before training.")
    body = [node if isinstance(node, Piece) else node.head for node in inner.inside]
    definitions = {
        name: Piece(node, source)
        for source in reversed([*sources.values()])
        for node in source.tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))
        for name in Piece(node, source).defines
        if not (isinstance(node, ast.ImportFrom) and _is_sibling(node, sources))
    }
    return Flow(
        setup,
        outer.head,
        outer.inside[:split],
        inner.head,
        body,
        outer.inside[split + 1 :],
        nodes[place + 1 :],
        definitions,
        way.stacks,
    )


def _is_sibling(node: ast.ImportFrom, sources: Mapping[str, Source]) -> bool:
    module = (node.module or "").replace(".", "/")
    return node.level > 0 or f"{module}.py" in sources or f"{module}/__init__.py" in sources


def _holding(nodes: Sequence[Piece | Block], site: str) -> Block | None:
    return next((node for node in nodes if isinstance(node, Block) and any(_sites(node, site))), None)


def _sites(block: Block, site: str) -> Iterator[bool]:
    for node in block.inside:
        if isinstance(node, Block):
            yield from _sites(node, site)
        elif node.covers(site):
            yield True


def _is_only_around(statement: ast.With | ast.If | ast.Try, inside: Sequence[Piece | Block]) -> bool:
    """Whether a statement has loops or functions of the way in it, or only switches gradients off."""
    body = {id(each) for each in statement.body}
    if any(isinstance(node, Block) or id(node.node) not in body for node in inside):
        return True
    return isinstance(statement, ast.With) and all(
        "grad" in ast.unparse(item) or "inference_mode" in ast.unparse(item) for item in statement.items
    )


@dataclass
class _Way:
    """Follows the recorded stacks into loops, branches and functions."""

    sources: Mapping[str, Source]
    stacks: list[list[str]]
    backwards: list[list[str]]

    def expand(
        self,
        statements: Sequence[ast.stmt],
        source: Source,
        names: Mapping[str, str],
        stacks: Sequence[list[str]],
        depth: int,
    ) -> list[Piece | Block]:
        found: list[Piece | Block] = []
        for statement in statements:
            piece = Piece(statement, source, names)
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global)):
                continue
            here = [stack for stack in stacks if len(stack) > depth and piece.covers(stack[depth])]
            if not here:
                if not _is_docstring(statement):
                    found.append(piece)
            elif isinstance(statement, (ast.For, ast.While)):
                found.append(Block(piece, self.expand(statement.body, source, names, here, depth)))
            elif isinstance(statement, (ast.With, ast.If, ast.Try)):
                lines = [int(stack[depth].rpartition(":")[2]) for stack in here]
                inside: list[Piece | Block] = []
                for branch in (statement.body, getattr(statement, "orelse", [])):
                    if branch and any(
                        branch[0].lineno <= line <= (branch[-1].end_lineno or 0) for line in lines
                    ):
                        inside += self.expand(branch, source, names, here, depth)
                found += inside if _is_only_around(statement, inside) else [piece]
            elif any(len(stack) > depth + 1 and self._function(stack[depth + 1]) for stack in here):
                found += self._inlined(piece, here, depth)
            else:
                found.append(piece)
        return found

    def _function(self, site: str) -> tuple[ast.FunctionDef, Source, bool] | None:
        """The function whose line a site is, its file, and whether it is a method."""
        file, _, line = site.rpartition(":")
        source = self.sources.get(file)
        if source is None:
            return None
        best: tuple[ast.FunctionDef, Source, bool] | None = None
        for node in ast.walk(source.tree):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.FunctionDef) and child.lineno <= int(line) <= (
                    child.end_lineno or 0
                ):
                    best = (child, source, isinstance(node, ast.ClassDef))
        return best

    def _inlined(self, piece: Piece, stacks: Sequence[list[str]], depth: int) -> list[Piece | Block]:
        functions = {
            id(found[0]): found
            for stack in stacks
            if len(stack) > depth + 1 and (found := self._function(stack[depth + 1]))
        }
        (function, source, method) = next(iter(functions.values()))
        if method and not any(stack in self.backwards for stack in stacks):
            return [piece]
        if len(functions) > 1 or method:
            raise Refused(
                "method", piece.site, "training goes through a method, or two functions in one line."
            )
        statement = piece.node
        value = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
        if not isinstance(value, ast.Call):
            raise Refused(
                "call", piece.site, "a function on the way to a step is called inside an expression."
            )
        bound, renamed = self._arguments(piece, value, function, source)
        body = list(function.body)
        last = body[-1]
        result = last if isinstance(last, ast.Return) else None
        body = body[:-1] if result is not None else body
        if any(isinstance(node, ast.Return) for each in body for node in ast.walk(each)):
            raise Refused("return", piece.site, f"{function.name} returns at more than one place.")
        inside = self.expand(body, source, renamed, stacks, depth + 1)
        if isinstance(statement, ast.Assign) and result is not None and result.value is not None:
            targets = " = ".join(piece.part(target) for target in statement.targets)
            inside.append(made(f"{targets} = {Piece(result, source, renamed).part(result.value)}"))
        return [*bound, *inside]

    def _arguments(
        self, piece: Piece, call: ast.Call, function: ast.FunctionDef, source: Source
    ) -> tuple[list[Piece], dict[str, str]]:
        """What has to be assigned before the body, and what its parameters are called."""
        taken = function.args
        parameters = [each.arg for each in (*taken.posonlyargs, *taken.args)]
        given: dict[str, ast.expr] = dict(zip(parameters, call.args, strict=False))
        given |= {each.arg: each.value for each in call.keywords if each.arg}
        if any(isinstance(each, ast.Starred) for each in call.args) or any(
            not each.arg for each in call.keywords
        ):
            raise Refused("star-call", piece.site, f"{function.name} is called with * or **.")
        defaults = dict(zip(reversed(parameters), reversed(taken.defaults), strict=False))
        defaults |= {
            each.arg: default
            for each, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
            if default is not None
        }
        bound: list[Piece] = []
        names: dict[str, str] = {}
        for name in [*parameters, *(each.arg for each in taken.kwonlyargs)]:
            argument = given.get(name)
            if isinstance(argument, ast.Name):
                names[name] = piece.names.get(argument.id, argument.id)
            elif argument is not None:
                bound.append(made(f"{name} = {piece.part(argument)}"))
            elif name in defaults:
                bound.append(made(f"{name} = {Piece(function, source).part(defaults[name])}"))
        return bound, names


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def pieces_in(nodes: Sequence[Piece | Block]) -> Iterator[Piece]:
    """All pieces, those in loops too."""
    for node in nodes:
        if isinstance(node, Block):
            yield from pieces_in(node.inside)
        else:
            yield node
