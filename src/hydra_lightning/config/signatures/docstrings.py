"""The docstrings of a target, without importing it."""

from __future__ import annotations

import ast

from hydra_lightning.config.signatures.lookup import Definition, TargetNotFound, locate
from hydra_lightning.config.signatures.model import Signature
from hydra_lightning.config.signatures.modules import Library


def docstrings_of(signature: Signature) -> list[str]:
    """The docstrings that describe the arguments of ``signature``, most specific first."""
    library = Library()
    texts: list[str] = []
    for path in signature.documented:
        try:
            found = locate(library, path)
        except TargetNotFound:
            continue
        if isinstance(found, Definition):
            text = ast.get_docstring(found.node)
            if text and text not in texts:
                texts.append(text)
    return texts
