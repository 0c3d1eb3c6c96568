"""The files of a program, and statements of them as text that keeps the author's formatting and comments."""

from __future__ import annotations

import ast
import builtins
import functools
import symtable
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Replace = Callable[[ast.AST], str | None]


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        path: relative to the program's folder; empty for code that is not of the program.
    """

    path: str
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @functools.cached_property
    def starts(self) -> list[int]:
        """The offset of each line in the encoded text."""
        offsets = [0]
        for line in self.text.encode().splitlines(keepends=True):
            offsets.append(offsets[-1] + len(line))
        return offsets

    def __hash__(self) -> int:
        return hash(self.path)


@dataclass(frozen=True)
class Piece:
    """A statement of a file.

    Attributes:
        names: what its names are called where it goes.
    """

    node: ast.stmt
    source: Source
    names: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return id(self.node)

    @property
    def site(self) -> str:
        return f"{self.source.path}:{self.node.lineno}"

    def covers(self, site: str) -> bool:
        file, _, line = site.rpartition(":")
        last = self.node.end_lineno or self.node.lineno
        return file == self.source.path and self.node.lineno <= int(line) <= last

    @functools.cached_property
    def defines(self) -> set[str]:
        """Names that it binds or changes, by the names where it goes."""
        return {self.names.get(name, name) for name in _bound(self.node)}

    @functools.cached_property
    def changes(self) -> set[str]:
        """Names whose objects it may change by calling a method of theirs, or by giving them to a function."""
        calls = [
            each.value
            for each in ast.walk(self.node)
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
        ]
        roots = [_root(call.func) for call in calls]
        for call in calls:
            name = ast.unparse(call.func).rpartition(".")[2]
            if name not in ("append", "extend", "add", "update", "insert", "print"):
                roots += [_root(each) if not isinstance(each, ast.Name) else each for each in call.args]
        return {self.names.get(root.id, root.id) for root in roots if isinstance(root, ast.Name)}

    @functools.cached_property
    def uses(self) -> set[str]:
        """Names that it reads, by the names where it goes; not those of builtins."""
        if isinstance(self.node, (ast.FunctionDef, ast.ClassDef)):
            return _free(self.text(comments=False)) - {self.node.name}
        read = {
            each.id
            for each in ast.walk(self.node)
            if isinstance(each, ast.Name) and (isinstance(each.ctx, ast.Load) or self._is_augmented(each))
        }
        lambdas = [each for each in ast.walk(self.node) if isinstance(each, ast.Lambda)]
        inner = {argument.arg for each in lambdas for argument in each.args.args}
        loops = [each.target for each in ast.walk(self.node) if isinstance(each, ast.For)]
        inner |= {each.id for target in loops for each in ast.walk(target) if isinstance(each, ast.Name)}
        bound = _of_comprehensions(self.node)
        inner |= {each.id for each in ast.walk(self.node) if isinstance(each, ast.Name) and id(each) in bound}
        return {self.names.get(name, name) for name in read - inner if not hasattr(builtins, name)}

    def _is_augmented(self, name: ast.Name) -> bool:
        return any(isinstance(each, ast.AugAssign) and each.target is name for each in ast.walk(self.node))

    def text(self, replace: Replace = lambda node: None, comments: bool = True) -> str:
        """Its code from column 0, names changed, each node that ``replace`` gives text for replaced by it."""
        first = self.node.lineno
        for decorator in getattr(self.node, "decorator_list", []):
            first = min(first, decorator.lineno)
        lines = self.source.text.splitlines()
        while comments and first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        start = self.source.starts[first - 1]
        end = self.source.starts[self.node.end_lineno or self.node.lineno]
        begin, stop = self._span(self.node)
        data = self.source.text.encode()
        if data[self.source.starts[self.node.lineno - 1] : begin].strip():
            # Another statement is before it in its line.
            start = begin
        if data[stop:end].lstrip().startswith(b";"):
            end = stop
        return textwrap.dedent(self._edited(start, end, replace)).strip("\n")

    def part(self, node: ast.AST, replace: Replace = lambda node: None) -> str:
        """The code of an expression in it."""
        return self._edited(*self._span(node), replace, node).strip()

    def _edited(self, start: int, end: int, replace: Replace, root: ast.AST | None = None) -> str:
        data = self.source.text.encode()
        pieces, at = [], start
        for first, last, text in sorted(self._edits(root or self.node, replace)):
            pieces.append(data[at:first].decode())
            pieces.append(text)
            at = max(at, last)
        pieces.append(data[at:end].decode())
        return "".join(pieces)

    def _edits(self, node: ast.AST, replace: Replace) -> Iterator[tuple[int, int, str]]:
        text = replace(node)
        if text is not None:
            first, last = self._span(node)
            if isinstance(node, ast.stmt) and not text:
                first, last = self.source.starts[node.lineno - 1], self.source.starts[node.end_lineno or 0]
            yield first, last, text
            return
        if isinstance(node, ast.Name) and self.names.get(node.id, node.id) != node.id:
            yield (*self._span(node), self.names[node.id])
            return
        for child in ast.iter_child_nodes(node):
            yield from self._edits(child, replace)

    def _span(self, node: ast.AST) -> tuple[int, int]:
        starts = self.source.starts
        first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return first, last


def _root(node: ast.AST) -> ast.AST:
    """``x`` in ``x.y[0].z``; nothing of that kind for a plain name."""
    if isinstance(node, ast.Name):
        return ast.Constant(None)
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def _free(code: str) -> set[str]:
    """The names that a function or class takes from the module around it."""
    waiting, found = [symtable.symtable(code, "program", "exec")], set()
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        inside = table.get_type() != "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() if inside else not symbol.is_assigned()):
                found.add(symbol.get_name())
    return {name for name in found if not hasattr(builtins, name)}


def _of_comprehensions(node: ast.AST) -> set[int]:
    """The identities of the names that comprehensions bind."""
    return {
        id(name)
        for each in ast.walk(node)
        if isinstance(each, ast.comprehension)
        for name in ast.walk(each.target)
    }


def made(code: str) -> Piece:
    """A statement that is not of the program."""
    source = Source("", code)
    return Piece(source.tree.body[0], source)


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement binds, or whose object it changes by an item or an attribute."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    found = set()
    inner = _of_comprehensions(node)
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            if id(each) not in inner:
                found.add(each.id)
        elif isinstance(each, (ast.Attribute, ast.Subscript)) and isinstance(each.ctx, ast.Store):
            root: ast.AST = each
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            if isinstance(root, ast.Name):
                found.add(root.id)
    return found


def read_program(folder: Path, entry: str) -> dict[str, Source]:
    """The program and the modules of its folder that it imports, by path relative to ``folder``."""
    found: dict[str, Source] = {}
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path in found or not (folder / path).is_file():
            continue
        found[path] = Source(path, (folder / path).read_text(encoding="utf-8"))
        beside = Path(entry).parent
        for node in ast.walk(found[path].tree):
            if isinstance(node, ast.ImportFrom):
                base = Path(path).parent.joinpath(*[".."] * (node.level - 1)) if node.level else beside
                modules = [node.module or "", *(f"{node.module or ''}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                base, modules = beside, [alias.name for alias in node.names]
            else:
                continue
            for module in modules:
                file = base.joinpath(*module.strip(".").split("."))
                waiting += [file.with_suffix(".py").as_posix(), (file / "__init__.py").as_posix()]
    return found
