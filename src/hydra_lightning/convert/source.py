"""The files of a program, and statements of them as text that keeps the author's formatting and comments."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import symtable
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hydra_lightning.errors import ParityError
from hydra_lightning.parity.notebook import program_text
from hydra_lightning.parity.sides import old_python
from hydra_lightning.parity.tape import Tape

# Between a statement and one that is added to its line.
ADDED = ";\t"
Replace = Callable[[ast.AST], str | None]


@dataclass(frozen=True)
class Source:
    """One file.

    Attributes:
        path: relative to the program's folder; empty for code that is not of the program.
        span: the first and the last line of what a statement is written instead of, for all of its statements.
        function: where the function begins that this is in; empty at the top of a file.
        written: the text as the author wrote it, where it is read as another one, with the same lines.
    """

    path: str
    text: str
    span: tuple[int, int] | None = None
    written: str = ""
    function: str = ""

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

    @functools.cached_property
    def assigned(self) -> set[str]:
        """Every name that is bound by a statement of the file."""
        nodes = [each for each in ast.walk(self.tree) if isinstance(each, ast.Name)]
        return {each.id for each in nodes if isinstance(each.ctx, ast.Store)}

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
        first, last = self._lines
        return file == self.source.path and first <= int(line) <= last

    @property
    def sites(self) -> list[str]:
        """Each of its lines, ``file:line``."""
        first, last = self._lines
        return [f"{self.source.path}:{line}" for line in range(first, last + 1)]

    @property
    def _lines(self) -> tuple[int, int]:
        return self.source.span or (self.node.lineno, self.node.end_lineno or self.node.lineno)

    @functools.cached_property
    def function(self) -> str:
        """The place of the function that it is in; empty at the top of the file."""
        if self.source.span is not None:
            return self.source.function
        functions = [
            each
            for each in ast.walk(self.source.tree)
            if isinstance(each, ast.FunctionDef) and self.covered_by(each)
        ]
        inner = max((each.lineno for each in functions), default=0)
        return f"{self.source.path}:{inner}" if inner else ""

    def covered_by(self, node: ast.stmt) -> bool:
        return node is not self.node and node.lineno <= self.node.lineno <= (node.end_lineno or node.lineno)

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
        # An object that is called, as stopper(loss), and not a function.
        roots += [
            each.func
            for each in calls
            if isinstance(each.func, ast.Name) and each.func.id in self.source.assigned
        ]
        for call in calls:
            name = ast.unparse(call.func).rpartition(".")[2]
            if name not in ("append", "extend", "add", "update", "insert", "print"):
                roots += [_root(each) if not isinstance(each, ast.Name) else each for each in call.args]
        for each in ast.walk(self.node):
            if isinstance(each, ast.For) and _stores_in(each.target, each.body):
                # for p in net.parameters(): p.requires_grad = False
                roots += [name for name in ast.walk(each.iter) if isinstance(name, ast.Name)]
        return {self.names.get(root.id, root.id) for root in roots if isinstance(root, ast.Name)}

    @functools.cached_property
    def uses(self) -> set[str]:
        """Names that it reads, by the names where it goes; not those of builtins."""
        if isinstance(self.node, (ast.FunctionDef, ast.ClassDef)):
            return _free(self.text(comments=False), self.source.assigned) - {self.node.name}
        if isinstance(self.node, (ast.With, ast.If, ast.For, ast.Try)):
            return self._used_in_order(self.node)
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
        return {self.names.get(name, name) for name in read - inner if self._is_made(name)}

    def _used_in_order(self, node: ast.With | ast.If | ast.For | ast.Try) -> set[str]:
        """What a statement with others in it reads that these have not assigned before."""
        found: set[str] = set()
        heads = [node.test] if isinstance(node, ast.If) else []
        heads += [node.iter] if isinstance(node, ast.For) else []
        heads += [each.context_expr for each in node.items] if isinstance(node, ast.With) else []
        for head in heads:
            found |= Piece(ast.Expr(head), self.source, self.names).uses
        if isinstance(node, ast.With):
            targets = [each.optional_vars for each in node.items if each.optional_vars is not None]
        else:
            targets = [node.target] if isinstance(node, ast.For) else []
        names = [name.id for each in targets for name in ast.walk(each) if isinstance(name, ast.Name)]
        first = {self.names.get(name, name) for name in names}
        for branch in branches_of(node):
            assigned = set(first)
            for statement in branch:
                piece = Piece(statement, self.source, self.names)
                found |= piece.uses - assigned
                assigned |= piece.assigns
        return found

    @functools.cached_property
    def assigns(self) -> set[str]:
        """Names that it gives a new value whatever happens, by the names where it goes."""
        node = self.node
        if isinstance(node, ast.FunctionDef):
            return self.defines
        if isinstance(node, ast.Assign):
            plain = all(isinstance(each, (ast.Name, ast.Tuple, ast.List)) for each in node.targets)
            return self.defines if plain else set()
        is_counted = isinstance(node, ast.For) and ast.unparse(node.iter).startswith("range(")
        if isinstance(node, (ast.With, ast.If, ast.Try)) or (is_counted and isinstance(node, ast.For)):
            bodies = [each for each in branches_of(node) if each or isinstance(node, ast.If)]
            pieces = [[Piece(each, self.source, self.names) for each in body] for body in bodies]
            return set.intersection(*(set().union(*(each.assigns for each in body)) for body in pieces))
        return set()

    def _is_made(self, name: str) -> bool:
        return not hasattr(builtins, name) or name in self.source.assigned

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
        begin, stop = self.span(self.node)
        data = self.source.text.encode()
        if data[self.source.starts[self.node.lineno - 1] : begin].strip():
            # Another statement is before it in its line.
            start = begin
        if data[stop:end].lstrip().startswith(b";"):
            end = stop
        code = self._edited(start, end, replace)
        while ADDED in code:
            code = re.sub(rf"^([ ]*)(.*?){ADDED}", r"\1\2\n\1", code, flags=re.MULTILINE)
        code = textwrap.dedent(code).strip("\n")
        return re.sub(r"\n{3,}", "\n\n", code) if self.source.written else code

    def part(self, node: ast.AST, replace: Replace = lambda node: None) -> str:
        """The code of an expression in it."""
        return self._edited(*self.span(node), replace, node).strip()

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
            first, last = self.span(node)
            if isinstance(node, ast.stmt) and not text:
                first, last = self.source.starts[node.lineno - 1], self.source.starts[node.end_lineno or 0]
            yield first, last, text
            return
        if isinstance(node, ast.Name) and self.names.get(node.id, node.id) != node.id:
            yield (*self.span(node), self.names[node.id])
            return
        for child in ast.iter_child_nodes(node):
            yield from self._edits(child, replace)

    def span(self, node: ast.AST) -> tuple[int, int]:
        return span(node, self.source)


def span(node: ast.AST, source: Source) -> tuple[int, int]:
    """The bytes of a file that a node is."""
    first = source.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
    last = source.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
    return first, last


def branches_of(node: ast.With | ast.If | ast.For | ast.Try) -> list[list[ast.stmt]]:
    """The statements in a statement, those together that follow each other."""
    if isinstance(node, ast.Try):
        return [[*node.body, *node.orelse], *(each.body for each in node.handlers), node.finalbody]
    return [node.body] if isinstance(node, ast.With) else [node.body, node.orelse]


def was_run(piece: Piece, statement: ast.stmt, tape: Tape) -> bool:
    """Whether the recording came to a statement of a piece, as far as it tells."""
    lines = tape.lines.get(piece.source.path)
    last = statement.end_lineno or statement.lineno
    return lines is None or any(statement.lineno <= line <= last for line in lines)


def root_of(node: ast.AST) -> ast.AST:
    """``x`` in ``x.y[0].z``."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def _root(node: ast.AST) -> ast.AST:
    """``x`` in ``x.y[0].z``; nothing of that kind for a plain name."""
    return ast.Constant(None) if isinstance(node, ast.Name) else root_of(node)


