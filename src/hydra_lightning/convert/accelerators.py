"""Which objects of a program are an ``Accelerator`` of accelerate, and what they are told."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from hydra_lightning.convert.source import Piece, Source

STEPS = "gradient_accumulation_steps"


def accelerator_arguments(pieces: list[Piece]) -> dict[str, tuple[Piece, ast.expr]]:
    """What a program gives to its ``Accelerator``, by name; over how many batches it accumulates, later too."""
    found = {
        key.arg: (piece, key.value)
        for piece in pieces
        for call in ast.walk(piece.node)
        if isinstance(call, ast.Call) and makes_one(call)
        for key in call.keywords
        if key.arg
    }
    for piece in pieces:
        if isinstance(piece.node, ast.Assign) and _sets_steps(piece.node):
            found[STEPS] = (piece, piece.node.value)
    return found


def _sets_steps(node: ast.Assign) -> bool:
    """``accelerator.gradient_accumulation_steps = 4``"""
    return isinstance(node.targets[0], ast.Attribute) and node.targets[0].attr == STEPS


def makes_one(node: ast.AST | None) -> bool:
    if isinstance(node, ast.IfExp):
        return makes_one(node.body) and makes_one(node.orelse)
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Accelerator"


def accelerators(tree: ast.Module) -> set[str]:
    """The names of variables, attributes and parameters that hold an Accelerator."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and makes_one(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                found |= {target.id} if isinstance(target, ast.Name) else set()
                found |= {target.attr} if isinstance(target, ast.Attribute) else set()
        elif isinstance(node, ast.arg) and node.annotation is not None:
            found |= {node.arg} if re.search(r"\bAccelerator\b", ast.unparse(node.annotation)) else set()
    return found


def accumulated(sources: Mapping[str, Source]) -> str | None:
    """Over how many batches gradients are accumulated, by an option, a name or a number."""
    given = {
        ast.unparse(key.value)
        for source in sources.values()
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and makes_one(call)
        for key in call.keywords
        if key.arg == STEPS
    }
    given |= {
        ast.unparse(each.value)
        for source in sources.values()
        for each in ast.walk(source.tree)
        if isinstance(each, ast.Assign) and _sets_steps(each)
    }
    code = next(iter(given), "1")
    return code if len(given) < 2 and re.fullmatch(r"[\w.]+", code) else None
