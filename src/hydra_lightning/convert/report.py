"""What became of every statement of a program."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hydra_lightning.convert.agreement import Logged
from hydra_lightning.convert.calls import one_by_one
from hydra_lightning.convert.flow import pieces_in
from hydra_lightning.convert.hooks import is_mode
from hydra_lightning.convert.kept import only_collects, resets
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.rewrite import is_a_way_out, is_only_a_move
from hydra_lightning.convert.settings import Setting
from hydra_lightning.convert.source import Piece, Source, was_run
from hydra_lightning.convert.tells import only_tells, uploads
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.verdict import Verdict, text

UNVERIFIED = "UNVERIFIED  nothing was run, so nothing shows that the losses are the same"
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


NO_KEY = (
    "An option without a key chose a branch, or asked for what the Trainer does. The branch that it chose here is what "
    "was converted; for another one, convert with another value."
)
NOT_USED = "nothing of the training uses it"
NOT_TAKEN = "a branch that these settings do not take"
UPLOAD = "an upload to a hub is no part of a training: do it with the checkpoint"


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
    sources: Mapping[str, Source], program: Program, keys: Mapping[str, str], gone: Mapping[str, str]
) -> list[Line]:
    """Every statement on the way through the program, in the order of their files and lines.

    Args:
        sources: the files as the author wrote them.
        gone: what statements became that are not in the program as it is read, by their places.
    """
    flow, kept, settings, tape = program.flow, program.kept, program.settings, program.tape
    by_site: dict[str, list[str]] = {}
    for setting in settings.values():
        told = f"{setting.option or setting.code} → {keys[setting.code]}" if setting.code in keys else ""
        by_site.setdefault(setting.site, []).append(told)
    found = [Line(site, "converted", why, "") for site, why in gone.items()]
    if flow.epochs.source.path:
        found.append(Line(flow.epochs.site, "converted", "trainer.max_epochs", ""))
    found.append(Line(flow.batches.site, "converted", "train_dataloader", ""))
    trained = [*flow.setup, *pieces_in(flow.before), *flow.body, *pieces_in(flow.after)]
    for piece in trained:
        if piece.source.path:
            found.append(_line(piece, program, by_site, in_setup=piece in flow.setup))
    end = list(pieces_in(flow.end))
    follows = "it follows the training: left out"
    if any(".backward(" in each.text(comments=False) for each in end):
        follows = "a second training: a program of its own, that starts from what this one saves, converts"
    for number, piece in enumerate(end):
        if piece.source.path:
            what, why = "to do", UPLOAD if uploads(piece.node) else follows
            if uploads(piece.node):
                pass
            elif id(piece.node) in kept:
                what, why = "converted", kept[id(piece.node)]
            elif program.is_not_exercised(piece):
                what, why = "not exercised", NOT_TAKEN
            elif "load_state_dict" in piece.text() and isinstance(piece.node, ast.Expr):
                what, why = "dropped", "the best checkpoint is tested"
            elif (
                "mode" in events_through(piece, tape)
                or is_mode(piece, program.roles.nets)
                or is_only_a_move(piece)
            ):
                what, why = "dropped", "the Trainer does it"
            elif isinstance(piece.node, ast.Assign) and (
                not any(isinstance(each, ast.Call) for each in ast.walk(piece.node))
                or all(only_tells(each.node) for each in end[number + 1 :] if each.uses & piece.defines)
            ):
                what, why = "dropped", NOT_USED
            elif only_tells(piece.node):
                what, why = "dropped", "it only tells or saves"
            found.append(Line(piece.site, what, why, ""))
    found += [
        Line(each.site, "not exercised", "the recording did not come here", "") for each in flow.not_run
    ]
    return [replace(line, code=_code(sources, line.site)) for line in _of_each_site(found)]


def with_metrics(lines: Iterable[Line], metrics: Iterable[Logged]) -> list[Line]:
    """The lines, of which those that print what is not logged are to be done."""
    differing = {each.site: f"{each.name}: {each.told}" for each in metrics if each.differs is not None}
    return [
        replace(line, what="to do", why=differing[line.site]) if line.site in differing else line
        for line in lines
    ]


def _of_each_site(lines: Iterable[Line]) -> list[Line]:
    """One line for each statement; one that is on the way twice was converted if it was once."""
    found: dict[str, Line] = {}
    for line in lines:
        known = found.setdefault(line.site, line)
        if known.what != "converted" and line.what == "converted":
            found[line.site] = line
    return list(found.values())


def _line(piece: Piece, program: Program, by_site: Mapping[str, list[str]], in_setup: bool) -> Line:
    kept, tape = program.kept, program.tape
    code = piece.text(comments=False)
    if isinstance(piece.node, ast.Pass) and piece.source.written:
        return Line(piece.site, "dropped", "the Trainer does it", code)
    if uploads(piece.node):
        return Line(piece.site, "to do", UPLOAD, code)
    if id(piece.node) in kept:
        return Line(piece.site, "converted", kept[id(piece.node)], code)
    if piece.site in by_site:
        keys = ", ".join(filter(None, by_site[piece.site]))
        return Line(piece.site, "converted" if keys else "dropped", keys or NOT_USED, code)
    if not one_by_one(code):
        return Line(piece.site, "dropped", "only another name for the same", code)
    for kind, why in BY_LIGHTNING.items():
        if kind in events_through(piece, tape):
            return Line(piece.site, "dropped", why, code)
    if not in_setup and code.endswith(".train()") and is_mode(piece, program.roles.nets):
        # In the first epoch it comes before a model is called, and is not recorded.
        return Line(piece.site, "dropped", "the Trainer does it", code)
    if "add_argument" in code or "ArgumentParser" in code:
        return Line(piece.site, "converted", "an option: see the table", code)
    if is_only_a_move(piece):
        return Line(piece.site, "dropped", "the Trainer moves models and batches", code)
    if only_tells(piece.node):
        return Line(
            piece.site, "dropped", "it only tells or saves: self.log, and the checkpoint callback", code
        )
    owners = {*program.roles.nets, *(name for each in program.roles.makers for name in each.defines)}
    if _only_collects(piece, program.roles.nets) and not piece.changes & owners:
        return Line(piece.site, "dropped", "it only collects what self.log averages", code)
    if isinstance(piece.node, ast.If) and not any(was_run(piece, each, tape) for each in piece.node.body):
        return Line(piece.site, "not exercised", "the recording did not come here", code)
    if is_a_way_out(piece.node):
        return Line(piece.site, "not exercised", "the recording did not leave the loop here", code)
    if keeps_the_best(piece.node):
        return Line(piece.site, "dropped", "callbacks.model_checkpoint keeps the best", code)
    if isinstance(piece.node, ast.Assert):
        return Line(piece.site, "dropped", "a check, which held in the recording", code)
    if program.is_not_exercised(piece):
        return Line(piece.site, "not exercised", NOT_TAKEN, code)
    if in_setup or isinstance(piece.node, (ast.Assign, ast.AugAssign)):
        return Line(piece.site, "dropped", NOT_USED, code)
    return Line(piece.site, "to do", "left out: what it does is not known", code)


def _only_collects(piece: Piece, nets: Collection[str]) -> bool:
    """Whether a statement only fills or empties what collects numbers, or does so with each in a loop."""
    if isinstance(piece.node, ast.For):
        inside = [*piece.node.body, *piece.node.orelse]
        return all(_only_collects(Piece(each, piece.source, piece.names), nets) for each in inside)
    return only_collects(piece, nets) or resets(piece.node)


def keeps_the_best(statement: ast.stmt) -> bool:
    """Whether a statement under a condition only remembers values and weights, tells and saves."""
    if isinstance(statement, ast.If):
        return all(
            isinstance(each, (ast.Assign, ast.AugAssign)) or only_tells(each) or keeps_the_best(each)
            for each in [*statement.body, *statement.orelse]
        )
    return False


def _code(sources: Mapping[str, Source], site: str) -> str:
    file, _, line = site.rpartition(":")
    return sources[file].text.splitlines()[int(line) - 1].strip()


def events_through(piece: Piece, tape: Tape) -> set[str]:
    """The kinds of events that were recorded in a statement, or in what it calls."""
    return {
        kind
        for kind, stacks in tape.stacks.items()
        for stack in stacks.values()
        if any(piece.covers(site) for site in stack)
    }


def report(
    tape: Tape,
    verdict: Verdict | None,
    lines: Iterable[Line],
    keys: Mapping[str, str],
    settings: Mapping[str, Setting],
    metrics: Sequence[Logged],
) -> str:
    """The report as Markdown."""
    program = " ".join([tape.command[0].rpartition("/")[2], *tape.command[1:]])
    told = [f"# {program}", "", "```text", text(verdict) if verdict else UNVERIFIED, "```", ""]
    # An option that only chose a branch has none.
    without = [code for code, each in settings.items() if each.option and code not in keys]
    if keys or without:
        told += ["| in the program | key | value |", "| --- | --- | --- |"]
        for code in [*keys, *without]:
            setting = settings[code]
            key = f"`{keys[code]}`" if code in keys else "none"
            told.append(f"| `{setting.option or code}` | {key} | `{setting.value}` |")
        told.append("")
    if without:
        told += [NO_KEY, ""]
    if metrics:
        told += ["| metric | printed in | |", "| --- | --- | --- |"]
        told += [f"| `{each.name}` | {each.site} | {each.told} |" for each in metrics]
        told.append("")
    told += ["| line | | where or why | code |", "| --- | --- | --- | --- |"]
    for line in lines:
        code = line.code.replace("|", "\\|")
        told.append(f"| {line.site} | {line.what} | {line.why} | `{code}` |")
    return "\n".join([*told, ""])
