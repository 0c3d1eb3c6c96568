"""The run folders below a folder, and the state of their files, with as few calls as there can be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hydra_lightning.runs.files import ANNOTATIONS_FILE, CONFIG_FILE, RUN_FILE

# Below logs/<task>: how deep the runs are.
FILES = (RUN_FILE, CONFIG_FILE, ANNOTATIONS_FILE)
KINDS = {"runs": 1, "sweeps": 2, "multiruns": 2}


def walk(log_dir: Path) -> dict[str, int]:
    """The path of every run folder below ``log_dir``, relative to it, with a number that changes with its files.

    The number is a hash of the times, size and number of ``run.json``, ``config.yaml`` and ``annotations.json``: a
    file that was replaced has another number, one that was written in place another time.
    """
    found = {}
    start = len(os.fspath(log_dir)) + 1
    for folder in _folders(os.fspath(log_dir)):
        record = _state(f"{folder}/{RUN_FILE}")
        if record:
            # Hashes of whole numbers are the same in every process.
            annotations = f"{folder}/{ANNOTATIONS_FILE}"
            # Mostly it is not there, and to ask costs less than an exception.
            others = _state(annotations) if os.access(annotations, os.F_OK) else ()
            found[folder[start:]] = hash((record, _state(f"{folder}/{CONFIG_FILE}"), others))
    return found


def _folders(log_dir: str) -> Iterator[str]:
    for task in _inside(log_dir):
        for kind, depth in KINDS.items():
            folders = _inside(f"{task}/{kind}")
            if depth == 1:
                yield from folders
            else:
                for sweep in folders:
                    yield from _inside(sweep)


def _inside(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as items:
            return [item.path for item in items if item.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _state(file: str) -> tuple[int, ...]:
    try:
        stat = os.stat(file)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def last_change(folder: Path) -> float:
    """When one of the files of a run was last written, in seconds."""
    return max((state[0] / 1e9 for name in FILES if (state := _state(f"{folder}/{name}"))), default=0.0)
