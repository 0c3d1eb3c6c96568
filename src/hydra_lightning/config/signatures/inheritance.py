"""The order in which Python looks for a method in a class and its bases."""

from __future__ import annotations

import ast

from hydra_lightning.config.signatures.lookup import UNKNOWN, Definition, Found, Unknown, Value, bases
from hydra_lightning.config.signatures.modules import Library


def linearized(library: Library, owner: Definition | None, depth: int = 0) -> list[Found]:
    """The classes in the order in which Python looks for a method; ends with unknown where a base is not readable.

    The C3 rule: https://docs.python.org/3/howto/mro.html
    """
    if owner is None or not isinstance(owner.node, ast.ClassDef):
        return []
    if depth > 30:
        return [owner, UNKNOWN]
    direct: list[Found] = []
    for base, expression in zip(bases(library, owner), owner.node.bases, strict=True):
        if isinstance(base, Definition) and isinstance(base.node, ast.ClassDef):
            if base not in direct and not _is_typing(base):
                direct.append(base)
        elif not _adds_nothing(library, owner, base, expression):
            direct.append(UNKNOWN)
    sequences = [
        linearized(library, base, depth + 1) if isinstance(base, Definition) else [base] for base in direct
    ]
    sequences.append(list(direct))
    merged: list[Found] = [owner]
    while any(sequences):
        sequences = [each for each in sequences if each]
        for sequence in sequences:
            head = sequence[0]
            if isinstance(head, Unknown) or not any(head in other[1:] for other in sequences):
                break
        else:
            return [*merged, UNKNOWN]
        merged.append(head)
        if isinstance(head, Unknown):
            return merged
        sequences = [each[1:] if each[0] == head else each for each in sequences]
    return merged


def _is_typing(base: Definition) -> bool:
    return base.module.name in ("typing", "typing_extensions", "abc", "collections.abc", "_collections_abc")


def _adds_nothing(library: Library, owner: Definition, base: Found, expression: ast.expr) -> bool:
    name = ast.unparse(expression.value if isinstance(expression, ast.Subscript) else expression)
    if isinstance(base, Value):
        return name == "object"
    return name.rpartition(".")[2] in ("Generic", "Protocol", "ABC", "NamedTuple")
