"""Give a run tags and a note, also while it is running."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.annotations import read_annotations
from hydra_lightning.runs.files import ANNOTATIONS_FILE
from hydra_lightning.runs.folder import writing_to
from hydra_lightning.runs.store import read_run
from hydra_lightning.runs.writing import write_whole

LOCK_FILE = ".annotations.lock"


def add_tags(folder: Path, tags: Sequence[str]) -> None:
    """Put ``tags`` to those of the run in ``folder``; one that it has stays as it is.

    Safe while the run is running, and with others who annotate it at the same time.

    Raises:
        RunError: a tag is no word or has a comma, or the folder cannot be written.
    """
    for tag in tags:
        if not tag.strip() or tag != tag.strip() or not tag.isprintable() or "," in tag:
            raise RunError(f"{tag!r} is no tag: a tag is a word or more, without commas or line ends.")
    with _changing(folder) as said:
        said["remove_tags"] = [tag for tag in said["remove_tags"] if tag not in tags]
        said["add_tags"] = list(dict.fromkeys([*said["add_tags"], *tags]))


def remove_tags(folder: Path, tags: Sequence[str]) -> None:
    """Take ``tags`` from the run in ``folder``, also those that its config gave it.

    Raises:
        RunError: the run has no such tag, or the folder cannot be written.
    """
    with _changing(folder) as said:
        there = read_run(folder)["tags"]
        absent = [tag for tag in tags if tag not in there]
        if absent:
            has = f"its tags are {', '.join(there)}" if there else "it has none"
            raise RunError(f"{folder.name} has no tag {', '.join(absent)}; {has}. Nothing was changed.")
        said["add_tags"] = [tag for tag in said["add_tags"] if tag not in tags]
        said["remove_tags"] = list(dict.fromkeys([*said["remove_tags"], *tags]))


def set_note(folder: Path, text: str, *, instead_of: str | None = None) -> None:
    """Make ``text`` the note of the run in ``folder``; an empty one takes the note away.

    Args:
        folder: the run folder.
        text: of any number of lines.
        instead_of: the note that ``text`` was written from; None replaces any.

    Raises:
        RunError: the note is not ``instead_of`` any more, or the folder cannot be written.
    """
    with _changing(folder) as said:
        if instead_of is not None and (said["note"] or "") != instead_of:
            raise RunError(
                f"The note of {folder.name} was changed in the meantime, and is kept. This was not saved:\n{text}"
            )
        said["note"] = text.strip() or None


@contextmanager
def _changing(folder: Path) -> Iterator[dict[str, Any]]:
    """The annotations, to be changed in place; nobody else changes them in the meantime."""
    with writing_to(folder):
        lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _wait_for(lock)
            said = read_annotations(folder)
            before = json.dumps(said)
            yield said
            if json.dumps(said) != before:
                write_whole(folder / ANNOTATIONS_FILE, json.dumps(said, indent=2, ensure_ascii=False) + "\n")
        finally:
            os.close(lock)


def _wait_for(lock: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(lock, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