def _free(code: str, assigned: set[str]) -> set[str]:
    """The names that a function or class takes from the module around it, ``assigned`` there."""
    waiting, found = [symtable.symtable(code, "program", "exec")], set()
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        inside = table.get_type() != "module"
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (symbol.is_global() if inside else not symbol.is_assigned()):
                found.add(symbol.get_name())
    return {name for name in found if not hasattr(builtins, name) or name in assigned}


def _stores_in(target: ast.expr, body: list[ast.stmt]) -> bool:
    """Whether statements set an attribute or an item of what a loop gives, or have a method or ``init_(...)`` do so."""
    given = {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
    for each in (
        node.value for statement in body for node in ast.walk(statement) if isinstance(node, ast.Expr)
    ):
        if isinstance(each, ast.Call):
            root = _root(each.func)
            parts = each.args[:1] if ast.unparse(each.func).endswith("_") else []
            names = {part.id for part in [root, *parts] if isinstance(part, ast.Name)}
            if names & given:
                return True
    stored = [
        root_of(each)
        for statement in body
        for each in ast.walk(statement)
        if isinstance(each, (ast.Attribute, ast.Subscript)) and isinstance(each.ctx, ast.Store)
    ]
    return any(isinstance(each, ast.Name) and each.id in given for each in stored)


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
    """The program and the modules of its folder that it imports, by path relative to ``folder``.

    Raises:
        ParityError: one of them is no Python 3.
    """
    found: dict[str, Source] = {}
    waiting = [entry]
    while waiting:
        path = waiting.pop()
        if path in found or not (folder / path).is_file():
            continue
        found[path] = Source(path, program_text(folder / path))
        try:
            found[path].tree  # noqa: B018 - parsed once, here
        except SyntaxError as error:
            raise ParityError(old_python(f"{path}:{error.lineno}", path, error.msg)) from error
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
