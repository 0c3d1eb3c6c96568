"""Scripts of Hugging Face accelerate, read as the plain loops that they are.

An ``Accelerator`` does what Lightning's Trainer does. What a script asks it for is written as plain PyTorch, on the
same line, so that what was recorded still fits: ``accelerator.backward(loss)`` is ``loss.backward()``.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hydra_lightning.convert.accelerators import STEPS, accelerators, accumulated
from hydra_lightning.convert.repeated import is_repeated, loops_around, rows_of_batch
from hydra_lightning.convert.source import Piece, Source

# What is given comes back, in one process.
GIVING = (
    "gather",
    "gather_for_metrics",
    "pad_across_processes",
    "reduce",
    "unwrap_model",
    "skip_first_batches",
)
CONSTANTS = {
    "device": 'torch.device("cuda")',
    "is_main_process": "True",
    "is_local_main_process": "True",
    "is_last_process": "True",
    "sync_gradients": "True",
    "optimizer_step_was_skipped": "False",
    "use_distributed": "False",
    "num_processes": "1",
    "process_index": "0",
    "local_process_index": "0",
    "mixed_precision": '"no"',
    "save": "torch.save",
}
RENAMED = {
    "print": "print",
    "save": "torch.save",
    "clip_grad_norm_": "torch.nn.utils.clip_grad_norm_",
    "clip_grad_value_": "torch.nn.utils.clip_grad_value_",
}
RESUMING = ("load_state", "skip_first_batches")


def without_accelerate(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The same files in plain PyTorch; those of a program without an ``Accelerator`` as they are."""
    names = set().union(*(accelerators(source.tree) for source in sources.values()))
    if not names:
        return dict(sources)
    while (
        more := set().union(*(_parameters(source.tree, names, sources) for source in sources.values()))
        - names
    ):
        names |= more
    batches = accumulated(sources)
    return {path: _Plain(source, frozenset(names), batches).written() for path, source in sources.items()}


def _parameters(tree: ast.Module, names: set[str], sources: Mapping[str, Source]) -> set[str]:
    """The parameters that an Accelerator of those names is given to."""
    functions = {
        node.name: [each.arg for each in node.args.args]
        for source in sources.values()
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef)
    }
    return {
        name
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        for name, value in zip(functions.get(call.func.id, ()), call.args, strict=False)
        if isinstance(value, ast.Name) and value.id in names
    }


