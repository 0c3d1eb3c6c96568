"""Names that say where things run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from hydra_lightning.convert.source import Piece, Source, span
from hydra_lightning.convert.spans import edited


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
            and not _makes_tensors(piece.node.value)
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


def _makes_tensors(value: ast.expr) -> bool:
    """``torch.full((1, 1), 0.5, device=torch.device("cuda"))``"""
    return isinstance(value, ast.Call) and any(each.arg == "device" for each in value.keywords)


def with_device_names(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The files in which every name of a device says so: ``where = torch.device("cpu")`` becomes ``device = ...``."""
    nodes = [each for source in sources.values() for each in ast.walk(source.tree)]
    taken = {each.id for each in nodes if isinstance(each, ast.Name)}
    taken |= {each.arg for each in nodes if isinstance(each, ast.arg)}
    taken |= {each.attr for each in nodes if _is_of_self(each) and isinstance(each, ast.Attribute)}
    named = {
        target.id if isinstance(target, ast.Name) else target.attr
        for each in nodes
        if isinstance(each, ast.Assign) and _is_for_moves(each.value)
        for target in each.targets
        if isinstance(target, ast.Name) or (_is_of_self(target) and isinstance(target, ast.Attribute))
    }
    shared = {name for each in nodes if isinstance(each, (ast.Global, ast.Nonlocal)) for name in each.names}
    others = sorted(name for name in named - shared if "device" not in name.lower())
    free = ["device", *(f"{name}_device" for name in others)]
    free = [name for name in free if name not in taken]
    renamed = dict(zip(others, free, strict=False))
    return {path: edited(source, _renamings(source, renamed)) for path, source in sources.items()}


def _is_for_moves(value: ast.expr) -> bool:
    """``torch.device("cpu")``, ``"cuda" if torch.cuda.is_available() else "cpu"``"""
    if isinstance(value, ast.IfExp):
        return _is_for_moves(value.body) and _is_for_moves(value.orelse)
    return _is_device(value)


def _is_of_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _renamings(source: Source, names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield (*span(node, source), names[node.id])
        elif _is_of_self(node) and isinstance(node, ast.Attribute) and node.attr in names:
            last = span(node, source)[1]
            yield last - len(node.attr.encode()), last, names[node.attr]
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg is not None and node.arg in names:
            first = span(node, source)[0]
            yield first, first + len(node.arg.encode()), names[node.arg]


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
