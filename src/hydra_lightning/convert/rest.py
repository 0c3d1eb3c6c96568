"""The lines of a program that are not on the way to its steps: imports, functions, classes, what was not come by."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from hydra_lightning.convert.report import Line
from hydra_lightning.convert.source import Source
from hydra_lightning.parity.tape import Tape

UNUSED = ("dropped", "nothing of the training uses it")


def with_rest(
    lines: Sequence[Line], sources: Mapping[str, Source], files: Mapping[str, str], tape: Tape
) -> list[Line]:
    """``lines`` and one for every other statement of the program, in the order of files and lines.

    Args:
        lines: of the statements on the way.
        sources: the program as the author wrote it, its entry first.
        files: what was written of it.
        tape: its recording.
    """
    code = {path: ast.parse(text) for path, text in files.items() if path.endswith(".py")}
    homes = {
        node.name: path
        for path, tree in code.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    names = {each.id for tree in code.values() for each in ast.walk(tree) if isinstance(each, ast.Name)}
    # A config makes what its code did.
    words = "\n".join(text for path, text in files.items() if path.endswith(".yaml"))
    order = {path: place for place, path in enumerate(sources)}
    told = {line.site for line in lines}
    found = [*lines]
    for path, source in sources.items():
        here = {int(site.rpartition(":")[2]) for site in told if site.rpartition(":")[0] == path}
        found += _Rest(source, here, homes, names, words, tape).lines(source.tree.body)
    return sorted(found, key=lambda line: _place(line, order))


def _place(line: Line, order: Mapping[str, int]) -> tuple[int, int]:
    path, _, number = line.site.rpartition(":")
    return order.get(path, len(order)), int(number) if number.isdigit() else 0


class _Rest:
    def __init__(
        self,
        source: Source,
        told: set[int],
        homes: Mapping[str, str],
        names: set[str],
        words: str,
        tape: Tape,
    ) -> None:
        self.source, self.told, self.homes, self.names, self.words = source, told, homes, names, words
        self.text = source.text.splitlines()
        self.run = {*tape.lines.get(source.path, ())}

    def lines(self, statements: Sequence[ast.stmt], inside: bool = False) -> Iterator[Line]:
        """The lines of statements that are not told yet; ``inside`` a function that is put in place of its calls."""
        for node in statements:
            held = any(node.lineno < number <= (node.end_lineno or 0) for number in self.told)
            if node.lineno in self.told:
                if held and isinstance(node, (ast.For, ast.While)):
                    yield from self.lines(node.body, inside)
                continue
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                bound = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
                used = bound & self.names or any(name in self.words for name in bound)
                yield self.line(node, *(("converted", "where it is used") if used else UNUSED))
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                if held:
                    yield self.line(node, "converted", "what it does stands in place of its calls")
                    yield from self.lines(node.body, inside=True)
                else:
                    home = self.homes.get(node.name)
                    yield self.line(node, *(("converted", home) if home else UNUSED))
            elif held:
                yield self.line(node, "converted", "what it holds stands where it belongs")
                for name in ("body", "handlers", "orelse", "finalbody"):
                    for each in getattr(node, name, []):
                        if isinstance(each, ast.ExceptHandler) and _is_interrupt(each):
                            yield self.line(each, "dropped", "Lightning ends a run that is interrupted")
                        elif isinstance(each, ast.ExceptHandler):
                            yield self.line(each, "not exercised", "nothing was raised in the recording")
                        else:
                            yield from self.lines([each], inside)
            elif isinstance(node, ast.Return):
                yield self.line(node, "converted", "what the call of the function is")
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue
            elif isinstance(node, (ast.Global, ast.Nonlocal, ast.Pass)):
                yield self.line(node, "dropped", "it changes nothing by itself")
            elif any(isinstance(each, ast.Call) for each in ast.walk(node)) and (
                not inside or node.lineno in self.run
            ):
                yield self.line(node, "converted", "what it calls stands in its place")
            else:
                yield self.line(node, "not exercised", "the recording did not come by")

    def line(self, node: ast.stmt | ast.ExceptHandler, what: str, why: str) -> Line:
        return Line(f"{self.source.path}:{node.lineno}", what, why, self.text[node.lineno - 1].strip())


def _is_interrupt(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and ast.unparse(handler.type) == "KeyboardInterrupt"