@dataclass(frozen=True)
class _Plain:
    """One file, rewritten.

    Attributes:
        names: that hold an Accelerator.
        batches: over how many it accumulates, where that can be written anywhere.
    """

    source: Source
    names: frozenset[str]
    batches: str | None

    def written(self) -> Source:
        edits = [edit for statement in self.source.tree.body for edit in self._of(statement)]
        data, pieces, at = self.source.text.encode(), [], 0
        for first, last, text in sorted(edits):
            # What follows stays on its line.
            lines = b"\\\n" * (data[first:last].count(b"\n") - text.count("\n"))
            pieces += [data[at:first], lines, text.encode()]
            at = last
        text = b"".join([*pieces, data[at:]]).decode()
        return Source(self.source.path, text, written=self.source.text)

    @functools.cached_property
    def _triggers(self) -> dict[int, ast.If]:
        """The statements that ask for a trigger, with those that set it, each by the identity of the other."""
        found: dict[int, ast.If] = {}
        for node in ast.walk(self.source.tree):
            statements = getattr(node, "body", None)
            branches = (
                [each for each in statements if isinstance(each, ast.If)]
                if isinstance(statements, list)
                else []
            )
            for one, two in itertools.pairwise(branches):
                only = one.body[0] if len(one.body) == 1 and not one.orelse else None
                is_set = isinstance(only, ast.Expr) and self._is_its(only.value, ("set_trigger",))
                if is_set and self._is_its(two.test, ("check_trigger",)):
                    found |= {id(one): two, id(two): one}
        return found

    def _of(self, statement: ast.stmt) -> list[tuple[int, int, str]]:
        """The edits of a statement: where each begins and ends, and what is there instead."""
        if isinstance(statement, ast.If) and (other := self._triggers.get(id(statement))) is not None:
            head = Piece(statement, self.source)
            if other.lineno > statement.lineno:
                # What sets it is asked where it is looked at.
                return [(*head.span(statement), "pass" + "\n" * head.part(statement).count("\n"))]
            test = ast.unparse(ast.parse(head.part(other.test, self._replaced).strip(), mode="eval"))
            return [
                (*head.span(statement.test), test),
                *(edit for each in statement.body for edit in self._of(each)),
            ]
        bodies = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
        bodies += [handler.body for handler in getattr(statement, "handlers", [])]
        inner = [each for body in bodies for each in body]
        edits = [edit for each in inner for edit in self._of(each)]
        if not inner:
            return self._of_simple(statement)
        head = Piece(statement, self.source)
        if isinstance(statement, ast.If) and self._resumes(statement):
            return [(*head.span(statement.test), "False"), *edits]
        if isinstance(statement, ast.With):
            kept = [item for item in statement.items if not self._is_its(item.context_expr)]
            if len(kept) < len(statement.items):
                start = head.span(statement)[0]
                last = statement.items[-1]
                end = head.span(last.optional_vars or last.context_expr)[1]
                parts = [[item.context_expr, item.optional_vars] for item in kept]
                rest = ", ".join(
                    " as ".join(head.part(each, self._replaced) for each in part if each is not None)
                    for part in parts
                )
                return [(start, end, f"with {rest}" if rest else "if True"), *edits]
        if isinstance(statement, ast.FunctionDef):
            edits += self._without_parameter(statement, head)
            edits += self._without_retries(statement, head)
            edits += self._without_words(statement, head)
        for name in ("test", "iter", "items"):
            for each in [part] if isinstance(part := getattr(statement, name, []), ast.AST) else part:
                node = each.context_expr if isinstance(each, ast.withitem) else each
                edits.append((*head.span(node), head.part(node, self._replaced)))
        return edits

    def _of_simple(self, statement: ast.stmt) -> list[tuple[int, int, str]]:
        piece = Piece(statement, self.source)
        start, end = piece.span(statement)
        before = piece.part(statement)
        if isinstance(statement, ast.ImportFrom) and statement.module == "accelerate.logging":
            return [(start, end, "import logging")]
        after = "pass" if self._is_dropped(statement) else piece.part(statement, self._replaced)
        if after == before:
            return []
        tree = ast.parse(after).body[0]
        if isinstance(tree, ast.Assign) and [ast.unparse(tree.value)] == [*map(ast.unparse, tree.targets)]:
            after = "pass"
        # What follows stays on its line.
        data = self.source.text.encode()
        rest = data.find(b"\n", end)
        rest = len(data) if rest < 0 else rest
        missing = before.count("\n") - after.count("\n")
        return [(start, rest, after + data[end:rest].decode() + "\n" * missing)]

    def _is_it(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr in self.names and isinstance(node.value, ast.Name) and node.value.id == "self"
        return isinstance(node, ast.Name) and node.id in self.names

    def _is_its(self, node: ast.AST, names: tuple[str, ...] = ()) -> bool:
        """Whether an expression calls a method of it, one of those names."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and self._is_it(node.func.value)
            and (not names or node.func.attr in names)
        )

    def _counts(self, node: ast.AST) -> bool:
        """Whether an expression is the number of processes, here one."""
        return isinstance(node, ast.Attribute) and node.attr == "num_processes" and self._is_it(node.value)

    def _resumes(self, statement: ast.If) -> bool:
        calls = [each for part in statement.body for each in ast.walk(part) if isinstance(each, ast.Call)]
        return any(self._is_its(each, RESUMING) for each in calls) or any(
            ast.unparse(each.func) == "skip_first_batches" for each in calls
        )

    def _is_dropped(self, statement: ast.stmt) -> bool:
        """Whether a statement only does what the Trainer does."""
        if isinstance(statement, ast.Nonlocal):
            return self.names.issuperset(statement.names)
        value = statement.value if isinstance(statement, (ast.Expr, ast.Assign)) else None
        if value is None:
            return False
        if self._is_it(value) or self._is_its(value, ("prepare", "register_for_checkpointing")):
            return True
        done_anyway = (*GIVING, *RENAMED, "backward", "log")
        return (
            isinstance(statement, ast.Expr) and self._is_its(value) and not self._is_its(value, done_anyway)
        )

    def _replaced(self, node: ast.AST) -> str | None:
        piece = Piece(ast.Pass(), self.source)
        if isinstance(node, ast.Call):
            return self._call(node, piece)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = [piece.part(each, self._replaced) for each in (node.left, node.right)]
            if any(self._counts(each) for each in (node.left, node.right)):
                return sides[0] if self._counts(node.right) else sides[1]
        if isinstance(node, ast.IfExp):
            one, other = (piece.part(each, self._replaced) for each in (node.body, node.orelse))
            return one if one == other else None
        if isinstance(node, ast.Compare) and "distributed_type" in ast.unparse(node.left):
            return "False"
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            inner = node.value.args[0] if node.value.args else None
            if self._is_its(node.value, GIVING) and isinstance(inner, ast.Tuple):
                # a, b = accelerator.gather_for_metrics((a, b))
                targets = " = ".join(piece.part(each) for each in node.targets)
                return f"{targets} = {', '.join(piece.part(each, self._replaced) for each in inner.elts)}"
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and self._is_it(node.value):
            if node.attr == STEPS:
                return self.batches
            code = CONSTANTS.get(node.attr)
            return code and code.replace('"', self._quotes.get(id(node), '"'))
        return None

    @functools.cached_property
    def _loops(self) -> dict[int, ast.For]:
        return loops_around(self.source.tree)

    @functools.cached_property
    def _quotes(self) -> dict[int, str]:
        """How texts are quoted within an f-string, by the identity of its parts."""
        piece = Piece(ast.Pass(), self.source)
        return {
            id(part): '"' if piece.part(node).lstrip("rRfF").startswith("'") else "'"
            for node in ast.walk(self.source.tree)
            if isinstance(node, ast.JoinedStr)
            for part in ast.walk(node)
        }

    def _call(self, node: ast.Call, piece: Piece) -> str | None:
        def code(each: ast.AST) -> str:
            return piece.part(each, self._replaced)

        given = [code(each) for each in node.args if not self._is_it(each)]
        named = [
            f"{key.arg}={code(key.value)}" if key.arg else f"**{code(key.value)}"
            for key in node.keywords
            if not self._is_it(key.value) and key.arg != "main_process_only"
        ]
        name = ast.unparse(node.func)
        if self._is_its(node):
            assert isinstance(node.func, ast.Attribute)
            method = node.func.attr
            if method == "backward":
                plain = isinstance(node.args[0], (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
                loss = given[0] if plain else f"({given[0]})"
                return f"{loss}.backward({', '.join([*given[1:], *named])})"
            if method == "log":
                return f"print({given[0]})"
            if method == "get_state_dict":
                return f"{given[0]}.state_dict()"
            if method == "prepare":
                return ", ".join(given)
            if method == "gather_for_metrics" and is_repeated(node.args[0]):
                rows = rows_of_batch(self._loops.get(id(node)))
                return f"{given[0]}[: {rows}]" if rows else given[0]
            if method in GIVING:
                return given[0]
            if method in ("check_trigger",):
                return "False"
            return f"{RENAMED[method]}({', '.join([*given, *named])})" if method in RENAMED else None
        if name == "get_logger":
            return f"logging.getLogger({', '.join(given)})"
        if len(given) + len(named) < len(node.args) + len(node.keywords):
            return f"{code(node.func)}({', '.join([*given, *named])})"
        return None

    def _without_parameter(self, function: ast.FunctionDef, head: Piece) -> list[tuple[int, int, str]]:
        parameters = [*function.args.posonlyargs, *function.args.args]
        edits = []
        for index, each in enumerate(parameters):
            if each.arg in self.names:
                start, end = head.span(each)
                if index + 1 < len(parameters):
                    end = head.span(parameters[index + 1])[0]
                elif index:
                    start = head.span(parameters[index - 1])[1]
                edits.append((start, end, ""))
        return edits

    def _without_retries(self, function: ast.FunctionDef, head: Piece) -> list[tuple[int, int, str]]:
        """``def train(batch_size=64)`` of ``@find_executable_batch_size(starting_batch_size=64)`` before it."""
        edits = []
        for call in function.decorator_list:
            if (
                not isinstance(call, ast.Call)
                or ast.unparse(call.func).rpartition(".")[2] != "find_executable_batch_size"
            ):
                continue
            given = [*call.args, *(each.value for each in call.keywords if each.arg == "starting_batch_size")]
            sizes = [each for each in function.args.args if each.arg not in self.names]
            if len(given) == 1 and sizes:
                start, end = head.span(call)
                edits.append((start - 1, end, ""))
                place = head.span(sizes[0])[1]
                edits.append((place, place, f"={head.part(given[0])}"))
        return edits

    def _without_words(self, function: ast.FunctionDef, head: Piece) -> list[tuple[int, int, str]]:
        """Take what a docstring says of the parameter away."""
        first = function.body[0]
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
            return []
        text = head.part(first)
        for name in self.names:
            pattern = rf"^([ \t]+){name}\b[^\n]*:[ \t]*\n((\1[ \t]+[^\n]*)?\n)*?(?=\1\S|[ \t]*\"\"\"|\s*\n)"
            text = re.sub(pattern, "", text, flags=re.M)
        missing = head.part(first).count("\n") - text.count("\n")
        return [(*head.span(first), text + "\n" * missing)] if missing else []
