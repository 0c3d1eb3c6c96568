"""Statements that tell a library how to compute: ``torch.backends.cudnn.benchmark = True``."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from hydra_lightning.convert.constants import IMPORTS
from hydra_lightning.convert.source import Piece, root_of

CALLS = frozenset(
    (
        *("set_default_dtype", "set_default_tensor_type", "set_float32_matmul_precision", "set_num_threads"),
        *("set_num_interop_threads", "set_flush_denormal", "use_deterministic_algorithms"),
        *("set_detect_anomaly", "set_sharing_strategy"),
    )
)
# What has to be told before anything is made.
FIRST = ("set_default_dtype", "set_default_tensor_type", "environ")


def is_flag(piece: Piece, definitions: Mapping[str, Piece]) -> bool:
    """Whether a statement does no more than set something of a module that is imported.

    Args:
        definitions: the imports, functions and classes of the program, by name.
    """
    node = piece.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        return ast.unparse(function).rpartition(".")[2] in CALLS and _is_imported(function, definitions)
    return isinstance(node, ast.Assign) and all(
        isinstance(each, (ast.Attribute, ast.Subscript)) and _is_imported(each, definitions)
        for each in node.targets
    )


def is_first(piece: Piece) -> bool:
    """Whether a flag has to be set before data and model are made."""
    return any(isinstance(each, ast.Attribute) and each.attr in FIRST for each in ast.walk(piece.node))


def benchmark_of(piece: Piece) -> bool | None:
    """The value of ``torch.backends.cudnn.benchmark = True``, which the Trainer has a key for."""
    node = piece.node
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
        return None
    is_it = all(ast.unparse(each).endswith("cudnn.benchmark") for each in node.targets)
    return node.value.value if is_it and isinstance(node.value.value, bool) else None


def _is_imported(node: ast.expr, definitions: Mapping[str, Piece]) -> bool:
    root = root_of(node)
    found = definitions.get(root.id) if isinstance(root, ast.Name) else None
    return found is not None and isinstance(found.node, IMPORTS)
