"""What a config says of a call that makes a model: settings, literals, and calls of other libraries in it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from hydra_lightning.config.signatures.read import read_signature
from hydra_lightning.convert.holders import Holder, holder_of
from hydra_lightning.convert.optimizers import imported
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.settings import Computed, is_literal, literal_of, setting_in
from hydra_lightning.convert.source import Piece


@dataclass(frozen=True)
class Node:
    """A ``_target_`` with its arguments: settings, values, computed values, and nodes; ``_partial_`` or not.

    Attributes:
        holder: the object of settings that it is.
    """

    target: str
    arguments: dict[str, object]
    is_partial: bool = False
    holder: Holder | None = None


@dataclass(frozen=True)
class Call:
    """A call in a statement of the program.

    Attributes:
        pieces: what the model is made of, the statement among them.
        of_data: the names of what the data are made of.
    """

    program: Program
    piece: Piece
    pieces: Sequence[Piece]
    of_data: set[str]

    def node(self, call: ast.expr) -> Node | None:
        """What a config says of the call; None when it cannot say it all."""
        if not isinstance(call, ast.Call) or any(not each.arg for each in call.keywords):
            return None
        target, names = self._target(call.func)
        if target is None or len(names) < len(call.args):
            return None
        given = [
            *zip(names, call.args, strict=False),
            *((each.arg or "", each.value) for each in call.keywords),
        ]
        arguments: dict[str, object] = {}
        for name, value in given:
            found = self._argument(value) or _one(self._given(call, name, value))
            if found is None:
                return None
            arguments[name] = found[0]
        return Node(target, arguments)

    def _target(self, function: ast.expr) -> tuple[str | None, list[str]]:
        """The path of what is called, and the names of its positional parameters."""
        name = ast.unparse(function)
        definition = self.program.flow.definitions.get(name)
        node = definition.node if definition is not None else None
        own = f"lightning_classes.models.components.{self.program.stem}.{name}"
        if isinstance(node, ast.FunctionDef):
            return own, [each.arg for each in node.args.args]
        if isinstance(node, ast.ClassDef):
            inner = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            return own, [each.arg for init in inner if init.name == "__init__" for each in init.args.args][1:]
        path = imported(function, self.program.flow)
        if path is None or path.startswith("torch."):
            return None, []
        signature = read_signature(path)
        return path, [each.name for each in signature.named()] if signature is not None else []

    def _argument(self, value: ast.expr) -> tuple[object] | None:
        """What a config says of an argument, in a tuple of its own, as it may say None."""
        setting = setting_in(value, self.piece, self.program.settings)
        if setting is not None:
            return (setting,)
        if is_literal(value):
            return (literal_of(value),)
        if isinstance(value, ast.Name) and (holder := holder_of(self.program, self._name(value), self.piece)):
            return (Node(holder.target, {**holder.settings}, holder=holder),)
        if isinstance(value, ast.Name):
            makers = [each for each in self.pieces if self._name(value) in each.defines | each.changes]
            made = (
                makers[0].node.value if len(makers) == 1 and isinstance(makers[0].node, ast.Assign) else None
            )
            if isinstance(made, ast.Call) and len(makers[0].defines) == 1:
                return _one(Call(self.program, makers[0], self.pieces, self.of_data).node(made))
        node = self.node(value) if isinstance(value, ast.Call) and ast.unparse(value.func) != "len" else None
        return _one(node or self._computed(value))

    def _computed(self, value: ast.expr) -> Computed | None:
        """What an argument was when it was recorded, where it is computed of the data or of constants."""
        code = ast.unparse(value)
        recorded = [each["values"][code] for each in self.program.tape.built if code in each["values"]]
        if not recorded:
            return None
        if self._is_of_data(value):
            return Computed(recorded[0], f"{self.piece.part(value)} of its data")
        names = {self._name(each) for each in ast.walk(value) if isinstance(each, ast.Name)} - {"len"}
        return Computed(recorded[0], self.piece.part(value)) if names <= {*self.program.constants} else None

    def _given(self, call: ast.Call, name: str, value: ast.expr) -> Computed | None:
        """What the only object of a class that the statement made was given, where that is computed of the data."""
        made = [each for each in self.program.tape.built if self.piece.covers(each["site"])]
        found = [each["arguments"] for each in made if each["class"] == ast.unparse(call.func)]
        if len(found) != 1 or name not in found[0] or not self._is_of_data(value):
            return None
        return Computed(found[0][name], f"{self.piece.part(value)} of its data")

    def _is_of_data(self, value: ast.expr) -> bool:
        return any(
            isinstance(each, ast.Name) and self._name(each) in self.of_data for each in ast.walk(value)
        )

    def _name(self, node: ast.Name) -> str:
        return self.piece.names.get(node.id, node.id)


def _one(found: object) -> tuple[object] | None:
    return None if found is None else (found,)
