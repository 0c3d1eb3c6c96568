"""Weights that are changed by hand become an optimizer: ``for p in net.parameters(): p.data.add_(p.grad, alpha=-lr)``.

That is what ``torch.optim.SGD`` does, to the last bit. Its rate is in checkpoints then, steps are counted, and a rate
that is divided where the evaluation got no better is ``ReduceLROnPlateau``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hydra_lightning.convert.constructs import is_name
from hydra_lightning.convert.source import Source, span
from hydra_lightning.convert.spans import edited
from hydra_lightning.convert.tells import only_tells

NAMES = ("optimizer", "scheduler")
# What the best loss is before there is one.
BEGINNINGS = ("None", "float('inf')", "math.inf", "np.inf")
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Update:
    """A loop that changes the weights.

    Attributes:
        net: whose weights they are.
        rate: the name of the rate.
    """

    node: ast.For
    net: str
    rate: str


@dataclass(frozen=True)
class Annealing:
    """A statement after an evaluation that divides the rate unless the best so far was reached.

    Attributes:
        start: where the best so far gets its first value.
        value: what the evaluation gave.
        factor: by which the rate is multiplied.
    """

    node: ast.If
    start: ast.Assign
    value: str
    factor: float


def with_optimizers(sources: Mapping[str, Source]) -> dict[str, Source]:
    """The same files, on the same lines, in which an optimizer changes what was changed by hand."""
    return {path: _with_optimizer(source) for path, source in sources.items()}


def _with_optimizer(source: Source) -> Source:
    updates = [found for each in ast.walk(source.tree) if (found := _update(each)) is not None]
    if len(updates) != 1 or source.assigned & {*NAMES} or not _imports_torch(source.tree):
        return source
    if "optim." in source.text:
        # It has an optimizer, too.
        return source
    (update,) = updates
    body = source.tree.body
    first = [each for each in body if _is_assignment(each, update.rate)]
    models = [place for place, each in enumerate(body) if _is_assignment(each, update.net)]
    if len(first) != 1 or not models or body.index(first[0]) < models[-1]:
        return source
    branches = [each for each in ast.walk(source.tree) if isinstance(each, ast.If)]
    read = [_annealing(each, update.rate, source) for each in branches]
    annealings = [each for each in read if each is not None]
    stored = [each for each in ast.walk(source.tree) if is_name(each, update.rate, ast.Store)]
    if len(annealings) > 1 or len(stored) != 1 + len(annealings):
        return source
    if any(each.start not in body or each.start.lineno < first[0].lineno for each in annealings):
        # A scheduler is made after its optimizer.
        return source
    return edited(source, _edits(source, update, first[0], annealings))


def _edits(source: Source, update: Update, first: ast.stmt, annealings: list[Annealing]) -> Iterator[Edit]:
    assert isinstance(first, ast.Assign)
    given = source.text.encode()[slice(*span(first.value, source))].decode()
    made = f"optimizer = torch.optim.SGD({update.net}.parameters(), lr={given})"
    for each in annealings:
        told = f"factor={each.factor}, patience=0, threshold=0, eps=0"
        scheduler = f"scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, {told})"
        yield (*span(each.start, source), scheduler)
        yield from _instead(each.node, source, f"scheduler.step({each.value})")
    yield (*span(first, source), made)
    yield from _instead(update.node, source, "optimizer.step()")
    for name in ast.walk(source.tree):
        if is_name(name, update.rate, ast.Load):
            yield (*span(name, source), 'optimizer.param_groups[0]["lr"]')


def _instead(node: ast.stmt, source: Source, text: str) -> Iterator[Edit]:
    """A statement in the first line of another one; the lines that follow are left empty."""
    first, last = span(node, source)
    final = node.end_lineno or node.lineno
    for line in range(node.lineno, final + 1):
        begin = first if line == node.lineno else source.starts[line - 1]
        yield begin, last if line == final else source.starts[line] - 1, text if begin == first else ""


def _update(node: ast.AST) -> Update | None:
    """``for p in net.parameters(): p.data.add_(p.grad, alpha=-lr)``"""
    if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name) or len(node.body) != 1:
        return None
    over, name = ast.unparse(node.iter), node.target.id
    statement = node.body[0]
    call = statement.value if isinstance(statement, ast.Expr) else None
    net = over.removesuffix(".parameters()")
    if not isinstance(call, ast.Call) or net == over or not net.isidentifier() or node.orelse:
        return None
    rate = call.keywords[0].value if len(call.keywords) == 1 and call.keywords[0].arg == "alpha" else None
    if (
        ast.unparse(call.func) not in (f"{name}.data.add_", f"{name}.add_")
        or [ast.unparse(each) for each in call.args] not in ([f"{name}.grad"], [f"{name}.grad.data"])
        or not isinstance(rate, ast.UnaryOp)
        or not isinstance(rate.op, ast.USub)
        or not isinstance(rate.operand, ast.Name)
    ):
        return None
    return Update(node, net, rate.operand.id)


def _annealing(node: ast.If, rate: str, source: Source) -> Annealing | None:
    """``if best is None or loss < best: best = loss`` with ``else: lr /= 4``"""
    test = node.test
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) and len(test.values) == 2:
        test = test.values[1]
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Lt) or len(test.ops) > 1:
        return None
    value, best = test.left, test.comparators[0]
    if not isinstance(value, ast.Name) or not isinstance(best, ast.Name):
        return None
    if isinstance(node.test, ast.BoolOp):
        begins = (f"not {best.id}", f"{best.id} is None")
        if ast.unparse(node.test.values[0]) not in begins:
            return None
    kept = [each for each in node.body if not only_tells(each)]
    divided = [each for each in node.orelse if not only_tells(each)]
    factor = _factor(divided[0], rate) if len(divided) == 1 else None
    if factor is None or [ast.unparse(each) for each in kept] != [f"{best.id} = {value.id}"]:
        return None
    stores = [each for each in ast.walk(source.tree) if _is_assignment(each, best.id)]
    starts = [each for each in stores if isinstance(each, ast.Assign) and each not in kept]
    if len(starts) != 1 or ast.unparse(starts[0].value) not in BEGINNINGS:
        return None
    return Annealing(node, starts[0], value.id, factor)


def _factor(statement: ast.stmt, rate: str) -> float | None:
    """``0.25`` of ``lr /= 4.0``; None where a product is not to the last bit what the quotient is."""
    if not isinstance(statement, ast.AugAssign) or not is_name(statement.target, rate, ast.Store):
        return None
    number = statement.value.value if isinstance(statement.value, ast.Constant) else None
    if not isinstance(number, (int, float)) or isinstance(number, bool) or number <= 0:
        return None
    if isinstance(statement.op, ast.Mult):
        return float(number) if number < 1 else None
    is_exact = math.frexp(number)[0] == 0.5
    return 1 / number if isinstance(statement.op, ast.Div) and is_exact and number > 1 else None


def _is_assignment(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(is_name(each, name, ast.Store) for each in node.targets)


def _imports_torch(tree: ast.Module) -> bool:
    imports = [each for each in tree.body if isinstance(each, ast.Import)]
    return any(alias.name == "torch" and not alias.asname for each in imports for alias in each.names)
