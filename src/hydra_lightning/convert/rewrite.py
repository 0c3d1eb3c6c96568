"""Statements of the program as they go into a class: settings, attributes and devices put right, dead code left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hydra_lightning.convert.moves import is_move, moves_all
from hydra_lightning.convert.settings import Setting, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.convert.tells import only_tells

# What a LightningModule or a LightningDataModule has already.
RESERVED = frozenset(
    (
        *(
            "device",
            "dtype",
            "logger",
            "loggers",
            "trainer",
            "hparams",
            "log",
            "train",
            "eval",
            "training",
            "name",
        ),
        *(
            "forward",
            "print",
            "optimizers",
            "lr_schedulers",
            "current_epoch",
            "global_step",
            "backward",
            "fabric",
        ),
        *("example_input_array", "strict_loading", "setup", "teardown", "state_dict", "prepare_data"),
    )
)
OF_DATA = frozenset(
    (
        *("trainer", "hparams", "name", "setup", "teardown", "state_dict", "prepare_data", "size"),
        *(f"{kind}_dataloader" for kind in ("train", "val", "test", "predict")),
    )
)
# What is read of an Accelerator as its device; a LightningModule has its own.
DEVICE = "torch.device('cuda')"
SEEDING = frozenset(("seed", "manual_seed", "manual_seed_all", "seed_everything", "set_seed"))


@dataclass
class Scope:
    """How names are written in one place of the project.

    Attributes:
        settings: of the program.
        setting: how a setting is written there, by its name.
        names: how other names are written there.
        used: the settings that were written, in order.
        known: what settings are called that the Trainer knows, by their code.
        edits: what statements in others become, by the identity of their nodes.
        stops: whether a ``break`` ends the training, and what only tells is left out of other statements.
        moves: whether what is moved to a device is still moved there.
        manual: whether ``backward`` is written as Lightning's manual optimization has it.
    """

    settings: Mapping[str, Setting]
    setting: Callable[[str], str]
    names: Mapping[str, str] = field(default_factory=dict)
    used: dict[str, Setting] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    manual: bool = False
    moves: bool = False
    stops: bool = False
    edits: Mapping[int, str] = field(default_factory=dict)

    def code(self, piece: Piece, node: ast.AST | None = None) -> str:
        """A piece, or an expression in it, as it is written there."""
        if isinstance(node, ast.Subscript) and not hasattr(node, "lineno"):
            # One of the numbers in a dict that the program prints.
            return f"{self.code(piece, node.value)}[{ast.unparse(node.slice)}]"

        inner = {
            name.id
            for part in ast.walk(piece.node)
            if isinstance(part, ast.comprehension)
            for name in ast.walk(part.target)
            if isinstance(name, ast.Name)
        }

        ends = {**_needless(piece), **self.edits, **(_ends(piece.node) if self.stops else {})}

        def replace(each: ast.AST) -> str | None:
            if id(each) in ends:
                return ends[id(each)]
            if each is not node and not self.moves and isinstance(each, ast.Call) and is_move(each):
                assert isinstance(each.func, ast.Attribute)
                return self.code(piece, each.func.value)
            if isinstance(each, ast.Call) and piece.source.written and ast.unparse(each) == DEVICE:
                return self.names.get(DEVICE, 'torch.device("cpu")')
            if isinstance(each, (ast.GeneratorExp, ast.ListComp)) and moves_all(each):
                return self.code(piece, each.generators[0].iter)
            if self.manual and each is not node and isinstance(each, ast.Call) and is_backward(each):
                assert isinstance(each.func, ast.Attribute)
                given = [self.code(piece, part) for part in (each.func.value, *each.args)]
                given += [f"{key.arg}={self.code(piece, key.value)}" for key in each.keywords]
                return f"self.manual_backward({', '.join(given)})"
            if isinstance(each, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(each.ctx, ast.Load):
                setting = setting_in(each, piece, self.settings)
                if setting is not None:
                    return self.name_of(setting)
            if isinstance(each, ast.Name):
                name = piece.names.get(each.id, each.id)
                return None if each.id in inner else self.names.get(name)
            return None

        if node is not None and isinstance(node, ast.Call) and is_move(node):
            assert isinstance(node.func, ast.Attribute)
            return self.code(piece, node.func.value)
        return piece.part(node, replace) if node is not None else piece.text(replace)

    def name_of(self, setting: Setting) -> str:
        """How a setting is written there."""
        if setting.code in self.known:
            return self.known[setting.code]
        self.used[setting.name] = setting
        return self.setting(setting.name)


def _needless(piece: Piece) -> dict[int, str]:
    """Nothing for each ``pass`` in a statement that does something else as well, where the program was rewritten."""
    found: dict[int, str] = {}
    lines = piece.source.text.splitlines()
    bodies = [
        body
        for node in (ast.walk(piece.node) if piece.source.written else ())
        for name in ("body", "orelse", "finalbody")
        if isinstance(body := getattr(node, name, None), list)
    ]
    for body in bodies:
        passes = [each for each in body if isinstance(each, ast.Pass)]
        own = [each for each in passes if lines[each.lineno - 1].strip() == "pass"]
        found |= {id(each): "" for each in own[len(passes) == len(body) :]}
    return found


def _ends(statement: ast.stmt) -> dict[int, str]:
    """What a ``break`` in branches of a statement becomes, and what statements that only tell become."""
    found = without_telling(statement)
    for each in ast.walk(statement) if isinstance(statement, ast.If) else ():
        if isinstance(each, ast.Break):
            found[id(each)] = "self.trainer.should_stop = True"
    return found


def without_telling(statement: ast.stmt) -> dict[int, str]:
    """What statements in branches become that only tell: nothing."""
    found: dict[int, str] = {}
    if isinstance(statement, ast.If):
        for branch in (statement.body, statement.orelse):
            telling = [each for each in branch if only_tells(each)]
            found |= {id(each): "" for each in telling}
            if telling and len(telling) == len(branch):
                found[id(telling[0])] = "pass"
            for each in branch:
                found |= {} if each in telling else without_telling(each)
    return found


def draws(piece: Piece, others: Sequence[str] = ()) -> bool:
    """Whether a statement draws random numbers, as far as its words tell.

    Args:
        others: modules whose generators do not count.
    """
    called = [ast.unparse(each.func) for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
    return any(
        re.search(r"rand|normal|bernoulli|multinomial|choice|shuffle|permutation", each)
        and each.rpartition(".")[0] not in others
        for each in called
    )


def is_backward(call: ast.Call) -> bool:
    """``loss.backward()``, ``scaler.scale(loss).backward()``"""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "backward"


def is_only_a_move(piece: Piece) -> bool:
    """``x = x.to(device)``, ``x, y = x.to(device), y.to(device)``, ``net.to(device)``; ``x = x``."""
    node = piece.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return is_move(node.value)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target, value = node.targets[0], node.value
    if _moves_each(target, value):
        return True
    pairs = (
        list(zip(target.elts, value.elts, strict=False))
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        else [(target, value)]
    )
    return all(piece.part(_unmoved(one)) == piece.part(each) for each, one in pairs)


def _unmoved(node: ast.expr) -> ast.expr:
    """``x`` of ``x.to(device)``."""
    if isinstance(node, ast.Call) and is_move(node) and isinstance(node.func, ast.Attribute):
        return node.func.value
    return node


def _moves_each(target: ast.expr, value: ast.expr) -> bool:
    """``batch = tuple(t.to(device) for t in batch)``, ``batch = {k: v.to(device) for k, v in batch.items()}``"""
    if (
        isinstance(value, ast.Call)
        and ast.unparse(value.func) in ("tuple", "list", "dict")
        and len(value.args) == 1
    ):
        value = value.args[0]
    if not isinstance(value, (ast.ListComp, ast.GeneratorExp, ast.DictComp)) or len(value.generators) != 1:
        return False
    part = value.value if isinstance(value, ast.DictComp) else value.elt
    over = value.generators[0]
    if not isinstance(part, ast.Call) or not is_move(part) or over.ifs:
        return False
    given = over.target.elts[-1] if isinstance(over.target, ast.Tuple) else over.target
    if isinstance(value, ast.DictComp):
        names = ast.Tuple([value.key, given])
        if ast.unparse(over.target) != ast.unparse(names):
            return False
    moved = ast.unparse(part.func).rpartition(".")[0]
    return moved == ast.unparse(given) and ast.unparse(over.iter).removesuffix(".items()") == ast.unparse(
        target
    )


def used_in(piece: Piece) -> set[str]:
    """The names that a statement reads, but for the devices that it moves things to."""
    moves = [each for each in ast.walk(piece.node) if isinstance(each, ast.Call) and is_move(each)]
    devices = {id(name) for call in moves for argument in call.args for name in ast.walk(argument)}
    read = {
        piece.names.get(each.id, each.id)
        for each in ast.walk(piece.node)
        if isinstance(each, ast.Name) and id(each) not in devices
    }
    return piece.uses & read


def only_seeds(piece: Piece, setup: Sequence[Piece]) -> bool:
    """Whether a statement only seeds generators of libraries, under a condition too; not one that the program made."""
    statement = piece.node
    if isinstance(statement, ast.If):
        inner = [Piece(each, piece.source, piece.names) for each in [*statement.body, *statement.orelse]]
        return all(only_seeds(each, setup) for each in inner)
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    owner, _, name = ast.unparse(statement.value.func).rpartition(".")
    return name in SEEDING and not any(piece.names.get(owner, owner) in each.assigns for each in setup)


def needed(pieces: Sequence[Piece], names: Iterable[str], roots: Sequence[Piece] = ()) -> list[Piece]:
    """The pieces that decide what ``names`` are at the end, in order; ``roots`` and what these need, too."""
    wanted = set(names)
    kept: list[Piece] = []
    assigned = {name for piece in pieces for name in piece.defines} | wanted
    for piece in reversed(pieces):
        if piece in roots or (piece.defines | (piece.changes & assigned)) & wanted:
            kept.append(piece)
            if not (
                isinstance(piece.node, ast.Assign)
                and not piece.defines & piece.uses
                and _is_plain(piece.node)
            ):
                wanted |= piece.uses
                continue
            wanted -= piece.defines
            wanted |= piece.uses
    return kept[::-1]


def _is_plain(node: ast.Assign) -> bool:
    """Whether an assignment binds whole names, so that what they were before does not matter."""
    return all(
        isinstance(each, (ast.Name, ast.Tuple, ast.List, ast.Starred, ast.Store))
        for target in node.targets
        for each in ast.walk(target)
        if not isinstance(each, ast.expr_context)
    )


def is_a_way_out(statement: ast.stmt) -> bool:
    """Whether a statement only tells, or leaves a loop under a condition."""
    if isinstance(statement, ast.If):
        return all(is_a_way_out(each) for each in [*statement.body, *statement.orelse])
    return only_tells(statement) or isinstance(statement, (ast.Break, ast.Continue))


def attribute(name: str, reserved: frozenset[str] = RESERVED) -> str:
    """The name of an attribute for a variable."""
    return f"{name}_" if name in reserved else name
