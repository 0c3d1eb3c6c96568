"""Remove runs and checkpoints, so that what is left is always true."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra_lightning.errors import RunError
from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.files import RUN_FILE
from hydra_lightning.runs.store import read_record
from hydra_lightning.runs.writing import write_whole

# What run.json is called from the moment a run is to go: it is not listed any more, whatever comes.
REMOVED_FILE = ".removed.json"
SWEEP_FILE = "multirun.yaml"


def check_removable(run: Run) -> None:
    """Nothing when the folder of ``run`` can be removed.

    Raises:
        RunError: it is still running, its folder is a symbolic link, or holds other runs.
    """
    folder = run.folder
    if folder.is_symlink():
        raise RunError(
            f"{folder} is a symbolic link to {folder.resolve()}. Name the run itself. Nothing was removed."
        )
    if run.record["status"] == "running":
        process = run.record["process"]
        raise RunError(
            f"{folder} is still running: process {process['pid']} on {run.record.get('host')}. Nothing was removed.\n"
            "Stop it first (kill PID), or wait until it has ended."
        )
    others = [file for depth in ("*", "*/*") for file in folder.glob(f"{depth}/{RUN_FILE}")]
    if others:
        raise RunError(f"{folder} holds other runs, such as {others[0].parent}. Nothing was removed.")


def remove_run(folder: Path) -> None:
    """Remove the run in ``folder``; links in it are removed, and what they lead to is not.

    It is not listed any more before the first file is deleted. The folder of a sweep goes with its last run when
    there is nothing else in it. A removal that was cut short goes on when it is called again.

    Raises:
        RunError: something cannot be deleted; the run is not listed any more, the rest is still there.
    """
    try:
        if (folder / RUN_FILE).exists():
            (folder / RUN_FILE).rename(folder / REMOVED_FILE)
        for item in sorted(folder.iterdir(), key=lambda each: each.name == REMOVED_FILE):
            _delete(item)
        folder.rmdir()
        sweep = folder.parent
        if sweep.parent.name in ("sweeps", "multiruns") and {each.name for each in sweep.iterdir()} <= {
            SWEEP_FILE
        }:
            shutil.rmtree(sweep)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be removed whole: {error.strerror} ({error.filename}).\n"
            f"Give access there, and repeat: hydra-lightning runs rm {folder}"
        ) from error


def is_half_removed(folder: Path) -> bool:
    """Whether a removal of the run in ``folder`` was cut short."""
    return (folder / REMOVED_FILE).is_file() and not (folder / RUN_FILE).exists()


def remove_checkpoints(folder: Path, files: Sequence[Path]) -> None:
    """Delete ``files``, checkpoints of the run in ``folder``, and name them in ``run.json`` no more.

    Raises:
        RunError: the run is running again, or something cannot be written or deleted.
    """
    if read_record(folder)["status"] == "running":
        raise RunError(f"{folder} is running again. Its checkpoints were left as they are.")
    gone = {file.resolve() for file in files}
    try:
        data = json.loads((folder / RUN_FILE).read_bytes())
        data["checkpoints"] = {
            name: None if path and (folder / path).resolve() in gone else path
            for name, path in data["checkpoints"].items()
        }
        if data.get("resume") and (folder / data["resume"]).resolve() in gone:
            data["resume"] = None
        # First the record: a file that nothing names is no lie, a name without its file is one.
        write_whole(folder / RUN_FILE, json.dumps(data, indent=2) + "\n")
        for file in files:
            _delete(file)
    except OSError as error:
        raise RunError(
            f"The checkpoints of {folder} cannot be removed: {error.strerror} ({error.filename})."
        ) from error


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; links count as themselves."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(Path(folder, name).lstat().st_size for folder, _, names in os.walk(path) for name in names)


def total_size(paths: Iterable[Path]) -> int:
    """The bytes of all of them."""
    return sum(map(size_of, paths))


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
