"""The code of two runs, and what differs between them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.store import read_run
from hydra_lightning.runs.worktree import changes, git, left_out, recorded_commit

AS_THEY_WERE = ("--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")


def diff_runs(first: Path, second: Path, root: Path, *, stat: bool = False, color: bool = False) -> str:
    """The unified diff from the code of one run to that of another; empty when they ran the same.

    The code of a run is its recorded commit with its ``git.diff`` on top, of the whole repository. It is put
    together in a temporary index and object store: files, index and objects of the user are only read.

    Args:
        first: a run folder.
        second: another one.
        root: the project of today, in the same repository.
        stat: only the changed files, with the number of lines.
        color: for a terminal.

    Raises:
        RunError: a run recorded no commit, the repository does not have it any more, a patch is gone or does
            not apply, or git is not installed.
    """
    states = [(folder, *recorded_commit(folder, read_run(folder), root)) for folder in (first, second)]
    top = states[0][1]
    with tempfile.TemporaryDirectory(prefix="diff-") as place:
        objects = Path(place, "objects")
        objects.mkdir()
        known = (top / git(top, "rev-parse", "--git-path", "objects").strip()).resolve()
        env = {
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(known),
            "GIT_INDEX_FILE": str(Path(place, "index")),
            "GIT_OPTIONAL_LOCKS": "0",
        }
        trees = [_tree(folder, top, commit, Path(place, "patch"), env) for folder, top, commit in states]
        how = [*AS_THEY_WERE, f"--color={'always' if color else 'never'}", *(["--stat=100"] if stat else [])]
        return git(top, "diff", *how, *trees, **env)


def same_code(first: tuple[Path, Mapping[str, Any]], second: tuple[Path, Mapping[str, Any]]) -> bool | None:
    """Whether two runs, each folder and record, ran the same commit and patch; None where one is not known.

    What they left out of their patches is not looked at; ``left_out`` names it.
    """
    states = [record.get("git") for _, record in (first, second)]
    if not all(states):
        return None
    commits = [state["commit"] for state in states if state]
    return commits[0] == commits[1] and changes(first[0]) == changes(second[0])


def not_in_patches(*folders: Path) -> list[str]:
    """New files that runs had, and that neither their commits nor their patches hold: a line each."""
    return [f"{folder.name}: {each}" for folder in folders for each in left_out(folder)]


def _tree(folder: Path, top: Path, commit: str, scratch: Path, env: Mapping[str, str]) -> str:
    git(top, "read-tree", commit, **env)
    patch = changes(folder)
    if patch:  # Git refuses an empty one.
        scratch.write_bytes(patch)
        try:
            git(top, "apply", "--cached", "--whitespace=nowarn", str(scratch), **env)
        except RunError as error:
            raise RunError(
                f"{folder}: its git.diff does not apply to its commit {commit[:7]}.\n{error}"
            ) from error
    return git(top, "write-tree", **env).strip()


def _quoted(path: Path) -> str:
    """``path`` in a list of places that colons part."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
