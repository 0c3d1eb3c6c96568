"""The docstrings of a target, without importing it."""

from __future__ import annotations

import ast
import inspect

from hydra_lightning.config.signatures.lookup import Definition, TargetNotFound, Value, locate, resolve
from hydra_lightning.config.signatures.model import Signature
from hydra_lightning.config.signatures.modules import Library, Module


def docstrings_of(signature: Signature, library: Library | None = None) -> list[str]:
    """The docstrings that describe the arguments of ``signature``, most specific first.

    One that is put together, ``AdamW.__doc__ = "..." + _params_doc``, is read as far as its pieces can be.

    Args:
        signature: of any target.
        library: the modules parsed so far, when several targets are looked at.
    """
    library = library or Library()
    texts: list[str] = []
    for path in signature.documented:
        try:
            found = locate(library, path)
        except TargetNotFound:
            continue
        if isinstance(found, Definition):
            text = ast.get_docstring(found.node) or _assigned(library, found)
            if text and text not in texts:
                texts.append(text)
    return texts


def _assigned(library: Library, found: Definition) -> str:
    """What is assigned to ``__doc__`` in the class, or to ``Name.__doc__`` in its module; else nothing."""
    body = found.node.body
    name = "__doc__"
    if isinstance(found.node, ast.ClassDef) and not _assigns(body, name) and found.owner is None:
        name = f"{found.node.name}.__doc__"
        source = found.module.file.read_text(encoding="utf-8") if found.module.file else ""
        body = ast.parse(source).body if name in source else []
    value = _assigns(body, name)
    return inspect.cleandoc(_text(library, found.module, value)) if value else ""


def _assigns(body: list[ast.stmt], name: str) -> ast.expr | None:
    for statement in body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return statement.value
    return None


def _text(library: Library, module: Module, node: ast.expr, depth: int = 0) -> str:
    """The text of an expression: literals, sums, f-strings and ``.format`` of them, and names of such texts."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp):
        return _text(library, module, node.left, depth) + _text(library, module, node.right, depth)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(library, module, part, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(library, module, node.value, depth)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _text(library, module, node.func.value, depth)
    if isinstance(node, (ast.Name, ast.Attribute)) and depth < 5:
        found = resolve(library, module, node)
        if isinstance(found, Value):
            return _text(library, found.module, found.node, depth + 1)
    return ""
