"""The parts of a program that are written anew, and what became of its statements."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from hydra_lightning.convert.flow import Flow
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
        return [
            piece
            for piece in self.flow.setup
            if piece.site not in sites
            and "seed" not in events_in(piece, self.tape)
            and not self.is_for_devices(piece)
            and not is_only_a_move(piece)
        ]

    @cached_property
    def devices(self) -> set[str]:
        """Names that say where things run, and nothing else."""
        told = ("cuda", "torch.device", "mps.is_available")
        found: set[str] = set()
        for piece in self.flow.setup:
            code = piece.text(comments=False)
            if (
                isinstance(piece.node, ast.Assign)
                and any(word in code for word in told)
                and ".to(" not in code
            ):
                found |= piece.defines
        return found - {self.roles.net}

    def is_for_devices(self, piece: Piece) -> bool:
        """Whether a statement only decides where things run: what Lightning's accelerators do."""
        if isinstance(piece.node, ast.If):
            names = {each.id for each in ast.walk(piece.node.test) if isinstance(each, ast.Name)}
            told = ast.unparse(piece.node.test)
            return not piece.node.orelse and (
                (bool(names) and names <= self.devices) or "cuda.is_available" in told
            )
        return isinstance(piece.node, ast.Assign) and bool(piece.defines) and piece.defines <= self.devices

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
