"""The record of a run: ``run.json`` and the files beside it, from the first second to the last."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hydra_lightning.runs import environment
from hydra_lightning.runs.files import CONFIG_FILE, PATCH_FILE, REQUIREMENTS_FILE, RUN_FILE, SCHEMA
from hydra_lightning.runs.folder import claim, new_suffix, taken, writing_to
from hydra_lightning.runs.git import git_state
from hydra_lightning.runs.interrupts import Interrupted, Interrupts, interrupts
from hydra_lightning.runs.rank import global_rank
from hydra_lightning.runs.slurm import requeue, slurm_job
from hydra_lightning.runs.writing import hold_space, write_whole

RESERVE_FILE = ".reserve"
HEARTBEAT_SECONDS = 30.0

log = logging.getLogger(__name__)


class RunRecord:
    """The record of a run while it is open.

    Attributes:
        folder: where everything of the run belongs; may differ from the folder that ``open_run`` was asked
        for. data: the content of ``run.json``; change it with ``update``. writes: False on ranks other than
        0, whose record stays empty and writes nothing.
    """

    def __init__(self, folder: Path, data: dict[str, Any], *, writes: bool = True) -> None:
        self.folder = folder
        self.data = data
        self.writes = writes

    def update(self, **fields: Any) -> None:
        """Set fields of ``run.json`` and rewrite it at once.

        Values are plain data; NaN and infinities are written as the strings "nan", "inf" and "-inf".

        Raises:
            ValueError: ``run.json`` has no such field.
            OSError: the file cannot be written.
        """
        if not self.writes:
            return
        unknown = fields.keys() - self.data.keys()
        if unknown:
            raise ValueError(
                f"run.json has no field {', '.join(sorted(unknown))}; it has {', '.join(self.data)}"
            )
        self.data.update(fields)
        text = json.dumps(_json(self.data), indent=2, allow_nan=False) + "\n"
        write_whole(self.folder / RUN_FILE, text)

    def start(self, config: Mapping[str, Any]) -> None:
        """What the run needs is there, its checkpoint is loaded: nothing to do for a run that is new."""

    def save_config(self, config: Mapping[str, Any]) -> None:
        """Write ``config.yaml``: the resolved config, plain data without interpolations."""
        if self.writes:
            write_whole(self.folder / CONFIG_FILE, _yaml(config))


@contextmanager
def open_run(
    folder: Path,
    *,
    root: Path,
    task: str,
    experiment: str | None,
    tags: Sequence[str],
    command: str,
    overrides: Sequence[str],
    seed: int | None,
    devices: Any,
    config: Mapping[str, Any],
    sweep: Mapping[str, Any] | None = None,
) -> Iterator[RunRecord]:
    """Record what happens inside the ``with`` block as one run in ``folder``.

    At the start ``run.json`` (status ``running``), ``config.yaml``, ``requirements.txt`` and, when the tree
    around ``root`` is dirty, ``git.diff`` are written. At the end the status becomes ``completed``;
    ``failed`` after an Exception or a SystemExit other than 0, with ``error``; ``pruned`` after Optuna's
    TrialPruned; ``interrupted`` after SIGINT, SIGTERM or SIGUSR1. In between the file is touched every 30 seconds, for
    ``read_run`` on other machines. The file ``.reserve`` keeps 64 KiB for the last write, so that a run which
    fills the disk still ends as failed.

    A folder named by the clock alone (``.../12-30-05``, or a job of such a sweep) may be another run's of the
    same second: the record then moves to a new folder beside it, ``record.folder``.

    Ranks other than 0 write nothing.

    Args:
        folder: the run folder; made unless it is there.
        root: the project, whose git state is recorded.
        task: ``task_name`` of the config.
        experiment: the chosen experiment config, if any.
        tags: as in the config.
        command: the command line, as a shell takes it.
        overrides: Hydra's, as they were typed.
        seed: the one that is used.
        devices: what the run is computed on, plain data.
        config: the resolved config, plain data without interpolations.
        sweep: ``id``, ``trial`` and ``params`` of a sweep's run.

    Raises:
        RunError: the folder holds a run already, or cannot be written; nothing of the run is left in it.
        SystemExit: 130 after SIGINT, 143 after SIGTERM, 138 after SIGUSR1, once everything is written.
    """
    if global_rank() != 0:
        yield from other_rank(folder)
        return
    git, patch = git_state(root, skip=folder)
    files = _files(config, patch)
    folder = _claim_file(folder)
    moment = now()
    data = {
        "schema": SCHEMA,
        "id": folder.name,
        "task": task,
        "experiment": experiment,
        "tags": list(tags),
        "status": "running",
        "created": moment,
        "ended": None,
        "seconds": None,
        "command": command,
        "overrides": list(overrides),
        "seed": seed,
        "git": git,
        "host": environment.host(),
        "python": environment.python_version(),
        "devices": devices,
        "metrics": {},
        "best": None,
        "checkpoints": {"best": None, "last": None},
        "resume": None,
        "loggers": {},
        "sweep": sweep,
        "attempts": [{"started": moment, "ended": None, "status": "running", "command": command}],
        "error": None,
        "process": environment.process_identity(),
        "slurm_job": slurm_job(),
    }
    record = RunRecord(folder, data)
    _write_start(record, files)
    with interrupts() as caught, heartbeat(folder / RUN_FILE):
        yield from until_end(record, caught, root)


def other_rank(folder: Path) -> Iterator[RunRecord]:
    """The record of a process that records nothing; it ends quietly by a signal."""
    try:
        yield RunRecord(folder, {}, writes=False)
    except Interrupted as error:
        raise SystemExit(128 + error.signum) from error


def _claim_file(folder: Path) -> Path:
    """Create ``run.json``; beside ``folder`` where that is another run's of the same second."""
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            (folder / RUN_FILE).touch(exist_ok=False)
        except FileExistsError:
            if not _named_by_the_clock(folder):
                raise taken(folder) from None
            beside = claim(folder.parent, f"{folder.name}_{new_suffix()}")
            log.warning("Another run of the same second has the folder %s; this one is in %s", folder, beside)
            return _claim_file(beside)
    return folder


