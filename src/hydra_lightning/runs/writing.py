"""Files that are whole or not there, also when the disk is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

RESERVED = 64 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT)


def write_whole(path: Path, text: str, reserve: Path | None = None) -> None:
    """Replace ``path`` by ``text`` at once: a reader, or a crash, meets the old content or the new one.

    On a full disk the file ``reserve`` is given up for it, and the write is tried once more.
    """
    try:
        _replace(path, text)
    except OSError as error:
        if error.errno not in FULL or reserve is None or not reserve.exists():
            raise
        reserve.unlink()
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
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
    """Write a file whose room ``write_whole`` can fall back on; random, so that nothing compresses it."""
    reserve.write_bytes(os.urandom(RESERVED))
