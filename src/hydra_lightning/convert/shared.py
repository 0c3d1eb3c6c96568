"""``model_step``: what the training step and the evaluation compute alike, from the batch to the loss."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_lightning.convert.evaluation import Evaluation, scope_in, unpacked
from hydra_lightning.convert.hooks import training_pieces
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.text import method_text


@dataclass(frozen=True)
class Shared:
    """What is computed alike.

    Attributes:
        method: ``model_step``.
        loss: the name of the loss.
        names: what it returns, the loss first.
        training: the statements of the training step that follow it.
        steps: those of the evaluations, by their stage.
    """

    method: str
    loss: str
    names: list[str]
    training: list[str]
    steps: dict[str, list[str]]

    def call(self, lines: Sequence[str]) -> str:
        """The line that computes it, for the statements that follow."""
        used = {name for line in lines for name in _words(line)}
        names = [name if name in used else "_" for name in self.names]
        return f"{', '.join(names)} = self.model_step(batch)"


def shared_step(program: Program, scope: Scope, plans: Sequence[Evaluation]) -> Shared | None:
    """What the training step and all evaluations compute alike; None where it does not reach to the loss."""
    if program.roles.kept or not plans:
        return None
    train = program.roles.train
    kept = training_pieces(program)[:-1]
    is_odd = any(isinstance(each.node, ast.If) or train.index in each.uses for each in kept)
    if is_odd or any(each.loader.target != train.target for each in plans):
        return None
    loss, place, expression = _loss(program, scope, kept)
    if loss is None:
        return None
    lines = [scope.code(each) for each in kept]
    steps: dict[str, list[str]] = {}
    count = len(kept)
    codes = {each.stage: [scope_in(scope, each).code(piece) for piece in each.step] for each in plans}
    for each in plans:
        if any(each.loader.index in piece.uses for piece in each.step):
            return None
        count = min(count, _alike(lines, codes[each.stage]))
    for each in plans:
        rest = codes[each.stage][count:]
        if count <= place:
            # What is summed up is the loss itself: total += criterion(output, target).item()
            defined = set().union(*(piece.defines for piece in each.step))
            if count != place or loss in defined or expression is None:
                return None
            if not any(expression in line for line in rest):
                return None
            rest = [line.replace(expression, loss) for line in rest]
        steps[each.stage] = rest
    made = max(count, min(place + 1, len(kept)))
    body = [*unpacked(train), *lines[:made]]
    if place == len(kept):
        body.append(f"loss = {expression}")
    given = re.findall(r"\w+", train.target) if train.target != "batch" else []
    defined_here = [*(name for piece in kept[:made] for name in _in_order(piece)), *given]
    later = {name for rest in [lines[made:], *steps.values()] for line in rest for name in _words(line)}
    names = [loss, *dict.fromkeys(name for name in defined_here if name in later and name != loss)]
    kinds = (
        "torch.Tensor"
        if len(names) == 1
        else f"tuple[{', '.join(['torch.Tensor', *['Any'] * (len(names) - 1)])}]"
    )
    if body[-1].startswith(f"{loss} = ") and len(names) == 1:
        body[-1] = f"return {body[-1].removeprefix(f'{loss} = ')}"
    else:
        body.append(f"return {', '.join(names)}")
    method = method_text("model_step", "batch: Any", kinds, body)
    return Shared(method, loss, names, lines[made:], steps)


def _loss(program: Program, scope: Scope, kept: Sequence[Piece]) -> tuple[str | None, int, str | None]:
    """The name of the loss, the place of the statement that computes it, and the expression that it is, if it is one.

    No name where several statements compute it.
    """
    assert program.roles.loss is not None
    piece, loss = program.roles.loss
    if not isinstance(loss, ast.Name):
        return "loss", len(kept), scope.code(piece, loss)
    name = piece.names.get(loss.id, loss.id)
    places = [index for index, each in enumerate(kept) if name in each.defines]
    if len(places) != 1 or len(kept[places[0]].defines) != 1:
        return (name, places[0], None) if len(places) == 1 else (None, 0, None)
    made = kept[places[0]]
    code = scope.code(made, made.node.value) if isinstance(made.node, ast.Assign) else None
    return name, places[0], code


def _alike(lines: Sequence[str], others: Sequence[str]) -> int:
    """How many of the first statements are the same."""
    count = 0
    for one, two in zip(lines, others, strict=False):
        if ast.dump(ast.parse(one)) != ast.dump(ast.parse(two)):
            break
        count += 1
    return count


def _words(code: str) -> set[str]:
    return {each.id for each in ast.walk(ast.parse(code)) if isinstance(each, ast.Name)}


def _in_order(piece: Piece) -> list[str]:
    """The names that a statement defines, in the order in which they stand there."""
    names = [piece.names.get(each.id, each.id) for each in ast.walk(piece.node) if isinstance(each, ast.Name)]
    return [name for name in dict.fromkeys(names) if name in piece.defines]
