"""The tags and the note that a run was given after it began, in a file of their own.

``run.json`` belongs to the process that runs, which rewrites it from its memory; a tag put there would be lost.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.files import ANNOTATIONS_FILE

EMPTY: dict[str, Any] = {"add_tags": [], "remove_tags": [], "note": None}


def read_annotations(folder: Path) -> dict[str, Any]:
    """``add_tags``, ``remove_tags`` and ``note`` (None without one) of the run in ``folder``.

    Raises:
        RunError: the file is broken, or something else wrote it.
    """
    file = folder / ANNOTATIONS_FILE
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return dict(EMPTY)
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise RunError(f"{file} is broken: {error}\nMend it, or delete it with its tags and note.") from error
    if not isinstance(data, dict) or not _is_right(EMPTY | data):
        raise RunError(
            f"{file} does not hold tags and a note: add_tags, remove_tags (lists) and note (text)."
        )
    return {name: (EMPTY | data)[name] for name in EMPTY}


def _is_right(data: dict[str, Any]) -> bool:
    lists = (data["add_tags"], data["remove_tags"])
    words = all(isinstance(tags, list) and all(isinstance(tag, str) for tag in tags) for tags in lists)
    return words and isinstance(data["note"], (str, type(None)))


def annotated(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """``data``, a ``run.json``, with the tags and the note of the run in ``folder``.

    Raises:
        RunError: its annotations cannot be read.
    """
    said = read_annotations(folder)
    tags = [tag for tag in data.get("tags", []) if tag not in said["remove_tags"]]
    return data | {"tags": list(dict.fromkeys([*tags, *said["add_tags"]])), "note": said["note"]}
