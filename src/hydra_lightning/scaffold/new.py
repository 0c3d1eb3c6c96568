"""Writes a new project: the files under ``files/``, the common ones first and the example's over them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ProjectError

FILES = Path(__file__).parent / "files"
EXAMPLES = ("digits", "text")
BARE = "bare"


@dataclass(frozen=True)
class NewProject:
    """What was written."""

    root: Path
    example: str
    groups: list[str]


def new_project(root: Path, example: str = "digits") -> NewProject:
    """Write a project into ``root``, which must not exist or be an empty folder. All of it appears, or nothing.

    Args:
        root: the new project's folder; its name becomes the project's name.
        example: one of ``EXAMPLES``, or ``BARE`` for none.

    Raises:
        ProjectError: the folder is not empty or cannot be written, or there is no such example.
    """
    if example not in (*EXAMPLES, BARE):
        raise ProjectError(
            f"--example {example}: no such example.{nearest(example, EXAMPLES)}\nExamples: {', '.join(EXAMPLES)}"
        )
    root = root.expanduser().resolve()
    if root.is_file() or (root.is_dir() and any(root.iterdir())):
        raise ProjectError(
            f"{root}: exists and is not empty. Give a new folder: hydra-lightning new my-project"
        )
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}-") as temporary:
            staged = Path(temporary) / root.name
            for layer in ("base", example):
                _copy(FILES / layer, staged, name=root.name)
            staged.replace(root)
    except OSError as error:
        raise ProjectError(f"{root}: the project cannot be written: {error.strerror or error}") from error
    groups = sorted(folder.name for folder in (root / "configs").iterdir() if folder.is_dir())
    return NewProject(root, example, groups)


def _copy(layer: Path, root: Path, name: str) -> None:
    """Copy template files; ``dot_x`` becomes ``.x``, ``{{ name }}`` in README and requirements the name."""
    for source in sorted(layer.rglob("*")):
        relative = source.relative_to(layer)
        if not source.is_file() or "__pycache__" in relative.parts:
            continue
        file = root / relative.parent / _real_name(relative.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        if relative.name in ("README.md", "requirements.txt"):
            text = source.read_text(encoding="utf-8").replace("{{ name }}", name)
            file.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(source, file)


def _real_name(name: str) -> str:
    return f".{name.removeprefix('dot_')}" if name.startswith("dot_") else name
