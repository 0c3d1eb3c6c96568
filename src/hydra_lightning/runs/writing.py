"""Files that are whole or not there, also when the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

RESERVED = 64 * 1024


def write_whole(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` at once: a reader, or a crash, meets the old content or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def hold_space(reserve: Path) -> None:
    """Write a file whose deletion makes room for a last write; random, so that nothing compresses it."""
    reserve.write_bytes(os.urandom(RESERVED))
