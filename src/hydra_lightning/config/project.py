"""Where a project is: its root, on the path and in the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def enter_project(config_dir: Path) -> Path:
    """Make the project of ``config_dir`` importable and known, and return its root.

    The root is the nearest folder at or above the parent of ``config_dir`` that holds a ``.project-root`` file,
    else that parent. It is put first on ``sys.path`` and into the environment variable ``PROJECT_ROOT``, which
    configs read as ``${oc.env:PROJECT_ROOT}`` and child processes inherit. Lines ``NAME=value`` of a ``.env`` file
    in the root are added to the environment where they are not set yet.
    """
    parent = config_dir.parent
    root = next(
        (folder for folder in (parent, *parent.parents) if (folder / ".project-root").is_file()), parent
    )
    sys.path[:] = [str(root), *(place for place in sys.path if place != str(root))]
    os.environ["PROJECT_ROOT"] = str(root)
    if (root / ".env").is_file():
        import dotenv

        dotenv.load_dotenv(root / ".env")
    return root
