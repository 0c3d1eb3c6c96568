"""Optimizers and schedulers: what of them a config says, and what ``configure_optimizers`` gives them."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hydra_lightning.config.signatures.read import read_signature
from hydra_lightning.convert.batches import called, iterated_by
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import Scope, needed
from hydra_lightning.convert.roles import public
from hydra_lightning.convert.settings import RESOLVERS, Setting, is_literal, setting_in
from hydra_lightning.convert.source import Piece, root_of
from hydra_lightning.convert.tells import only_tells
from hydra_lightning.convert.text import method_text

WIDTH = 100


@dataclass(frozen=True)
class Partial:
    """An optimizer or a scheduler whose config is a ``_partial_``.

    Attributes:
        piece: where it is made.
        path: what is called.
        config: arguments that are settings, literals or formulas of settings.
        given: the others, by name: the parameters, the optimizer, and what is computed of the data.
        first: the name of its first parameter.
    """

    piece: Piece
    path: str
    config: dict[str, ast.expr]
    given: dict[str, ast.expr]
    first: str

    def code(self, key: str, scope: Scope) -> str:
        """The statement that makes it in a LightningModule."""
        assert isinstance(self.piece.node, ast.Assign)
        parts: list[str] = []
        for name, value in self.given.items():
            code = scope.code(self.piece, value)
            parts.append(code if name == self.first and not parts else f"{name}={code}")
        target = self.piece.part(self.piece.node.targets[0])
        function = scope.setting(key)
        line = f"{target} = {function}({', '.join(parts)})"
        if len(line) > WIDTH:
            line = "\n".join([f"{target} = {function}(", *(f"    {part}," for part in parts), ")"])
        return f"{self.comments}{line}"

    @property
    def comments(self) -> str:
        """What the author says above it."""
        lines = self.piece.text().splitlines(keepends=True)
        return "".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


def partials_of(program: Program) -> dict[str, Partial]:
    """The optimizers and schedulers that the model's config makes, by their keys."""
    roles = program.roles
    makers = dict(zip(("optimizer", "scheduler"), roles.makers, strict=False))
    if roles.kept:
        several = len(roles.optimizers) > 1 or len(roles.schedulers) > 1
        named = {name: piece for piece in roles.optimizers for name in piece.defines}
        makers = named if several else makers
    found = {}
    for key, piece in makers.items():
        partial = _partial(piece, roles.classes.get(piece, ""), program)
        if partial is not None:
            found[key] = partial
    return found if program.is_pretrained else found | partials_of_earlier(program)


def partials_of_earlier(program: Program) -> dict[str, Partial]:
    """The optimizers of earlier trainings that a config makes, by their keys."""
    found: dict[str, Partial] = {}
    for name, facts in program.tape.objects.items():
        if not name.startswith("earlier optimizer"):
            continue
        others = [each for each in program.flow.setup if each not in program.roles.makers]
        piece = next((each for each in others if each.covers(str(facts["site"]))), None)
        partial = _partial(piece, public(facts["class"]), program) if piece is not None else None
        if partial is None or not partial.config:
            continue
        if all(
            is_literal(value) or setting_in(value, partial.piece, program.settings)
            for value in partial.config.values()
        ):
            found.setdefault(_key_of_earlier(partial, program), partial)
    return found


def _key_of_earlier(partial: Partial, program: Program) -> str:
    """``encoder_optimizer``; of the model itself, the name that the program has for it, where it is another one."""
    (variable,) = partial.piece.defines
    owners = [
        root_of(each.value)
        for value in partial.given.values()
        for each in ast.walk(value)
        if isinstance(each, ast.Attribute) and each.attr == "parameters"
    ]
    names = [partial.piece.names.get(each.id, each.id) for each in owners if isinstance(each, ast.Name)]
    if names and names[0] not in program.roles.nets:
        return f"{names[0]}_optimizer"
    taken = {name for each in program.roles.makers for name in each.defines} | {"optimizer", "scheduler"}
    return "first_optimizer" if variable in taken else variable


def _partial(piece: Piece, path: str, program: Program) -> Partial | None:
    call = piece.node.value if isinstance(piece.node, ast.Assign) else None
    if not isinstance(call, ast.Call):
        return None
    definition = program.flow.definitions.get(called(call))
    if definition is not None and isinstance(definition.node, ast.ClassDef):
        # It stays beside the LightningModule, where its arguments can be anything.
        return None
    if called(call) != path.rpartition(".")[2]:
        # What makes it has another name: get_linear_schedule_with_warmup of transformers.
        path = imported(call.func, program.flow) or ""
    signature = read_signature(path) if path else None
    names = [each.name for each in signature.named()] if signature is not None else []
    if len(names) < len(call.args) or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    if any(not each.arg for each in call.keywords) or not names:
        return None
    arguments = dict(zip(names, call.args, strict=False)) | {
        each.arg or "": each.value for each in call.keywords
    }
    config: dict[str, ast.expr] = {}
    given: dict[str, ast.expr] = {}
    for name, value in arguments.items():
        holder = config if says(value, piece, program) else given
        holder[name] = value
    if (not config and len(given) > 1) or (
        program.roles.kept and piece in program.roles.optimizers and len(given) > 1
    ):
        return None
    return Partial(piece, path, config, given, names[0])


