"""The plain modules of a program, and how a config makes its model."""

from __future__ import annotations

import ast
import textwrap

from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, attribute, is_move, needed
from hydra_lightning.convert.settings import is_literal, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import file_text, parameters_text, with_helpers


def components_text(program: Program) -> tuple[str, tuple[str, dict[str, object]], Scope]:
    """The file of the plain modules, and the target and arguments of the model."""
    path = f"lightning_classes.models.components.{program.stem}"
    piece = program.roles.net_piece
    assert isinstance(piece.node, ast.Assign)
    scope = Scope(program.settings, lambda name: name)
    program.keep([piece], "model.net")
    call = _without_moves(piece.node.value)
    arguments = _plain_arguments(program, piece, call, scope)
    helpers, imports = with_helpers(program, [piece])
    if (
        arguments is not None
        and isinstance(call, ast.Call)
        and ast.unparse(call.func) in program.flow.definitions
    ):
        name = ast.unparse(call.func)
        if isinstance(program.flow.definitions[name].node, (ast.ClassDef, ast.FunctionDef)):
            text = file_text("Plain modules.", [], imports, helpers)
            return text, (f"{path}.{name}", arguments), scope
    pieces = needed(program.objects, [program.roles.net])
    helpers, imports = with_helpers(program, pieces)
    program.keep(pieces, f"lightning_classes/models/components/{program.stem}.py")
    last = pieces.pop()
    body = [scope.code(each) for each in pieces] + [f"return {scope.code(last, call)}"]
    head = f"def build_{attribute(program.roles.net)}({parameters_text(scope.used).removeprefix(', ')}) -> nn.Module:"
    function = "\n".join([head, '    """The model."""', *(textwrap.indent(code, "    ") for code in body)])
    values = {name: setting.value for name, setting in scope.used.items()}
    text = file_text("Plain modules.", ["from torch import nn"], imports, [*helpers, function])
    return text, (f"{path}.build_{attribute(program.roles.net)}", dict(values)), scope


def _plain_arguments(
    program: Program, piece: Piece, call: ast.expr, scope: Scope
) -> dict[str, object] | None:
    """The arguments of a call that a config can hold; None when it cannot hold them all."""
    if not isinstance(call, ast.Call) or any(not each.arg for each in call.keywords):
        return None
    definition = program.flow.definitions.get(ast.unparse(call.func))
    if definition is None:
        return None
    names: list[str] = []
    if isinstance(definition.node, ast.FunctionDef):
        names = [each.arg for each in definition.node.args.args]
    elif isinstance(definition.node, ast.ClassDef):
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
