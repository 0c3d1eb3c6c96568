"""What became of every statement of a program."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.kept import only_collects
from hydra_lightning.convert.rewrite import is_a_way_out, is_only_a_move, only_tells
from hydra_lightning.convert.roles import events_in
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, Source
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.verdict import Verdict, text

BY_LIGHTNING = {
    "zero": "the Trainer does it",
    "backward": "the Trainer does it",
    "step": "the Trainer does it",
    "schedule": "the Trainer does it, see configure_optimizers",
    "clip": "trainer.gradient_clip_val",
    "mode": "the Trainer does it",
    "seed": "the key seed",
    "save": "callbacks.model_checkpoint",
}


@dataclass(frozen=True)
class Line:
    """A statement of the program.

    Attributes:
        site: its place.
        what: ``converted``, ``dropped``, ``not exercised`` or ``to do``.
        why: where it went, or why it did not.
        code: its first line.
    """

    site: str
    what: str
    why: str
    code: str


def lines_of(
    entry: Source,
    flow: Flow,
    kept: Mapping[int, str],
    keys: Mapping[str, str],
    settings: Mapping[str, Setting],
    tape: Tape,
) -> list[Line]:
    """Every statement on the way through the program, in the order of their files and lines."""
    by_site: dict[str, list[str]] = {}
    for setting in settings.values():
        told = f"{setting.option or setting.code} → {keys[setting.code]}" if setting.code in keys else ""
        by_site.setdefault(setting.site, []).append(told)
    found = [Line(flow.epochs.site, "converted", "trainer.max_epochs", _code(flow.epochs))]
    found.append(Line(flow.batches.site, "converted", "train_dataloader", _code(flow.batches)))
    trained = [*flow.setup, *pieces_in(flow.before), *flow.body, *pieces_in(flow.after)]
    for piece in trained:
        if piece.source.path:
            found.append(_line(piece, kept, by_site, tape, in_setup=piece in flow.setup))
    for piece in pieces_in(flow.end):
        if piece.source.path:
            what, why = "to do", "it follows the training: left out"
            if only_tells(piece.node):
                what, why = "dropped", "it only tells or saves"
            found.append(Line(piece.site, what, why, _code(piece)))
    return found


def _line(
    piece: Piece, kept: Mapping[int, str], by_site: Mapping[str, list[str]], tape: Tape, in_setup: bool
) -> Line:
    code = _code(piece)
    if id(piece.node) in kept:
        return Line(piece.site, "converted", kept[id(piece.node)], code)
    if piece.site in by_site:
        return Line(piece.site, "converted", ", ".join(filter(None, by_site[piece.site])) or "not used", code)
    for kind, why in BY_LIGHTNING.items():
        if kind in events_in(piece, tape):
            return Line(piece.site, "dropped", why, code)
    if "add_argument" in code or "ArgumentParser" in code:
        return Line(piece.site, "converted", "an option: see the table", code)
    if is_only_a_move(piece):
        return Line(piece.site, "dropped", "the Trainer moves models and batches", code)
    if only_tells(piece.node):
        return Line(
            piece.site, "dropped", "it only tells or saves: self.log, and the checkpoint callback", code
        )
    if isinstance(piece.node, ast.Expr) and only_collects(piece.node):
        return Line(piece.site, "dropped", "it only collects what self.log averages", code)
    if is_a_way_out(piece.node):
        return Line(piece.site, "not exercised", "the recording did not leave the loop here", code)
    if in_setup or isinstance(piece.node, (ast.Assign, ast.AugAssign)):
        return Line(piece.site, "dropped", "nothing of the training uses it", code)
    return Line(piece.site, "to do", "left out: what it does is not known", code)


def _code(piece: Piece) -> str:
    return piece.text(comments=False).splitlines()[0]


def report(
    tape: Tape,
    verdict: Verdict,
    lines: Iterable[Line],
    keys: Mapping[str, str],
    settings: Mapping[str, Setting],
) -> str:
    """The report as Markdown."""
    program = " ".join([tape.command[0].rpartition("/")[2], *tape.command[1:]])
    told = [f"# {program}", "", "```text", text(verdict), "```", ""]
    if keys:
        told += ["| in the program | key | value |", "| --- | --- | --- |"]
        for code, key in keys.items():
            setting = settings[code]
            told.append(f"| `{setting.option or code}` | `{key}` | `{setting.value}` |")
        told.append("")
    told += ["| line | | where or why | code |", "| --- | --- | --- | --- |"]
    for line in lines:
        code = line.code.replace("|", "\\|")
        told.append(f"| {line.site} | {line.what} | {line.why} | `{code}` |")
    return "\n".join([*told, ""])
