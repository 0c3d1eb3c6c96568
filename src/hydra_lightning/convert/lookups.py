"""What a program looks up by its settings: ``getattr(optim, config["name"])`` becomes ``optim.Adam``, and
``Net(**config["net"])`` becomes ``Net(width=config["net"]["width"])``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.siblings import modules_in, names_of
from hydra_lightning.convert.source import Source, span
from hydra_lightning.convert.spans import edited


def without_lookups(
    sources: Mapping[str, Source], flow: Flow, settings: Mapping[str, Setting]
) -> dict[str, Source]:
    """The files with what is looked up written out."""
    return {
        path: edited(source, _edits(source, _Lookups(source, sources, flow, settings)))
        for path, source in sources.items()
    }


def _edits(source: Source, lookups: _Lookups) -> Iterator[tuple[int, int, str]]:
    for node in ast.walk(source.tree):
        written = lookups.written(node) if isinstance(node, ast.expr) else None
        if written is not None:
            yield (*span(node, source), written)
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            told = lookups.spread(keyword)
            if told:
                yield (*span(keyword, source), told)


class _Lookups:
    """What the settings decide in one file."""

    def __init__(
        self, source: Source, sources: Mapping[str, Source], flow: Flow, settings: Mapping[str, Setting]
    ) -> None:
        self.path, self.flow, self.settings = source.path, flow, settings
        self.modules = modules_in(source, sources)

    def written(self, node: ast.expr) -> str | None:
        """How an expression is written; None for one that stays as it is."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            # config.get("patience", 3)
            item = f"{ast.unparse(node.func.value)}[{ast.unparse(node.args[0])}]" if node.args else ""
            return item if item in self.settings else None
        if isinstance(node, ast.Call):
            return self._attribute(node, self._value(node.args[1])) if len(node.args) == 2 else None
        if isinstance(node, ast.ListComp) and isinstance(node.elt, ast.Call) and len(node.elt.args) == 2:
            # [getattr(metrics, name) for name in config["metrics"]]
            over, values = node.generators[0], self._value(node.generators[0].iter)
            is_plain = len(node.generators) == 1 and not over.ifs
            if is_plain and isinstance(values, list) and _same(node.elt.args[1], over.target):
                names = [self._attribute(node.elt, value) for value in values]
                return f"[{', '.join(filter(None, names))}]" if None not in names else None
        return None

    def spread(self, keyword: ast.keyword) -> str:
        """``width=config["net"]["width"]`` of ``**config["net"]``."""
        if keyword.arg is not None:
            return ""
        owner = ast.unparse(keyword.value)
        items = [code.removeprefix(owner) for code in self.settings if code.startswith(f"{owner}[")]
        names = [re.match(r"\['(\w+)'\]$", item) for item in items]
        return ", ".join(f"{each[1]}={owner}{each[0]}" for each in names if each) if all(names) else ""

    def _value(self, node: ast.expr) -> object:
        setting = self.settings.get(ast.unparse(node))
        return setting.value if setting is not None else None

    def _attribute(self, call: ast.Call, name: object) -> str | None:
        """``optim.Adam`` of ``getattr(optim, name)``."""
        if ast.unparse(call.func) != "getattr" or not isinstance(name, str) or not name.isidentifier():
            return None
        owner = ast.unparse(call.args[0])
        module = self.modules.get(owner)
        if module is not None:
            return name if name in names_of(module) else None
        # What only a helper looks up stays a setting.
        is_made_here = any(piece.covers(f"{self.path}:{call.lineno}") for piece in self.flow.setup)
        return f"{owner}.{name}" if is_made_here else None


def _same(one: ast.expr, two: ast.expr) -> bool:
    return ast.unparse(one) == ast.unparse(two)
