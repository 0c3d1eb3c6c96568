"""A run that goes on in its own folder."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra_lightning.errors import CheckpointError, RunError
from hydra_lightning.runs import environment
from hydra_lightning.runs.files import RUN_FILE
from hydra_lightning.runs.folder import writing_to
from hydra_lightning.runs.git import git_state
from hydra_lightning.runs.interrupts import interrupts
from hydra_lightning.runs.rank import global_rank
from hydra_lightning.runs.record import (
    RESERVE_FILE,
    RunRecord,
    heartbeat,
    now,
    other_rank,
    until_end,
)
from hydra_lightning.runs.slurm import restarted, slurm_job
from hydra_lightning.runs.store import LAYOUTS, read_record
from hydra_lightning.runs.writing import hold_space

POINT = "checkpoints/resume.ckpt"


class ResumedRecord(RunRecord):
    """The record of a run that goes on; what fails before ``start`` leaves no trace in the folder."""

    def __init__(self, folder: Path, data: dict[str, Any], before: dict[str, Any]) -> None:
        super().__init__(folder, data)
        self._before = before
        self._started = False

    def update(self, **fields: Any) -> None:
        """Set fields of ``run.json``; from ``start`` on it is rewritten each time."""
        if self._started:
            super().update(**fields)
        else:
            self.data.update(fields)

    def start(self, config: Mapping[str, Any]) -> None:
        """The checkpoint is loaded: from here on this process has the run.

        Raises:
            RunError: another process has gone on with the run in the meantime.
        """
        if self._started:
            return
        if read_record(self.folder)["attempts"] != self._before["attempts"]:
            raise RunError(f"{self.folder}: another process goes on with this run.")
        self._started = True
        with writing_to(self.folder):
            self.save_config(config)
            self.update()
            hold_space(self.folder / RESERVE_FILE)


def read_idle_run(folder: Path) -> dict[str, Any]:
    """The record of a run that nothing works on, with all fields of today.

    Raises:
        RunError: it cannot be read, or is still running.
    """
    data = read_record(folder)
    same_job = restarted() and data.get("slurm_job") == slurm_job()
    if data["status"] == "running" and global_rank() == 0 and not same_job:
        process = data["process"]
        raise RunError(
            f"{folder} is still running: process {process['pid']} on {data['host']}. Nothing was changed.\n"
            "Stop it first (kill PID), or wait until it has ended."
        )
    return {"resume": None, "loggers": {}, "slurm_job": None} | data


def point_of(folder: Path, data: Mapping[str, Any]) -> Path | None:
    """The checkpoint that the run goes on from; None for a run that ended before it wrote one.

    Raises:
        CheckpointError: it is gone, or the run is of a version that wrote none.
    """
    file = folder / POINT
    if file.is_file():
        return file
    others = sorted(str(each.relative_to(folder)) for each in (folder / "checkpoints").glob("*.ckpt"))
    if data["resume"] is None and not others:
        return None
    there = f"There are {', '.join(others)}: ckpt_path=FILE goes on from one of them, though not to the bit."
    raise CheckpointError(
        f"{file}: the checkpoint to resume from is not there. {there if others else 'No other is there either.'}\n"
        "Nothing was changed."
    )


def without(earlier: Sequence[str], later: Sequence[str]) -> list[str]:
    """The overrides in ``earlier`` of keys that ``later`` does not set."""
    keys = {_key(each) for each in later}
    return [each for each in earlier if _key(each) not in keys]


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def requeued_run(log_dir: Path, command: str) -> Path | None:
    """The run that this Slurm job began before it was requeued, by the same command; None without one."""
    if not restarted():
        return None
    job = slurm_job()
    for file in sorted(
        log_dir.glob(f"{LAYOUTS[0]}/{RUN_FILE}"), key=lambda each: each.parent.name, reverse=True
    ):
        text = file.read_text(errors="replace")
        if f'"slurm_job": {json.dumps(job)}' in text and read_record(file.parent)["command"] == command:
            return file.parent
    return None


@contextmanager
def reopen_run(
    folder: Path, *, root: Path, command: str, overrides: Sequence[str], devices: Any
) -> Iterator[RunRecord]:
    """Record one more attempt of the run in ``folder``, as ``open_run`` records the first.

    ``run.json`` stays as it is until the record is told to ``start``.

    Args:
        folder: the run folder.
        root: the project.
        command: the command line of this attempt.
        overrides: what this attempt changes, as it was typed.
        devices: what it is computed on.

    Raises:
        RunError: the run cannot be read, or is still running.
        SystemExit: as ``open_run``.
    """
    if global_rank() != 0:
        yield from other_rank(folder)
        return
    before = read_idle_run(folder)
    git, _ = git_state(root, skip=folder)
    attempt = {"started": now(), "ended": None, "status": "running", "command": command}
    data = copy.deepcopy(before) | {
        "status": "running",
        "ended": None,
        "overrides": without(before["overrides"], overrides) + list(overrides),
        "host": environment.host(),
        "python": environment.python_version(),
        "devices": devices,
        "attempts": [*_closed(before["attempts"]), attempt | {"overrides": list(overrides), "git": git}],
        "error": None,
        "process": environment.process_identity(),
        "slurm_job": slurm_job(),
    }
    record = ResumedRecord(folder, data, before)
    with interrupts() as caught, heartbeat(folder / RUN_FILE):
        yield from until_end(record, caught, root)


def _closed(attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The attempts of before; one that was killed could not say so."""
    return [each | ({"status": "lost"} if each["status"] == "running" else {}) for each in attempts]
