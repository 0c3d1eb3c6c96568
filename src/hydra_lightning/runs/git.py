"""The state of the code of a run: which commit, and what differs from it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError

LARGEST_NEW_FILE = 256 * 1024
MOST_NEW_FILES = 200
WRITTEN_BY_RUNS = ("run.json", ".hydra", "multirun.yaml")


def git_state(root: Path, skip: Path) -> tuple[dict[str, Any] | None, str]:
    """The repository around ``root`` now: facts, and the patch from the commit to the files as they are.

    The facts are ``commit``, ``branch`` (None when detached) and ``dirty``; None without git, outside a
    repository and before the first commit. The patch is for ``git apply``, new files included, and empty when
    the tree is clean. New files that are large, that may hold secrets, or beyond the 200th are only listed,
    at its head.

    The folder ``skip`` and what other runs and sweeps wrote never count, so that logs that
    ``.gitignore`` does not name do not make a tree dirty.

    Raises:
        RunError: git fails in a repository that has a commit.
    """
    if shutil.which("git") is None or not root.is_dir():
        return None, ""
    top = _git(root, "rev-parse", "--show-toplevel", may_fail=True).strip()
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD", may_fail=True).strip()
    if not top or not commit:
        return None, ""
    branch = _git(root, "symbolic-ref", "--short", "--quiet", "HEAD", may_fail=True).strip()
    patch = _patch(Path(top), skip.resolve())
    return {"commit": commit, "branch": branch or None, "dirty": bool(patch)}, patch


def _patch(top: Path, skip: Path) -> str:
    # Whatever the user has set for what is shown, this is to be applied.
    diff = (
        "diff",
        "--binary",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    )
    listed, shown = [], [_git(top, *diff, "HEAD")]
    for name in _new_files(top, skip):
        size = (top / name).lstat().st_size
        if (
            name.endswith("/")
            or size > LARGEST_NEW_FILE
            or len(shown) > MOST_NEW_FILES
            or _may_be_secret(name)
        ):
            listed.append(f"# not in this patch: new file {name}, {size} bytes\n")
        else:
            # Ends with 1, for the two differ.
            shown.append(_git(top, *diff, "--no-index", "--", os.devnull, name, may_fail=True))
    return "".join(listed + shown)


def _new_files(top: Path, skip: Path) -> Iterator[str]:
    of_a_run = {top: False}

    def within_run(folder: Path) -> bool:
        if folder not in of_a_run:
            written = folder == skip or any((folder / name).exists() for name in WRITTEN_BY_RUNS)
            of_a_run[folder] = written or within_run(folder.parent)
        return of_a_run[folder]

    for name in _git(top, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if name and not within_run((top / name).parent) and os.path.lexists(top / name):
            yield name


def _may_be_secret(name: str) -> bool:
    path = Path(name)
    return path.name.startswith((".env", ".netrc")) or path.suffix in (".pem", ".key")


def _git(folder: Path, *arguments: str, may_fail: bool = False) -> str:
    done = subprocess.run(
        ("git", "-C", str(folder), *arguments),
        capture_output=True,
        check=False,
        env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
    )
    if done.returncode and not may_fail:
        shown = os.fsdecode(done.stderr).strip()
        raise RunError(f"The code cannot be recorded: git {arguments[0]} failed in {folder}:\n{shown}")
    return os.fsdecode(done.stdout)
