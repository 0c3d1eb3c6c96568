"""The plain modules of a program, and how a config makes its model."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Sequence

from hydra_lightning.convert.data_class import data_pieces
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import Scope, is_move, needed
from hydra_lightning.convert.settings import is_literal, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import file_text, helpers_of, parameters_text, with_helpers


def components_text(program: Program) -> tuple[str, tuple[str, dict[str, object]], Scope]:
    """The file of the plain modules, and the target and arguments of the model's config.

    Raises:
        Refused: the model is made of the data.
    """
    path = f"lightning_classes.models.components.{program.stem}"
    nets = program.roles.nets
    pieces = needed(program.objects, nets)
    helpers, imports = with_helpers(program, pieces)
    defined = {name for piece in program.objects for name in piece.defines} | {*program.settings}
    inner = _of_the_program(program, pieces, defined)
    if inner:
        pieces = needed(program.objects, {*nets, *(name for piece in inner for name in piece.uses)})
    shared = [each for each in pieces if each in data_pieces(program)]
    if shared:
        raise Refused(
            "model-needs-data", shared[-1].site, "the model is made of something that the data are made of."
        )
    scope = Scope(program.settings, lambda name: name)
    (net, piece), *others = nets.items()
    assert isinstance(piece.node, ast.Assign)
    call = _without_moves(piece.node.value)
    arguments = _plain_arguments(program, piece, call, scope)
    if pieces == [piece] and arguments is not None and isinstance(call, ast.Call) and not inner:
        program.keep(pieces, "model.net")
        text = file_text("Plain modules.", [], imports, helpers)
        return text, (f"{path}.{ast.unparse(call.func)}", arguments), scope
    program.keep(pieces, f"lightning_classes/models/components/{program.stem}.py")
    placed = (
        sorted([*pieces, *inner], key=lambda each: (each.source.path, each.node.lineno)) if inner else pieces
    )
    body = [scope.code(each) for each in placed]
    if pieces[-1] is piece and not others:
        body[-1] = f"return {scope.code(piece, call)}"
    else:
        body.append(f"return {', '.join(nets)}")
    name = "nets" if others else net
    name = f"make_{name}" if f"build_{name}" in program.flow.definitions else f"build_{name}"
    result = "tuple[nn.Module, ...]" if others else "nn.Module"
    head = f"def {name}({parameters_text(scope.used).removeprefix(', ')}) -> {result}:"
    told = '    """The models."""' if others else '    """The model."""'
    function = "\n".join([head, told, *(textwrap.indent(code, "    ") for code in body)])
    values: dict[str, object] = {each: setting.value for each, setting in scope.used.items()}
    nodes = {id(each.node) for each in inner}
    outside = [each for each in helpers_of(program, pieces) if id(each.node) not in nodes]
    helpers = [Scope({}, lambda name: name).code(each) for each in outside]
    text = file_text("Plain modules.", ["from torch import nn"], imports, [*helpers, function])
    return text, (f"{path}.{name}", values), scope


def _of_the_program(program: Program, pieces: Sequence[Piece], defined: set[str]) -> list[Piece]:
    """Functions and classes that use what the program makes, and those that use these."""
    owners = {re.split(r"[.\[]", name)[0] for name in defined} - {*program.constants}
    helpers = helpers_of(program, pieces)
    found = [piece for piece in helpers if piece.uses & owners]
    while True:
        names = {name for piece in found for name in piece.defines}
        more = [piece for piece in helpers if piece not in found and piece.uses & names]
        if not more:
            return found
        found += more


def _plain_arguments(
    program: Program, piece: Piece, call: ast.expr, scope: Scope
) -> dict[str, object] | None:
    """The arguments of a call that a config can hold; None when it cannot hold them all."""
    if not isinstance(call, ast.Call) or any(not each.arg for each in call.keywords):
        return None
    definition = program.flow.definitions.get(ast.unparse(call.func))
    if definition is None or not isinstance(definition.node, (ast.ClassDef, ast.FunctionDef)):
        return None
    names: list[str] = []
    if isinstance(definition.node, ast.FunctionDef):
        names = [each.arg for each in definition.node.args.args]
    else:
        inner = [each for each in definition.node.body if isinstance(each, ast.FunctionDef)]
        names = [each.arg for init in inner if init.name == "__init__" for each in init.args.args][1:]
    given = [
        *zip(names, call.args, strict=False),
        *((each.arg or "", each.value) for each in call.keywords),
    ]
    if len(given) != len(call.args) + len(call.keywords):
        return None
    values: dict[str, object] = {}
    for name, value in given:
        setting = setting_in(value, piece, program.settings)
        if setting is not None:
            values[name] = setting.value
            scope.used[name] = setting
        elif is_literal(value):
            values[name] = ast.literal_eval(value)
        else:
            return None
    return values


def _without_moves(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Call) and is_move(node):
        assert isinstance(node.func, ast.Attribute)
        node = node.func.value
    return node
