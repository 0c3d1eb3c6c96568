"""The plain modules of a program, and how a config makes its model."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import replace

from hydra_lightning.convert.arguments import Call, Node
from hydra_lightning.convert.data_class import data_pieces
from hydra_lightning.convert.drawing import draws_in_all
from hydra_lightning.convert.moves import is_move
from hydra_lightning.convert.optimizers import partials_of_earlier
from hydra_lightning.convert.pretrained import (
    IMPORT,
    arguments_of,
    candidates_of,
    scope_of,
    stage_code,
    stages_in,
)
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import Scope, needed, used_in
from hydra_lightning.convert.settings import Computed, Setting, owner_of
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.convert.text import file_text, helpers_of, parameters_text, with_helpers
from hydra_lightning.parity.values import arguments_in


def components_text(program: Program) -> tuple[str, Node]:
    """The file of the plain modules, empty where there are none, and the model's config.

    Raises:
        Refused: the model is made of the data.
    """
    path = f"lightning_classes.models.components.{program.stem}"
    nets = program.roles.nets
    stages = stages_in(program)
    objects = [piece for piece in program.objects if not only_tells(piece.node)]
    objects = candidates_of(program, objects, stages)
    pieces = needed(objects, nets, stages)
    helpers, imports = with_helpers(program, pieces)
    defined = {name for piece in program.objects for name in piece.defines} | {*program.settings}
    inner = _of_the_program(program, pieces, defined)
    if inner:
        devices = {*program.devices} & set().union(*map(used_in, inner))
        objects = [each for each in program.flow.setup if each in objects or each.defines & devices]
        pieces = needed(objects, {*nets, *(name for piece in inner for name in piece.uses)}, stages)
        helpers, imports = with_helpers(program, pieces)
    data = data_pieces(program)
    shared = [each for each in pieces if each in data]
    scope = Scope(program.settings, lambda name: name)
    scope = scope_of(program, scope) if stages else scope
    earlier = partials_of_earlier(program) if stages else {}
    (net, piece), *others = nets.items()
    assert isinstance(piece.node, ast.Assign)
    call = _without_moves(piece.node.value)
    of_data = {name for each in data for name in each.defines}
    node = None if others or inner or stages else Call(program, piece, pieces, of_data).node(call)
    own = [each for each in pieces if each is piece or each not in shared]
    if node is not None and not any(net in each.defines | each.changes for each in own if each is not piece):
        program.keep(own, "model.net")
        holders = [each.holder for each in node.arguments.values() if isinstance(each, Node) and each.holder]
        helpers, imports = with_helpers(program, [piece, *(each.maker for each in holders if each.maker)])
        extra = ["from dataclasses import dataclass", "from typing import Any"] if holders else []
        helpers = [*filter(None, (each.definition for each in holders)), *helpers]
        return file_text("Plain modules.", extra, imports, helpers) if helpers else "", node
    if shared and node is not None and not any(isinstance(each, Node) for each in node.arguments.values()):
        program.keep(own, f"lightning_classes/models/components/{program.stem}.py")
        return _built_of_data(program, own, node.arguments, scope)
    # What draws nothing may be made once more.
    computed: dict[str, Computed] = {}
    if drawn := [each for each in shared if draws_in_all(program, each)]:
        taken = None if others or inner or stages else _as_recorded(program, piece, pieces, of_data)
        if taken is None:
            told = "the model is made of what this draws random numbers for. Give it numbers of their own, as options."
            raise Refused("model-needs-data", drawn[-1].site, told)
        pieces, edits, computed = taken
        shared, scope = [], replace(scope, edits=edits)
    program.keep(pieces, f"lightning_classes/models/components/{program.stem}.py")
    placed = (
        sorted([*pieces, *inner], key=lambda each: (each.source.path, each.node.lineno)) if inner else pieces
    )
    body = stage_code(program, scope, placed, earlier)
    if shared:
        body.insert(0, "# Read here, too, as the model is made of it.")
    if stages and program.is_left_in_eval:
        body += [f"{each}.train()" for each in nets]
    if pieces[-1] is piece and not others and not (stages and program.is_left_in_eval):
        body[-1] = f"return {scope.code(piece, call)}"
    else:
        body.append(f"return {', '.join(nets)}")
    name = "nets" if others else net
    name = f"make_{name}" if f"build_{name}" in program.flow.definitions else f"build_{name}"
    result = "tuple[nn.Module, ...]" if others else "nn.Module"
    given = "".join(f", {key}: Callable[..., torch.optim.Optimizer]" for key in earlier)
    given += "".join(f", {key}: {type(each.value).__name__}" for key, each in computed.items())
    given += parameters_text(scope.used)
    head = f"def {name}({given.removeprefix(', ')}) -> {result}:"
    told = '    """The models."""' if others else '    """The model."""'
    if stages:
        told = '    """The model, made of what is trained here, in a loop of its own: a Trainer makes one training."""'
    function = "\n".join([head, told, *(textwrap.indent(code, "    ") for code in body)])
    helpers, imports = with_helpers(program, pieces, inner)
    extra = [
        "from collections.abc import Callable",
        "from typing import Any",
        "import torch",
        "from torch import nn",
        IMPORT,
    ]
    text = file_text("Plain modules.", extra, imports, [*helpers, function])
    return text, Node(f"{path}.{name}", arguments_of(program, earlier) | computed | {**scope.used})


def _as_recorded(
    program: Program, piece: Piece, pieces: Sequence[Piece], of_data: set[str]
) -> tuple[list[Piece], dict[int, str], dict[str, Computed]] | None:
    """What makes a model without the data: what it was given of them is given to it as it was recorded.

    Returns:
        The statements, the names that stand for expressions in them, by the identity of these, and the values.
        None where something else of the data is in them.
    """
    recorded = {code: value for made in program.tape.built for code, value in made["values"].items()}
    names = set(of_data)
    for one in pieces:
        names |= one.defines if one.uses & names else set()
    edits: dict[int, str] = {}
    computed: dict[str, Computed] = {}

    def reads(one: Piece) -> set[str]:
        """The names that a statement reads, but for those in what is recorded."""
        inside: set[int] = set()
        for value in arguments_in(one.node):
            code = ast.unparse(value)
            if code in recorded and _names(value, one) & names:
                key = re.sub(r"\W+", "_", code).strip("_").lower()
                edits[id(value)] = key
                computed[key] = Computed(recorded[code], f"{one.part(value)} of its data")
                inside |= {id(part) for part in ast.walk(value)}
        return _names(one.node, one, inside)

    place = pieces.index(piece)
    kept = [*pieces[place:]]
    wanted = set().union(*map(reads, kept))
    for one in reversed(pieces[:place]):
        if one.defines & wanted and not one.defines & of_data:
            kept.insert(0, one)
            wanted |= reads(one)
    return (kept, edits, computed) if computed and not wanted & of_data else None


def _names(node: ast.AST, piece: Piece, without: Collection[int] = ()) -> set[str]:
    """The names that are read in a part of a statement, but for the nodes ``without``."""
    return {
        piece.names.get(each.id, each.id)
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and id(each) not in without
    }


def _built_of_data(
    program: Program, pieces: Sequence[Piece], arguments: dict[str, object], scope: Scope
) -> tuple[str, Node]:
    """A model whose arguments were computed of the data and come from the config, and what is done to it after."""
    ((net, piece),) = program.roles.nets.items()
    assert isinstance(piece.node, ast.Assign)
    call = _without_moves(piece.node.value)
    assert isinstance(call, ast.Call)
    scope.used.clear()
    made = f"{net} = {ast.unparse(call.func)}({', '.join(f'{name}={name}' for name in arguments)})"
    body = [made if each is piece else scope.code(each) for each in pieces]
    values = {**scope.used, **arguments}
    plain = {
        name: value.value if isinstance(value, (Computed, Setting)) else value
        for name, value in values.items()
    }
    typed = [f"{name}: {type(value).__name__}" for name, value in plain.items()]
    function = f"build_{net}" if f"build_{net}" not in program.flow.definitions else f"make_{net}"
    lines = [f"def {function}({', '.join(typed)}) -> nn.Module:", '    """The model."""']
    lines += [textwrap.indent(code, "    ") for code in [*body, f"return {net}"]]
    helpers, imports = with_helpers(program, pieces)
    text = file_text("Plain modules.", ["from torch import nn"], imports, [*helpers, "\n".join(lines)])
    return text, Node(f"lightning_classes.models.components.{program.stem}.{function}", values)


def _of_the_program(program: Program, pieces: Sequence[Piece], defined: set[str]) -> list[Piece]:
    """Functions and classes that use what the program makes, and those that use these."""
    owners = {owner_of(name) for name in defined} - {*program.constants}
    helpers = helpers_of(program, pieces)
    found = [piece for piece in helpers if piece.uses & owners]
    while True:
        names = {name for piece in found for name in piece.defines}
        more = [piece for piece in helpers if piece not in found and piece.uses & names]
        if not more:
            return found
        found += more


def _without_moves(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Call) and is_move(node):
        assert isinstance(node.func, ast.Attribute)
        node = node.func.value
    return node
