"""Which runs use files of other runs: a checkpoint to start from, or a link to one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra_lightning.runs.files import CONFIG_FILE, RUN_FILE
from hydra_lightning.runs.store import LAYOUTS

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Use:
    """The run ``user`` names ``file`` of another one, a path in its folder; empty for the folder itself."""

    user: Path
    file: str


def uses(folders: Iterable[Path], log_dir: Path) -> dict[Path, list[Use]]:
    """For each of the run folders ``folders`` what other runs below ``log_dir`` use of it.

    The saved configs of the others are searched for paths into it, whatever the key (``ckpt_path`` or one of the
    project), and their checkpoints for symbolic links to it.
    """
    wanted: dict[str, list[Path]] = {}
    for folder in folders:
        wanted.setdefault(folder.name, []).append(folder)
    found: dict[Path, list[Use]] = {folder: [] for each in wanted.values() for folder in each}
    others = (file.parent for layout in LAYOUTS for file in log_dir.glob(f"{layout}/{RUN_FILE}"))
    for user in sorted(others):
        for parts in [*_paths_in(user / CONFIG_FILE), *_linked(user / CHECKPOINTS)]:
            for place, name in enumerate(parts[1:], 1):
                for folder in wanted.get(name, ()):
                    if parts[place - 1].endswith(folder.parent.name) and not folder.samefile(user):
                        found[folder].append(Use(user, "/".join(parts[place + 1 :])))
    return {folder: list(dict.fromkeys(each)) for folder, each in found.items()}


def is_used(folder: Path, file: Path, by: Iterable[Use]) -> Use | None:
    """The first use of ``file`` in ``folder``, or of a folder around it."""
    inside = file.relative_to(folder).as_posix()
    return next((use for use in by if f"{inside}/".startswith(f"{use.file}/" if use.file else "")), None)


def _paths_in(config: Path) -> Iterator[list[str]]:
    """The parts of every value of a config that looks like a path."""
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return  # Without a config nothing is named there; what lists runs says that it is gone.
    for line in text.splitlines():
        if "/" in line:
            yield re.sub(r"['\"]\s*$", "", line).rstrip().split("/")


def _linked(checkpoints: Path) -> Iterator[list[str]]:
    if checkpoints.is_dir():
        for each in checkpoints.iterdir():
            if each.is_symlink():
                yield list(each.resolve().parts)