def says(value: ast.expr, piece: Piece, program: Program) -> bool:
    """Whether a config can say an argument."""
    if is_literal(value) or setting_in(value, piece, program.settings) is not None:
        return True
    direct = _direct(program)
    settings = [*_settings_of(value, piece, program.settings)]
    return bool(settings) and None not in settings and all(each.code in direct for each in settings if each)


def _direct(program: Program) -> set[str]:
    """The settings that are an argument of an optimizer or a scheduler by themselves, or the number of epochs."""
    found: set[str] = set()
    for piece in program.roles.makers:
        call = piece.node.value if isinstance(piece.node, ast.Assign) else None
        if isinstance(call, ast.Call):
            for value in [*call.args, *(each.value for each in call.keywords)]:
                setting = setting_in(value, piece, program.settings)
                found |= {setting.code} if setting is not None else set()
    head = program.flow.epochs
    piece, iterated = (
        iterated_by(head, program.flow.setup) if isinstance(head.node, ast.For) else (head, None)
    )
    for node in ast.walk(iterated) if iterated is not None else ():
        setting = setting_in(node, piece, program.settings)
        found |= {setting.code} if setting is not None else set()
    return found


def _settings_of(node: ast.expr, piece: Piece, settings: Mapping[str, Setting]) -> Iterator[Setting | None]:
    """The settings of a formula; None for what cannot stand in one."""
    setting = setting_in(node, piece, settings)
    if setting is not None:
        yield setting
    elif isinstance(node, ast.BinOp) and type(node.op) in RESOLVERS:
        yield from _settings_of(node.left, piece, settings)
        yield from _settings_of(node.right, piece, settings)
    elif not isinstance(node, ast.Constant) or not isinstance(node.value, (int, float)):
        yield None


def imported(function: ast.expr, flow: Flow) -> str | None:
    """``transformers.get_scheduler`` of ``get_scheduler``; None for what the program defines itself."""
    parts = ast.unparse(function).split(".")
    definition = flow.definitions.get(parts[0])
    node = definition.node if definition is not None else None
    if not all(part.isidentifier() for part in parts) or not isinstance(node, (ast.Import, ast.ImportFrom)):
        return None
    for alias in node.names:
        if (alias.asname or alias.name) == parts[0]:
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            return ".".join([module + alias.name, *parts[1:]])
    return ".".join(parts) if isinstance(node, ast.Import) else None


def made_of(
    program: Program, found: Mapping[str, Partial], rest: Sequence[Piece], without: set[str]
) -> list[Piece]:
    """What optimizers and schedulers are made of, but for models, data and settings."""
    by_piece = {each.piece: each for each in found.values()}
    places = {id(each): index for index, each in enumerate(program.flow.setup)}
    pieces: list[Piece] = []
    for piece in program.roles.makers:
        values = by_piece[piece].given.values() if piece in by_piece else [piece.node]
        wanted = piece.uses & {
            piece.names.get(each.id, each.id)
            for value in values
            for each in ast.walk(value)
            if isinstance(each, ast.Name)
        }
        before = [
            each for each in rest if places[id(each)] < places[id(piece)] and not each.defines & without
        ]
        pieces += [each for each in needed(before, wanted - without) if each not in pieces]
    return [
        piece for piece in sorted(pieces, key=lambda each: places[id(each)]) if not only_tells(piece.node)
    ]


def configure_optimizers(
    program: Program,
    scope: Scope,
    pieces: Sequence[Piece],
    found: Mapping[str, Partial],
    monitor: str | None,
    earlier: Mapping[Piece, str],
) -> str:
    """Optimizers and schedulers are made in their order, with what they are made of.

    Args:
        earlier: the code of what is trained before, and of what is done to the model after that.
    """
    roles = program.roles
    keys = {each.piece: key for key, each in found.items()}
    body = []
    for piece in sorted([*pieces, *earlier, *roles.makers], key=program.flow.setup.index):
        if piece in earlier:
            body.append(earlier[piece])
            continue
        body.append(found[keys[piece]].code(keys[piece], scope) if piece in keys else scope.code(piece))
    program.keep([*pieces, *roles.makers], "configure_optimizers")
    if roles.kept:
        made, scheduled = (
            ", ".join(name for piece in makers for name in piece.defines)
            for makers in (roles.optimizers, roles.schedulers)
        )
        body.append(f"return [{made}], [{scheduled}]" if scheduled else f"return [{made}]")
        return method_text("configure_optimizers", "", "Any", body)
    (optimizer,) = roles.optimizers
    name = next(iter(optimizer.defines))
    if not roles.schedulers:
        last = body.pop()
        code = last.partition(" = ")[2] if last.startswith(f"{name} = ") else name
        body += [f"return {code}"] if code != name else [last, f"return {name}"]
        return method_text("configure_optimizers", "", "torch.optim.Optimizer", body)
    scheduler = next(iter(roles.schedulers[0].defines))
    when = f'"monitor": "{monitor}"' if monitor else f'"interval": "{roles.scheduler_interval}"'
    body += [
        f'schedule = {{"scheduler": {scheduler}, {when}}}',
        f'return {{"optimizer": {name}, "lr_scheduler": schedule}}',
    ]
    return method_text("configure_optimizers", "", "dict[str, Any]", body)
