"""How many epochs a program trains, and which settings say so."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from hydra_lightning.convert.batches import assigned, called, iterated_by
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.known import Known
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.settings import Setting, literal_of, setting_in
from hydra_lightning.convert.source import Piece


def epochs_of(flow: Flow, settings: Mapping[str, Setting], keys: dict[str, str]) -> int:
    """The length of the loop over epochs; ``keys`` gets the settings that decide it.

    Raises:
        Refused: settings and literals do not tell it.
    """
    head = flow.epochs
    if isinstance(head.node, ast.For):
        piece, iterated = iterated_by(head, flow.setup)
        if (numbers := numbers_in(iterated)) is not None:
            return len(numbers)
        if isinstance(iterated, ast.Call) and called(iterated) in ("range", "trange"):
            # Where it starts is no setting of its own: a training goes on with resume=RUN.
            arguments = iterated.args
            if len(arguments) == 2 and (count := _from(*arguments)) is not None:
                arguments = [count]
            first = arguments[:1] if len(arguments) > 1 else []
            values = [_number(each, piece, flow, settings, {}) for each in first]
            values += [_number(each, piece, flow, settings, keys) for each in arguments[len(first) :]]
            if values and None not in values:
                return len(range(*[int(each) for each in values if each is not None]))
    raise Refused("epochs", head.site, "settings and literals do not tell the number of epochs.")


def _from(first: ast.expr, last: ast.expr) -> ast.expr | None:
    """``n`` of ``range(start, start + n)``."""
    if not isinstance(last, ast.BinOp) or not isinstance(last.op, ast.Add):
        return None
    sides = (last.left, last.right)
    return next((two for one, two in (sides, sides[::-1]) if ast.unparse(one) == ast.unparse(first)), None)


def numbers_in(iterated: ast.expr) -> list[int] | None:
    """The numbers of ``[1, 2, 3]``, each one more than that before it; None for anything else."""
    found = literal_of(iterated) if isinstance(iterated, (ast.List, ast.Tuple)) else None
    if not isinstance(found, list) or not found or not all(isinstance(each, int) for each in found):
        return None
    return found if found == [*range(found[0], found[0] + len(found))] else None


def _number(
    node: ast.expr, piece: Piece, flow: Flow, settings: Mapping[str, Setting], keys: dict[str, str]
) -> Any:
    setting = setting_in(node, piece, settings)
    if setting is not None:
        keys[setting.code] = "trainer.max_epochs"
        return setting.value if isinstance(setting.value, (int, float)) else None
    if isinstance(node, ast.Name):
        made = assigned(flow.setup, piece.names.get(node.id, node.id))
        if made is None or not isinstance(made.node, ast.Assign) or len(made.defines) != 1:
            return None
        return _number(made.node.value, made, flow, settings, keys)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "int" and len(node.args) == 1:
        value = _number(node.args[0], piece, flow, settings, keys)
        return None if value is None else int(value)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("math.ceil", "ceil"):
        whole = _whole(node.args[0], piece, flow)
        return _number(whole[0], whole[1], flow, settings, keys) if whole is not None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        one, two = (_number(each, piece, flow, settings, keys) for each in (node.left, node.right))
        if one is None or two is None:
            return None
        return one + two if isinstance(node.op, ast.Add) else one - two
    value = Known(flow.setup, settings).value(node, piece)
    return value if isinstance(value, (int, float)) else None


def _whole(node: ast.expr, piece: Piece, flow: Flow) -> tuple[ast.expr, Piece] | None:
    """``epochs`` of ``steps / steps_per_epoch``, where the steps are ``epochs * steps_per_epoch``."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
        return None
    dividend, made = node.left, piece
    if isinstance(dividend, ast.Name):
        found = assigned(flow.setup, piece.names.get(dividend.id, dividend.id))
        if found is None or not isinstance(found.node, ast.Assign):
            return None
        dividend, made = found.node.value, found
    if not isinstance(dividend, ast.BinOp) or not isinstance(dividend.op, ast.Mult):
        return None
    for factor, other in ((dividend.left, dividend.right), (dividend.right, dividend.left)):
        if ast.unparse(other) == ast.unparse(node.right):
            return factor, made
    return None


def epoch_settings(flow: Flow, settings: Mapping[str, Setting]) -> set[str]:
    """The settings that are the number of epochs, by their code."""
    keys: dict[str, str] = {}
    epochs = epochs_of(flow, settings, keys)
    return {code for code in keys if settings[code].value == epochs}
