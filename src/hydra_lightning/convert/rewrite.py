"""Statements of the program as they go into a class: settings, attributes and devices put right, dead code left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hydra_lightning.convert.settings import Setting, setting_in
from hydra_lightning.convert.source import Piece

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
OF_DATA = frozenset(("trainer", "hparams", "name", "setup", "teardown", "state_dict", "prepare_data", "size"))
TELLING = frozenset(
    (
        *(
            "print",
            "set_postfix",
            "set_postfix_str",
            "set_description",
            "set_description_str",
            "update",
            "write",
        ),
        *(
            "info",
            "debug",
            "warning",
            "add_scalar",
            "add_scalars",
            "add_histogram",
            "add_image",
            "close",
            "flush",
        ),
    )
)
SAVING = frozenset(("save", "save_pretrained", "makedirs", "mkdir"))


@dataclass
class Scope:
    """How names are written in one place of the project.

    Attributes:
        settings: of the program.
        setting: how a setting is written there, by its name.
        names: how other names are written there.
        used: the settings that were written, in order.
        manual: whether ``backward`` is written as Lightning's manual optimization has it.
    """

    settings: Mapping[str, Setting]
    setting: Callable[[str], str]
    names: Mapping[str, str] = field(default_factory=dict)
    used: dict[str, Setting] = field(default_factory=dict)
    manual: bool = False

    def code(self, piece: Piece, node: ast.AST | None = None) -> str:
        """A piece, or an expression in it, as it is written there."""

        inner = {
            name.id
            for part in ast.walk(piece.node)
            if isinstance(part, ast.comprehension)
            for name in ast.walk(part.target)
            if isinstance(name, ast.Name)
        }

        def replace(each: ast.AST) -> str | None:
            if each is not node and isinstance(each, ast.Call) and is_move(each):
                assert isinstance(each.func, ast.Attribute)
                return self.code(piece, each.func.value)
            if self.manual and each is not node and isinstance(each, ast.Call) and is_backward(each):
                assert isinstance(each.func, ast.Attribute)
                parts = [each.func.value, *each.args]
                given = [self.code(piece, part) for part in parts]
                given += [f"{key.arg}={self.code(piece, key.value)}" for key in each.keywords]
                return f"self.manual_backward({', '.join(given)})"
            if isinstance(each, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(each.ctx, ast.Load):
                setting = setting_in(each, piece, self.settings)
                if setting is not None:
                    self.used[setting.name] = setting
                    return self.setting(setting.name)
            if isinstance(each, ast.Name):
                name = piece.names.get(each.id, each.id)
                return None if each.id in inner else self.names.get(name)
            return None

        if node is not None and isinstance(node, ast.Call) and is_move(node):
            assert isinstance(node.func, ast.Attribute)
            return self.code(piece, node.func.value)
        return piece.part(node, replace) if node is not None else piece.text(replace)


def draws(piece: Piece) -> bool:
    """Whether a statement draws random numbers, as far as its words tell."""
    called = [ast.unparse(each.func) for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
    return any(
        re.search(r"rand|normal|bernoulli|multinomial|choice|shuffle|permutation", each) for each in called
    )


def is_backward(call: ast.Call) -> bool:
    """``loss.backward()``, ``scaler.scale(loss).backward()``"""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "backward"


def is_move(call: ast.Call) -> bool:
    """``x.to(device)``, ``x.cuda()``: Lightning moves models and batches."""
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "cuda":
        return True
    if call.func.attr != "to":
        return False
    if not call.args:
        return "device" in {each.arg for each in call.keywords} <= {"device", "non_blocking"}
    if len(call.args) != 1 or any(each.arg != "non_blocking" for each in call.keywords):
        return False
    told = ast.unparse(call.args[0])
    return "device" in told or told.strip("'\"").partition(":")[0] in ("cuda", "cpu", "mps")


def is_only_a_move(piece: Piece) -> bool:
    """``x = x.to(device)``, ``x, y = x.to(device), y.to(device)``, ``net.to(device)``."""
    node = piece.node
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return is_move(node.value)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target, value = node.targets[0], node.value
    pairs = (
        list(zip(target.elts, value.elts, strict=False))
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        else [(target, value)]
    )
    return all(
        isinstance(one, ast.Call)
        and is_move(one)
        and isinstance(one.func, ast.Attribute)
        and ast.unparse(one.func.value) == ast.unparse(each)
        for each, one in pairs
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


def only_tells(statement: ast.stmt) -> bool:
    """Whether a statement only prints, logs or saves."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        owner, _, name = ast.unparse(statement.value.func).rpartition(".")
        if name in ("update", "write", "close"):
            return any(
                word in owner.lower() for word in ("bar", "tqdm", "progress", "writer", "log", "stdout")
            )
        return name in TELLING or name in SAVING
    if isinstance(statement, (ast.If, ast.With, ast.For)):
        return all(
            only_tells(each) or isinstance(each, (ast.Assign, ast.AugAssign, ast.Pass))
            for each in [*statement.body, *getattr(statement, "orelse", [])]
        ) and any(only_tells(each) for each in statement.body)
    return isinstance(statement, ast.Pass)


def needed(pieces: Sequence[Piece], names: Iterable[str]) -> list[Piece]:
    """The pieces that decide what ``names`` are at the end, in order."""
    wanted = set(names)
    kept: list[Piece] = []
    assigned = {name for piece in pieces for name in piece.defines}
    for piece in reversed(pieces):
        if (piece.defines | (piece.changes & assigned)) & wanted:
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
