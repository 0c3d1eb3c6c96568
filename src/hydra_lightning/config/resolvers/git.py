"""The commit of a project's code, for configs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hydra_lightning.errors import ConfigError

SHORTEST = 4
REFUSE = object()


def git_commit(length: Any = None, otherwise: Any = REFUSE) -> Any:
    """The commit that the project's root is at, or its first ``length`` characters.

    Git is asked when the value is needed, and only then. Changes that are not committed do not show.

    Args:
        length: 4 or more; None for the whole.
        otherwise: what to give without git, outside a repository and before the first commit.

    Raises:
        ConfigError: there is no commit and no ``otherwise``, or ``length`` is none.
    """
    if length is not None and (type(length) is not int or length < SHORTEST):
        raise ConfigError(f"the length {length!r} is no whole number from {SHORTEST} on")
    root = Path(os.environ.get("PROJECT_ROOT", "."))
    commit, reason = _head(root)
    if commit:
        return commit[:length]
    if otherwise is REFUSE:
        raise ConfigError(f"{root.absolute()} has no commit ({reason}), and no value is given for that case")
    return otherwise


def _head(root: Path) -> tuple[str, str]:
    """The commit at ``root``, and why there is none."""
    if shutil.which("git") is None:
        return "", "git is not installed"
    command = ("git", "-C", str(root), "rev-parse", "--verify", "HEAD^{commit}")
    english = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=english)
    return done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[0]
