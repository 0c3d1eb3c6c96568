"""The code of a past run, checked out beside the code of today."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.files import PATCH_FILE

NOT_IN_PATCH = "# not in this patch: "


@contextmanager
def code_of(folder: Path, record: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """The project as the run in ``folder`` had it, in a git worktree that is removed afterwards.

    It is the recorded commit with ``git.diff`` on top. Files that git does not track (data, logs) are not in it.

    Args:
        folder: the run folder.
        record: its ``run.json``.
        root: the project of today, in the same repository.

    Yields:
        the folder of the project in the worktree.

    Raises:
        RunError: the run recorded no commit, the repository does not have it any more, or the patch does not apply.
    """
    top, commit = recorded_commit(folder, record, root)
    patch = folder / PATCH_FILE
    with tempfile.TemporaryDirectory(prefix="rerun-") as parent:
        place = Path(parent).resolve() / top.name
        git(top, "worktree", "add", "--detach", "--quiet", str(place), commit)
        try:
            if changes(folder):  # Git refuses an empty patch.
                git(place, "apply", "--whitespace=nowarn", str(patch.absolute()))
            yield place / root.resolve().relative_to(top.resolve())
        finally:
            git(top, "worktree", "remove", "--force", str(place))


def recorded_commit(folder: Path, record: Mapping[str, Any], root: Path) -> tuple[Path, str]:
    """The repository around ``root``, and the commit in it that the run in ``folder`` was of.

    Raises:
        RunError: the run recorded no commit, the repository does not have it any more, or the patch is gone.
    """
    commit = (record["git"] or {}).get("commit")
    if not commit:
        raise RunError(
            f"{folder}: the run recorded no commit (no git, or no commit yet), so its code is not known."
        )
    top = Path(git(root, "rev-parse", "--show-toplevel").strip())
    if _run(top, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise RunError(f"{folder}: its commit {commit} is not in {top} any more. Fetch it, and try again.")
    patch = folder / PATCH_FILE
    if record["git"]["dirty"] and not patch.is_file():
        raise RunError(f"{patch} is gone, and the code of the run differed from its commit {commit[:7]}.")
    return top, str(commit)


def left_out(folder: Path) -> list[str]:
    """What ``git.diff`` only lists: new files that were large or may hold secrets."""
    lines = _patch(folder).decode(errors="replace").splitlines()
    return [line.removeprefix(NOT_IN_PATCH) for line in lines if line.startswith(NOT_IN_PATCH)]


def changes(folder: Path) -> bytes:
    """``git.diff`` without the list of what was left out; empty when the code was that of the commit."""
    lines = _patch(folder).splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(NOT_IN_PATCH.encode()))


def _patch(folder: Path) -> bytes:
    file = folder / PATCH_FILE
    return file.read_bytes() if file.is_file() else b""


def git(folder: Path, *arguments: str, **env: str) -> str:
    """What git prints; RunError with its message when it fails, or is not installed."""
    done = _run(folder, *arguments, **env)
    if done.returncode:
        raise RunError(f"git {arguments[0]} failed in {folder}:\n{done.stderr.strip()}")
    return done.stdout


def _run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ("git", "-C", str(folder), *arguments),
            capture_output=True,
            check=False,
            env={**os.environ, **env},
        )
    except FileNotFoundError:
        raise RunError("The code of a run is in git, and no git is installed here.") from None
    # Decoded without a change to line ends.
    return subprocess.CompletedProcess(
        done.args, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr)
    )
