"""The folder of a run: its name, and how a process makes it its own.

An id is the local time of the start and four random characters, ``2026-11-23_16-33-55_k3f9``, so that a
listing by name is one by time (but for the hour that is repeated when summer time ends).
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hydra_lightning.errors import RunError
from hydra_lightning.runs.files import RUN_FILE
from hydra_lightning.runs.rank import launch

if TYPE_CHECKING:
    from omegaconf.basecontainer import BaseContainer

ALPHABET = string.digits + string.ascii_lowercase
SUFFIX_LENGTH = 4
SMALLEST_FREE_SPACE = 256 * 1024

_drawn: set[str] = set()


def new_run_id(now: datetime | None = None) -> str:
    """A new id, never the same twice in one process; two processes may draw the same one, so ``claim`` it."""
    stamp = time_part(now or datetime.now())
    run_id = f"{stamp}_{new_suffix()}"
    while run_id in _drawn:
        run_id = f"{stamp}_{new_suffix()}"
    _drawn.add(run_id)
    return run_id


def is_run_id(name: str) -> bool:
    """Whether ``name`` is an id as ``new_run_id`` makes them."""
    return re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-z]{4}", name) is not None


def job_id(folder: Path) -> str:
    """What ``${run_id:}`` is in a job of a sweep: its folder's name, after that of the sweep where it is a number."""
    return folder.name if is_run_id(folder.name) else f"{folder.parent.name}_{folder.name}"


def new_suffix() -> str:
    """Four random characters of base 36."""
    return "".join(secrets.choice(ALPHABET) for _ in range(SUFFIX_LENGTH))


def time_part(moment: datetime) -> str:
    """The part of an id that says when: ``2026-11-23_16-33-55``."""
    return f"{moment:%Y-%m-%d_%H-%M-%S}"


def claim(parent: Path, run_id: str | None = None) -> Path:
    """Make a new folder in ``parent`` that no other process has, and return its path.

    Args:
        parent: where; it is made too.
        run_id: the wanted name. When the name is taken, or None, a new id is drawn.

    Raises:
        RunError: no folder can be made there, or the disk is full.
    """
    with writing_to(parent):
        parent.mkdir(parents=True, exist_ok=True)
        while True:
            folder = parent / (run_id or new_run_id())
            try:
                folder.mkdir()
            except FileExistsError:
                run_id = None
                continue
            break
        _need_space(folder)
    return folder


def share(folder: Path) -> None:
    """Make ``folder`` unless it is there, for one run whose folder was named for it.

    Raises:
        RunError: another run has it, it cannot be made, or the disk is full.
    """
    if (folder / RUN_FILE).exists():
        raise taken(folder)
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _need_space(folder)


def discard(folder: Path) -> None:
    """Remove the folder of a run that never started: one with nothing in it but Hydra's config and log."""
    if all(item.name == ".hydra" or item.suffix == ".log" for item in folder.iterdir()):
        shutil.rmtree(folder)


def taken(folder: Path) -> RunError:
    """The error for a second run in one folder."""
    return RunError(
        f"The folder {folder} already holds a run (run.json), and two runs never share a folder.\n"
        "Name another one, or leave hydra.run.dir out to get a new one."
    )


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn an OSError into a RunError that says which path cannot be written, why, and what to do."""
    try:
        yield
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError)
        reason = "a file is in its place" if in_the_way else error.strerror or str(error)
        at = f" ({error.filename})" if error.filename and str(error.filename) != str(path) else ""
        raise RunError(
            f"The run folder {path} cannot be written: {reason}{at}.\n"
            "Make room or give access there, or choose another place with paths.log_dir=/a/folder/of/yours"
        ) from error


def _need_space(folder: Path) -> None:
    """Refuse a disk that has no room for even the record of a run, before anything is written to it."""
    if shutil.disk_usage(folder).free < SMALLEST_FREE_SPACE:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def register_run_id() -> None:
    """Make ``${run_id:}`` known to configs; safe to call again.

    It is the same id wherever it stands in a config, and ``${run_id:x}`` is another one for every ``x``, such
    as a job's number. Hydra hands the ids of a sweep on to its jobs. Ranks started by an outside launcher get
    equal ids.
    """
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("run_id", _resolve, replace=True)


def _resolve(*argument: object, _root_: BaseContainer) -> str:
    # OmegaConf's own cache goes by the text in the braces: `${hydra.job.num}` would be one id for all jobs.
    ids = ids_of(_root_)
    key = tuple(str(part) for part in argument)
    if key not in ids:
        ids[key] = _launch_id(key) or new_run_id()
    return ids[key]


def ids_of(config: BaseContainer) -> dict[tuple[str, ...], str]:
    """The ids that ``config`` has got so far, by the resolver's arguments; to be changed in place."""
    from omegaconf import OmegaConf

    ids: dict[tuple[str, ...], str] = OmegaConf.get_cache(config)["run_id"]
    return ids


def _launch_id(argument: tuple[str, ...]) -> str | None:
    shared = launch()
    if shared is None:
        return None
    number = shared.number(*argument)
    base = len(ALPHABET)
    suffix = "".join(ALPHABET[number // base**place % base] for place in range(SUFFIX_LENGTH))
    return f"{time_part(shared.started)}_{suffix}"
