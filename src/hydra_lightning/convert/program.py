"""The parts of a program that are written anew, and what became of its statements."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.kept import Kept, kept_statements
from hydra_lightning.convert.rewrite import is_only_a_move, only_tells
from hydra_lightning.convert.roles import Loader, Roles, events_in
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.parity.tape import Tape

DROPPED = ("zero", "step", "backward", "schedule", "clip", "mode")


@dataclass
class Program:
    """A program that was recorded and read.

    Attributes:
        flow: its statements, cut at its loops.
        roles: who is who in it.
        settings: its settings, by their code.
        tape: its recording.
        entry: its file.
        stem: the name of the files that are written, ``digits``.
        kept: where statements that were taken over went, by the identity of their nodes.
    """

    flow: Flow
    roles: Roles
    settings: Mapping[str, Setting]
    tape: Tape
    stem: str
    entry: Source
    kept: dict[int, str] = field(default_factory=dict)

    @property
    def camel(self) -> str:
        return "".join(part.capitalize() for part in self.stem.split("_"))

    @property
    def file(self) -> str:
        """The name of the program's file."""
        return self.tape.command[0].rpartition("/")[2]

    @property
    def told(self) -> str:
        """What the program says of itself in one line, else its name."""
        text = ast.get_docstring(self.entry.tree) or ""
        return text.splitlines()[0].rstrip(".") if text else f"What {self.file} trains"

    @cached_property
    def steps(self) -> list[Piece]:
        """What is done with a batch, but for what Lightning does."""
        return [piece for piece in self.flow.body if not self.is_dropped(piece)]

    @cached_property
    def objects(self) -> list[Piece]:
        """What is made before training, but for settings and seeds."""
        sites = {setting.site for setting in self.settings.values()}
        owners = {code.partition(".")[0] for code in self.settings if "." in code}
        return [
            piece
            for piece in self.flow.setup
            if piece.site not in sites
            and "seed" not in events_in(piece, self.tape)
            and not self.is_for_devices(piece)
            and not is_only_a_move(piece)
            and not (piece.defines and piece.defines <= owners)
        ]

    @cached_property
    def kept_statements(self) -> Kept:
        """What of the training is kept as it is."""
        makers = {name for piece in self.roles.makers for name in piece.defines}
        return kept_statements(self.flow, self.roles, self.tape, makers)

    @cached_property
    def constants(self) -> dict[str, Piece]:
        """What the program makes of literals alone before training and never changes, by name."""
        later = pieces_in([*self.flow.before, *self.flow.after, *self.flow.end])
        changed = set().union(*(each.defines | each.changes for each in [*later, *self.flow.body]))
        found: dict[str, Piece] = {}
        for piece in self.flow.setup:
            calls = [each.func for each in ast.walk(piece.node) if isinstance(each, ast.Call)]
            plain = all(isinstance(each, ast.Name) and hasattr(builtins, each.id) for each in calls)
            if isinstance(piece.node, ast.Assign) and plain and piece.uses <= {*found}:
                found |= dict.fromkeys(piece.defines - changed, piece)
            else:
                found = {
                    name: made for name, made in found.items() if name not in piece.defines | piece.changes
                }
        return found

    @cached_property
    def devices(self) -> dict[str, str]:
        """Names that say where things run, and nothing else; how a LightningModule says it."""
        told = ("is_available", "torch.device", "device_count", '"cuda', "'cuda")
        no_device = (".to(", "Tensor", "GradScaler", "autocast", "DataLoader")
        found: dict[str, str] = {}
        for piece in self.flow.setup:
            code = piece.text(comments=False)
            if (
                isinstance(piece.node, ast.Assign)
                and any(word in code for word in told)
                and not any(word in code for word in no_device)
            ):
                quoted = "'" in code or '"' in code
                written = (
                    "self.device"
                    if "torch.device" in code
                    else "self.device.type"
                    if quoted
                    else '(self.device.type == "cuda")'
                )
                found |= dict.fromkeys(piece.defines, written)
        return {name: written for name, written in found.items() if name not in self.roles.nets}

    def is_for_devices(self, piece: Piece) -> bool:
        """Whether a statement only decides where things run: what Lightning's accelerators do."""
        if isinstance(piece.node, ast.If):
            names = {each.id for each in ast.walk(piece.node.test) if isinstance(each, ast.Name)}
            told = ast.unparse(piece.node.test)
            return not piece.node.orelse and (
                (bool(names) and names <= {*self.devices}) or "cuda.is_available" in told
            )
        return isinstance(piece.node, ast.Assign) and bool(piece.defines) and piece.defines <= {*self.devices}

    @property
    def loaders(self) -> list[Loader]:
        """Of training, and of validation where there is one."""
        return [each for each in (self.roles.train, self.roles.val) if each is not None]

    def is_dropped(self, piece: Piece) -> bool:
        """Whether Lightning does what a statement does, or it only tells."""
        is_call = isinstance(piece.node, ast.Expr)
        return (
            (is_call and bool(events_in(piece, self.tape) & {*DROPPED}))
            or is_only_a_move(piece)
            or only_tells(piece.node)
        )

    def keep(self, pieces: Iterable[Piece], where: str) -> None:
        for piece in pieces:
            self.kept.setdefault(id(piece.node), where)
