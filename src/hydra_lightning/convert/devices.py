"""Names that say where things run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.convert.spans import edited, span


def devices_of(setup: Iterable[Piece]) -> dict[str, str]:
    """Names that say where things run, and nothing else; how a LightningModule says it."""
    told = ("is_available", "torch.device", "current_accelerator", "device_count", '"cuda', "'cuda")
    no_device = (".to(", "Tensor", "GradScaler", "autocast", "DataLoader")
    found: dict[str, str] = {}
    for piece in setup:
        code = piece.text(comments=False)
        if (
            isinstance(piece.node, ast.Assign)
            and not any(isinstance(each, (ast.Attribute, ast.Subscript)) for each in piece.node.targets)
            and any(word in code for word in told)
            and not any(word in code for word in no_device)
        ):
            quoted = "'" in code or '"' in code
            written = (
                "self.device"
                if "torch.device" in code or "current_accelerator" in code
                else "self.device.type"
                if quoted
                else '(self.device.type == "cuda")'
            )
            found |= dict.fromkeys(piece.defines, written)
        elif isinstance(piece.node, ast.If) and len(piece.defines) == 1 and piece.node.orelse:
            values = [*_chosen(piece.node)]
            if None not in values and all(map(_is_device, values)):
                quoted = all(isinstance(each, ast.Constant) for each in values)
                found |= dict.fromkeys(piece.defines, "self.device.type" if quoted else "self.device")
    return found


def with_plain_types(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The files in which ``Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor`` needs no ``cuda``."""
    asked = {
        target.id
        for source in sources.values()
        for each in ast.walk(source.tree)
        if isinstance(each, ast.Assign) and "cuda.is_available()" in ast.unparse(each.value)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    return {
        path: edited(
            source,
            [
                (*span(each.test, source), "torch.cuda.is_available()")
                for each in ast.walk(source.tree)
                if isinstance(each, ast.IfExp)
                and isinstance(each.test, ast.Name)
                and each.test.id in asked
                and ast.unparse(each.body).startswith("torch.cuda.")
                and ast.unparse(each.orelse) == ast.unparse(each.body).replace("torch.cuda.", "torch.")
            ],
        )
        for path, source in sources.items()
    }


def _chosen(statement: ast.If) -> Iterator[ast.expr | None]:
    """What branches assign to a name; None for a branch that does something else."""
    for branch in (statement.body, statement.orelse):
        (first, *others) = branch or [ast.Pass()]
        if others or not isinstance(first, (ast.Assign, ast.If)):
            yield None
        elif isinstance(first, ast.If):
            yield from _chosen(first)
        else:
            yield first.value if all(isinstance(each, ast.Name) for each in first.targets) else None


def _is_device(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str) and value.value.partition(":")[0] in ("cpu", "cuda", "mps", "xpu")
    called = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
    return called.rpartition(".")[2] in ("device", "current_accelerator")
