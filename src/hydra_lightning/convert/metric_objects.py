"""The objects of a program that compute metrics, of torchmetrics and of evaluate."""

from __future__ import annotations

import ast
import re

from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.moves import is_move

SEVERAL = re.compile(r"(^|\.)(MetricCollection|load_metric)$|^evaluate\.(load|combine)$")


def metric_objects(flow: Flow) -> set[str]:
    """Names of objects of torchmetrics."""
    found: set[str] = set()
    for piece in flow.setup:
        value = piece.node.value if isinstance(piece.node, ast.Assign) else None
        while isinstance(value, ast.Call) and is_move(value) and isinstance(value.func, ast.Attribute):
            value = value.func.value
        if isinstance(value, ast.Call):
            imported = flow.definitions.get(ast.unparse(value.func).partition(".")[0])
            if imported is not None and "torchmetrics" in imported.text(comments=False):
                found |= piece.defines
    return found


def several_metrics(flow: Flow) -> set[str]:
    """Names of objects whose ``compute()`` gives a dict: of ``evaluate``, and collections of torchmetrics."""
    return {
        name
        for piece in flow.setup
        if isinstance(piece.node, ast.Assign)
        and isinstance(piece.node.value, ast.Call)
        and SEVERAL.search(ast.unparse(piece.node.value.func))
        for name in piece.defines
    }
