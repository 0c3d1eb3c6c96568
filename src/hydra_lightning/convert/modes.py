"""Modes of models that are assigned, ``model = model.train()``: written as the calls that they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from hydra_lightning.convert.source import Source, span
from hydra_lightning.convert.spans import edited

THEMSELVES = ("train", "eval", "requires_grad_")


def without_bound_modes(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The files with ``model.train()`` for ``model = model.train()``."""
    return {path: edited(source, _edits(source)) for path, source in sources.items()}


def _edits(source: Source) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        if (
            isinstance(called, ast.Attribute)
            and called.attr in THEMSELVES
            and ast.unparse(called.value) == ast.unparse(node.targets[0])
        ):
            yield span(node, source)[0], span(node.value, source)[0], ""
