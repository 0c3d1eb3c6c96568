"""Models that are not trained, and made before those that are: their weights are drawn first."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from hydra_lightning.convert.batches import assigned, called
from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape


def with_teachers(nets: Mapping[str, Piece], flow: Flow, tape: Tape) -> dict[str, Piece]:
    """The trained models, and the others that the training calls and that are made before them, in order."""
    used = set().union(*(each.uses for each in [*pieces_in(flow.before), *flow.body, *pieces_in(flow.after)]))
    last = max(flow.setup.index(piece) for piece in nets.values())
    # Losses have no parameters, and no calls of theirs are recorded.
    called_ = {
        facts["class"].rpartition(".")[2] for name, facts in tape.objects.items() if name.startswith("module")
    }
    sites = {each["site"] for each in tape.built if each["class"] in called_}
    found = {}
    for piece in flow.setup[: last + 1]:
        makers = [piece, *(flow.definitions[name] for name in piece.uses & {*flow.definitions})]
        makes = any(each.covers(site) for each in makers for site in sites)
        names = piece.defines & used if makes else set()
        if len(piece.defines) == len(names) == 1 and _is_made_of_settings(piece, flow):
            found[next(iter(names))] = piece
    found = {name: piece for name, piece in found.items() if assigned(flow.setup, name) is piece}
    return dict(sorted({**found, **nets}.items(), key=lambda each: flow.setup.index(each[1])))


def _is_made_of_settings(piece: Piece, flow: Flow) -> bool:
    """Whether a statement makes an object of literals, options and constants."""
    value = piece.node.value if isinstance(piece.node, ast.Assign) else None
    while (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and called(value) in ("to", "eval")
    ):
        value = value.func.value
    if not isinstance(value, ast.Call):
        return False
    given = [*value.args, *(each.value for each in value.keywords)]
    names = {each.id for argument in given for each in ast.walk(argument) if isinstance(each, ast.Name)}
    makers = [assigned(flow.setup, piece.names.get(name, name)) for name in names]
    return all(each is None or _is_setting(each.node) for each in makers)


def _is_setting(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Call) and called(value) == "parse_args")
