"""What can go to make room: failed runs, and checkpoints that nothing needs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hydra_lightning.errors import RunError
from hydra_lightning.runs.environment import process_space
from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.files import RUN_FILE
from hydra_lightning.runs.remove import check_removable, remove_checkpoints, remove_run, size_of, total_size
from hydra_lightning.runs.store import read_run
from hydra_lightning.runs.uses import CHECKPOINTS, Use, is_used, uses

FAILED = ("failed", "lost")
UNFINISHED = ("failed", "lost", "interrupted")
SUFFIX = ".ckpt"
# A machine that slept or lost the network may still go on with a run that looks lost from here.
SURELY_LOST_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Removal:
    """What goes of ``run``: ``files``, or the whole run when there are none; and its bytes."""

    run: Run
    files: list[Path]
    bytes: int


@dataclass
class Plan:
    """What would go, and what is kept although it was asked for, a sentence each."""

    removals: list[Removal] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """Of all removals."""
        return sum(each.bytes for each in self.removals)


def plan(runs: Sequence[Run], log_dir: Path, *, failed: bool, checkpoints: bool) -> Plan:
    """What of ``runs`` can go; nothing is removed yet.

    Args:
        runs: as `select` gives them.
        log_dir: where all runs are, for those that use files of others.
        failed: whole runs that failed or were lost. An interrupted run is there to be resumed, and stays. So do a
            run that others use, and one of another machine that was touched within a day.
        checkpoints: of a run that ended all but the best one; of one that did not get to its end also the last one
            and the one to resume from stay. So do checkpoints that other runs use, links, and what is elsewhere
            than in the checkpoint folders of the run: exports, and what loggers keep.
    """
    result = Plan()
    used = uses([run.folder for run in runs], log_dir)
    for run in sorted(runs, key=lambda each: (each.created, each.folder)):
        if run.record["status"] == "running":
            result.kept.append(f"{run.short}: still running.")
        elif failed and run.record["status"] in FAILED:
            reason = _needed(run) or next(
                (f"{use.user.name} uses {use.file or 'it'}." for use in used[run.folder]), None
            )
            if reason:
                result.kept.append(f"{run.short}: {reason}")
            else:
                result.removals.append(Removal(run, [], size_of(run.folder)))
        elif checkpoints:
            _plan_checkpoints(run, result, used[run.folder])
    return result


def carry_out(removal: Removal) -> None:
    """Remove it.

    Raises:
        RunError: the run is running again, or something cannot be deleted.
    """
    if removal.files:
        remove_checkpoints(removal.run.folder, removal.files)
    else:
        check_removable(Run(removal.run.folder, read_run(removal.run.folder)))
        remove_run(removal.run.folder)


def _needed(run: Run) -> str | None:
    """Why a failed or lost run stays; None when it can go."""
    try:
        check_removable(run)
    except RunError as error:
        return str(error).partition("\n")[0].removesuffix(" Nothing was removed.")
    elsewhere = run.record["process"]["space"] != process_space()
    touched = time.time() - (run.folder / RUN_FILE).stat().st_mtime
    if run.record["status"] == "lost" and elsewhere and touched < SURELY_LOST_SECONDS:
        return f"lost, but on another machine ({run.record.get('host')}) and less than a day ago."
    return None


def _plan_checkpoints(run: Run, result: Plan, used: Sequence[Use]) -> None:
    places, kept = _places(run), _kept(run)
    files = [file for place in places for file in sorted(place.glob(f"*{SUFFIX}")) if file not in kept]
    links = [file for file in files if file.is_symlink()]
    by = {file: is_used(run.folder, file, used) for file in files if file not in links}
    result.kept += [f"{run.short}: {file.name} is a link to {file.resolve()}." for file in links]
    result.kept += [f"{run.short}: {use.user.name} uses {file.name}." for file, use in by.items() if use]
    gone = [file for file, use in by.items() if not use]
    if gone and not kept:
        result.kept.append(f"{run.short}: which of its {len(gone)} checkpoints is the best is not known.")
    elif gone:
        result.removals.append(Removal(run, gone, total_size(gone)))


def _places(run: Run) -> list[Path]:
    """The folders inside of the run that hold its checkpoints; a link to a folder is none."""
    named = [run.folder / path for path in _named(run).values()]
    places = dict.fromkeys([run.folder / CHECKPOINTS, *(file.parent for file in named)])
    inside = run.folder.resolve()
    return [
        each
        for each in places
        if each.is_dir() and each.resolve().is_relative_to(inside) and each != run.folder
    ]


def _kept(run: Run) -> set[Path]:
    """The checkpoints that are there and have to stay, as far as those of the run go."""
    there = {name: run.folder / path for name, path in _named(run).items() if (run.folder / path).exists()}
    names = {"best"} if "best" in there else {"last"}
    if run.record["status"] in UNFINISHED:
        names |= {"last", "resume"}
    return {file for name, file in there.items() if name in names}


def _named(run: Run) -> dict[str, str]:
    """The checkpoints that ``run.json`` names."""
    named = {**(run.record.get("checkpoints") or {}), "resume": run.record.get("resume")}
    return {name: path for name, path in named.items() if path}