def _named_by_the_clock(folder: Path) -> bool:
    """Whether two starts within a second get this name: ``..12-30-05``, or the number of a job below that."""
    name = folder.parent.name if folder.name.isdigit() else folder.name
    return re.search(r"\d\d-\d\d-\d\d$", name) is not None


def _files(config: Mapping[str, Any], patch: str) -> dict[str, str]:
    """What is written beside ``run.json``, by name."""
    files = {
        CONFIG_FILE: _yaml(config),
        REQUIREMENTS_FILE: "\n".join(environment.installed_versions()) + "\n",
    }
    if patch:
        files[PATCH_FILE] = patch
    return files


def _write_start(record: RunRecord, files: Mapping[str, str]) -> None:
    folder = record.folder
    try:
        with writing_to(folder):
            record.update()
            hold_space(folder / RESERVE_FILE)
            for name, text in files.items():
                write_whole(folder / name, text)
    except BaseException:
        for name in (RUN_FILE, RESERVE_FILE, *files):
            (folder / name).unlink(missing_ok=True)
        raise


def until_end(record: RunRecord, caught: Interrupts, root: Path) -> Iterator[RunRecord]:
    start = time.monotonic()
    try:
        yield record
        caught.muted = True
    except BaseException as error:
        caught.muted = True
        status = _status(error, caught)
        shown = _error(error, root) if status == "failed" else None
        _end(record, status, time.monotonic() - start, shown)
        if status == "interrupted":
            signum = caught.arrived or (error.signum if isinstance(error, Interrupted) else signal.SIGINT)
            log.warning("Interrupted by %s: %s", signal.Signals(signum).name, record.folder)
            if signum == getattr(signal, "SIGUSR1", None):
                requeue()
            raise SystemExit(128 + signum) from error
        raise
    _end(record, "completed", time.monotonic() - start, None)


def _end(record: RunRecord, status: str, seconds: float, error: dict[str, Any] | None) -> None:
    if record.data["process"]["pid"] != os.getpid():
        return  # A forked worker that left the block; the run goes on in its parent.
    moment = now()
    attempts = [
        *record.data["attempts"][:-1],
        record.data["attempts"][-1] | {"ended": moment, "status": status},
    ]
    (record.folder / RESERVE_FILE).unlink(missing_ok=True)
    seconds += record.data["seconds"] or 0
    record.update(status=status, ended=moment, seconds=round(seconds, 3), error=error, attempts=attempts)


def _status(error: BaseException, caught: Interrupts) -> str:
    if caught.arrived is not None or isinstance(error, (KeyboardInterrupt, Interrupted)):
        return "interrupted"
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return "completed"
    kinds = type(error).__mro__
    if any(kind.__name__ == "TrialPruned" and kind.__module__.startswith("optuna") for kind in kinds):
        return "pruned"
    return "failed"


def _error(error: BaseException, root: Path) -> dict[str, Any]:
    """Type, message and ``file:line``: the innermost line of the project, else the innermost of all."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    root = root.absolute()
    inside = [(f, n) for f, n in frames if f.is_relative_to(root) and "site-packages" not in f.parts]
    file, line = (inside or frames)[-1]
    shown = file.relative_to(root) if inside else file
    return {"type": type(error).__name__, "message": str(error), "at": f"{shown}:{line}"}


@contextmanager
def heartbeat(file: Path) -> Iterator[None]:
    """Touch ``file`` every 30 seconds for as long as the block and this process last."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            try:
                os.utime(file)
            except OSError as error:
                log.warning("The run can look lost from other machines: %s", error)

    thread = threading.Thread(target=beat, name="run-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _yaml(config: Mapping[str, Any]) -> str:
    return OmegaConf.to_yaml(OmegaConf.create(_escaped(config)))


def _escaped(value: Any) -> Any:
    """``value`` with text that only looks like an interpolation escaped, for OmegaConf to read it as text."""
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return value


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
