"""What a recording of a program would hold, as far as its text tells: for what cannot be run here.

The program is followed from its first statement through its functions, methods and loops (each loop twice), and what
is made and called on the way becomes the events of a tape. Branches whose test is known from the options are followed
as they would be taken, the others both. Nothing is imported or run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from hydra_lightning.convert.constructs import PARAMETERS
from hydra_lightning.convert.source import Source
from hydra_lightning.convert.unrun_names import Thing, imports, is_module, method_of
from hydra_lightning.convert.unrun_options import Options
from hydra_lightning.errors import ParityError
from hydra_lightning.parity.tape import Event, Tape

SEEDS = ("manual_seed", "manual_seed_all", "seed_everything", "set_seed", "random.seed")
CLIPS = ("clip_grad_norm_", "clip_grad_value_")
SAME = ("to", "cuda", "cpu", "double", "float", "half", "module", "compile", "DataParallel", "unwrap_model")
WRAPPERS = ("enumerate", "tqdm", "trange", "iter", "list", "zip", "track")
NO_GRADIENTS = ("no_grad", "inference_mode", "set_grad_enabled(False)")
DEEPEST = 20
UNKNOWN = object()


def static_tape(sources: Mapping[str, Source], entry: str, arguments: Sequence[str]) -> Tape:
    """The tape of a program that is not run.

    Raises:
        ParityError: it is no Python, its arguments do not fit its options, or no call of ``backward`` is found.
    """
    for source in sources.values():
        try:
            ast.parse(source.text)
        except SyntaxError as error:
            raise ParityError(f"{source.path}:{error.lineno}: {error.msg}") from error
    tape = Tape("static", [entry, *arguments], "", facts={"seed": 42, "epochs": 2})
    _Reader(sources, [*arguments], tape).run(entry)
    if not tape.losses:
        raise ParityError(
            f"{entry}: no call of backward is found by reading alone. Without --static it is run, and followed."
        )
    return tape


class _Reader:
    def __init__(self, sources: Mapping[str, Source], arguments: list[str], tape: Tape) -> None:
        self.arguments, self.tape = arguments, tape
        self.source = next(iter(sources.values()))
        self.definitions: dict[str, tuple[ast.FunctionDef | ast.ClassDef, Source]] = {}
        self.paths = {source.path: imports(source.tree) for source in sources.values()}
        for source in reversed([*sources.values()]):
            for node in source.tree.body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    self.definitions[node.name] = (node, source)
        self.sources = sources
        self.stack: list[str] = []
        self.calls: list[ast.AST] = []
        self.gradients = True
        self.second = True
        self.counts: dict[str, int] = {}
        self.globals: dict[str, Any] = {}

    def run(self, entry: str) -> None:
        for path, source in self.sources.items():
            if path != entry:
                # What modules bind when they are imported.
                self.source = source
                plain = [each for each in source.tree.body if isinstance(each, (ast.Assign, ast.AnnAssign))]
                self.body(plain, self.globals)
        self.source = self.sources[entry]
        self.body(self.source.tree.body, self.globals)

    def event(self, kind: str, node: ast.AST, about: str = "", **data: Any) -> None:
        site = self.site(node)
        event = Event(kind, site, about, data)
        stack = [*self.stack, site]
        self.tape.events.append(event)
        self.tape.stacks.setdefault(kind, {}).setdefault(site, stack)
        if event.is_evaluation and stack not in self.tape.evaluations:
            self.tape.evaluations.append(stack)

    def site(self, node: ast.AST) -> str:
        return f"{self.source.path}:{getattr(node, 'lineno', 0)}"

    def made(self, kind: str, node: ast.AST, path: str, **facts: Any) -> Thing:
        name = f"{kind}{self.counts.get(kind, 0)}"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.tape.objects[name] = {"class": path, "site": self.site(node), **facts}
        if kind != "loader":
            self.event(kind, node, name)
        return Thing(kind, name)

    # Statements

    def body(self, statements: Sequence[ast.stmt], names: dict[str, Any]) -> Any:
        """Follow statements; what they return, or UNKNOWN where they do not."""
        for statement in statements:
            found = self.statement(statement, names)
            if isinstance(statement, ast.Return) or found is not UNKNOWN:
                return found
        return UNKNOWN

    def statement(self, node: ast.stmt, names: dict[str, Any]) -> Any:
        if isinstance(node, ast.Return):
            return self.value(node.value, names) if node.value else None
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self.definitions.setdefault(node.name, (node, self.source))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            if node.value is not None:
                value = self.value(node.value, names)
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    self.bind(target, value, names)
        elif isinstance(node, ast.If):
            return self.branch(node, names)
        elif isinstance(node, (ast.For, ast.While)):
            return self.loop(node, names)
        elif isinstance(node, ast.With):
            told = " ".join(ast.unparse(each.context_expr) for each in node.items)
            before = self.gradients
            self.gradients = before and not any(word in told for word in NO_GRADIENTS)
            for each in node.items:
                value = self.value(each.context_expr, names)
                if each.optional_vars is not None:
                    self.bind(each.optional_vars, value, names)
            found = self.body(node.body, names)
            self.gradients = before
            return found
        elif isinstance(node, ast.Try):
            return self.body([*node.body, *node.orelse, *node.finalbody], names)
        elif isinstance(node, (ast.Expr, ast.AugAssign)):
            self.value(node.value, names)
        return UNKNOWN

    def branch(self, node: ast.If, names: dict[str, Any]) -> Any:
        self.value(node.test, names)
        test = self.known(node.test, names)
        if test is not UNKNOWN:
            return self.body(node.body if test else node.orelse, names)
        if "%" in ast.unparse(node.test) and not self.second:
            return self.body(node.orelse, names)
        for branch in (node.body, node.orelse):
            self.body([each for each in branch if not isinstance(each, ast.Return)], names)
        return UNKNOWN

    def loop(self, node: ast.For | ast.While, names: dict[str, Any]) -> Any:
        before = self.second
        if isinstance(node, ast.For):
            given = self.value(node.iter, names)
            if isinstance(given, Thing) and given.kind == "loader":
                self.event("iter", node.iter, given.name)
            self.bind(node.target, UNKNOWN, names)
        for self.second in (False, True):
            found = self.body(node.body, names)
            if found is not UNKNOWN:
                break
        self.second = before
        return UNKNOWN

    def bind(self, target: ast.expr, value: Any, names: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = [*value] if isinstance(value, (list, tuple)) and len(value) == len(target.elts) else []
            for index, each in enumerate(target.elts):
                self.bind(each, values[index] if values else UNKNOWN, names)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, names)
            if isinstance(owner, Thing):
                owner.names[target.attr] = value

    # Expressions

    def value(self, node: ast.AST | None, names: dict[str, Any]) -> Any:
        """What an expression is, as far as that is known; the calls in it are followed."""
        if isinstance(node, ast.Name):
            return names.get(node.id, self.globals.get(node.id, UNKNOWN))
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value, names)
            return owner.names.get(node.attr, UNKNOWN) if isinstance(owner, Thing) else UNKNOWN
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self.value(each, names) for each in node.elts]
        if isinstance(node, ast.Call):
            return self.call(node, names)
        if isinstance(node, ast.Lambda) or node is None:
            return UNKNOWN
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.expr, ast.keyword)):
                self.value(child.value if isinstance(child, ast.keyword) else child, names)
        return self.known(node, names)

    def known(self, node: ast.AST, names: Mapping[str, Any]) -> Any:
        """The value of an expression of literals and options; UNKNOWN for others."""
        try:
            return ast.literal_eval(ast.unparse(node))
        except (ValueError, SyntaxError, TypeError):
            pass
        if ast.unparse(node) in ("__name__ == '__main__'", "'__main__' == __name__"):
            return True
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            value = self.known(node.operand, names)
            return value if value is UNKNOWN else not value
        if isinstance(node, (ast.Name, ast.Attribute)):
            value = self.value(node, dict(names))
            return UNKNOWN if isinstance(value, (Thing, list)) else value
        if isinstance(node, ast.BoolOp):
            values = [self.known(each, names) for each in node.values]
            decided = isinstance(node.op, ast.Or)
            if any(value is not UNKNOWN and bool(value) == decided for value in values):
                return decided
            return UNKNOWN if UNKNOWN in values else not decided
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            one, two = self.known(node.left, names), self.known(node.comparators[0], names)
            if UNKNOWN not in (one, two) and isinstance(node.ops[0], (ast.Eq, ast.Is)):
                return bool(one == two)
            if UNKNOWN not in (one, two) and isinstance(node.ops[0], (ast.NotEq, ast.IsNot)):
                return bool(one != two)
        return UNKNOWN

    def call(self, node: ast.Call, names: dict[str, Any]) -> Any:
        path = self.path(node.func)
        last = path.rpartition(".")[2]
        owner = self.value(node.func.value, names) if isinstance(node.func, ast.Attribute) else UNKNOWN
        given = [
            self.value(each.value if isinstance(each, ast.Starred) else each, names) for each in node.args
        ]
        keywords = {each.arg: self.value(each.value, names) for each in node.keywords}
        everything = [*given, *keywords.values()]
        if last == "backward" and not (isinstance(owner, Thing) and owner.kind == "instance"):
            self.event("backward", node, loss=["0x0.0p+0"], rng=[])
            return None
        if isinstance(owner, Thing):
            found = self.method(node, owner, last, given, keywords)
            if found is not UNKNOWN:
                return found
        elif last in SAME and isinstance(node.func, ast.Attribute):
            return given[0] if given and isinstance(given[0], Thing) else owner
        if last == "prepare":
            return given[0] if len(given) == 1 else given
        if (
            last in ("step", "unscale_")
            and given
            and isinstance(given[0], Thing)
            and given[0].kind == "optimizer"
        ):
            # A GradScaler's.
            if last == "step":
                self.event("step", node, given[0].name)
            return None
        if last in WRAPPERS and given:
            return given[0]
        if isinstance(node.func, ast.Attribute):
            target = owner.names.get(node.func.attr, UNKNOWN) if isinstance(owner, Thing) else UNKNOWN
        else:
            target = self.value(node.func, names)
        if isinstance(target, Thing) and target.kind == "module":
            self.forward(node, target)
            return UNKNOWN
        return self.making(node, path, last, everything, keywords, names, given)

    def method(
        self, node: ast.Call, owner: Thing, name: str, given: list[Any], keywords: Mapping[Any, Any]
    ) -> Any:
        if owner.kind == "optimizer" and name in ("step", "zero_grad"):
            self.event(
                "step" if name == "step" else "zero", node, owner.name, closure=bool(given or keywords)
            )
            return None
        if owner.kind == "scheduler" and name == "step":
            self.event("schedule", node, owner.name, **({"metric": ""} if given or keywords else {}))
            return None
        if owner.kind == "parser":
            assert owner.options is not None
            if name == "add_argument":
                owner.options.add(node)
                return None
            if name in ("add_argument_group", "add_mutually_exclusive_group"):
                return owner
            if name in ("parse_args", "parse_known_args"):
                values, told = owner.options.parsed(self.arguments, self.site(node))
                self.tape.arguments.append(told)
                return Thing("values", names=values)
        if owner.kind == "module" and name in ("train", "eval"):
            owner.train = name == "train"
            self.event("mode", node, owner.name, train=owner.train)
            return owner
        if owner.kind == "module" and name == "zero_grad":
            self.event("zero", node, owner.name)
            return None
        if name in SAME or (owner.kind == "module" and name in ("apply", "requires_grad_")):
            return owner
        if owner.kind in ("instance", "module") and owner.cls is not None:
            method = method_of(owner.cls, name, self.definitions)
            if method is not None and (owner.kind == "instance" or self.has_backward(method)):
                return self.follow(node, method, owner.source, [owner, *given], keywords)
        return UNKNOWN

    def making(
        self,
        node: ast.Call,
        path: str,
        last: str,
        everything: list[Any],
        keywords: Mapping[Any, Any],
        names: dict[str, Any],
        given: list[Any],
    ) -> Any:
        if path.startswith("torch.optim.lr_scheduler.") or last.endswith("schedule_with_warmup"):
            optimizer = next(
                (each for each in everything if isinstance(each, Thing) and each.kind == "optimizer"), None
            )
            return self.made("scheduler", node, path, optimizer=optimizer.name if optimizer else "")
        if path.startswith("torch.optim."):
            self.trained(node, names)
            return self.made("optimizer", node, path, defaults={}, groups=[{}])
        if last == "DataLoader":
            facts = {
                "batch_size": _plain(keywords.get("batch_size", given[1] if len(given) > 1 else 1)),
                "workers": _plain(keywords.get("num_workers", 0)) or 0,
                "sampler": "RandomSampler" if keywords.get("shuffle") else "SequentialSampler",
                "drop_last": bool(_plain(keywords.get("drop_last", False))),
                "generator": "generator" in keywords,
            }
            return self.made("loader", node, path, **facts)
        if last in CLIPS:
            self.event("clip", node, function=last, limit=0.0)
            return UNKNOWN
        if path.endswith(SEEDS):
            values = [each for each in everything if isinstance(each, int)]
            self.event("seed", node, function=path, values=values)
            return None
        if path in ("torch.save", "torch.load"):
            self.event(path.rpartition(".")[2], node)
            return UNKNOWN
        if last == "ArgumentParser":
            return Thing("parser", options=Options())
        if isinstance(node.func, ast.Name) and node.func.id in self.definitions:
            definition, source = self.definitions[node.func.id]
            if isinstance(definition, ast.FunctionDef):
                return self.follow(node, definition, source, given, keywords)
            return self.built(node, definition, source, given, keywords)
        is_module = path.startswith(("torch.nn.", "torchvision.models.")) and not last.endswith("Loss")
        return Thing("module", last) if is_module and last[0].isupper() else UNKNOWN

    def forward(self, node: ast.Call, module: Thing) -> None:
        told = {} if self.gradients and module.train else {"output": ""}
        self.event("forward", node, module.name, train=module.train, grad=self.gradients, batch="", **told)

    def built(
        self, node: ast.Call, cls: ast.ClassDef, source: Source, given: list[Any], keywords: Mapping[Any, Any]
    ) -> Any:
        if is_module(cls, self.definitions):
            return Thing("module", cls.name, cls, source)
        made = Thing("instance", cls.name, cls, source)
        init = method_of(cls, "__init__", self.definitions)
        if init is not None:
            self.follow(node, init, source, [made, *given], keywords)
        return made

    def trained(self, node: ast.Call, names: dict[str, Any]) -> None:
        """What gives its ``parameters()`` to an optimizer is a model, whatever made it."""
        for each in ast.walk(node):
            if isinstance(each, ast.Attribute) and each.attr in PARAMETERS:
                owner = self.value(each.value, names)
                if not isinstance(owner, Thing):
                    self.bind(each.value, Thing("module", ast.unparse(each.value)), names)

    def follow(
        self,
        node: ast.Call,
        function: ast.FunctionDef,
        source: Source | None,
        given: list[Any],
        keywords: Mapping[Any, Any],
    ) -> Any:
        """What a function of the program returns."""
        if function in self.calls or len(self.calls) > DEEPEST or source is None:
            return UNKNOWN
        parameters = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
        names = dict(
            zip(reversed(parameters), map(self.literal, reversed(function.args.defaults)), strict=False)
        )
        names |= dict(zip(parameters, given, strict=False))
        names |= {str(name): value for name, value in keywords.items() if name}
        before = self.source, self.gradients
        self.stack.append(self.site(node))
        self.calls.append(function)
        self.source = source
        told = " ".join(map(ast.unparse, function.decorator_list))
        self.gradients = self.gradients and not any(word in told for word in NO_GRADIENTS)
        try:
            found = self.body(function.body, names)
        finally:
            self.source, self.gradients = before
            self.stack.pop()
            self.calls.pop()
        return None if found is UNKNOWN else found

    def literal(self, node: ast.expr) -> Any:
        return self.known(node, {})

    def has_backward(self, function: ast.FunctionDef) -> bool:
        return any(isinstance(each, ast.Attribute) and each.attr == "backward" for each in ast.walk(function))

    def path(self, node: ast.AST) -> str:
        """``torch.optim.Adam`` for ``optim.Adam``, by the imports of the file."""
        text = ast.unparse(node)
        first, dot, rest = text.partition(".")
        return self.paths[self.source.path].get(first, first) + dot + rest


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float, str, bool)) else None
