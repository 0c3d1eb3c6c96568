"""A cache of what the run folders hold, in a SQLite file beside them, which may be deleted at any time.

What it says of a run counts only while the files of the run are exactly those that it was read from. It uses
SQLite's rollback journal, which several processes may write; where locking is not to be trusted, as on a
network file system, or anything is wrong with it, the folders are read instead.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from hydra_lightning.errors import RunError
from hydra_lightning.runs.annotations import annotated
from hydra_lightning.runs.lines import to_lines
from hydra_lightning.runs.settings import Plain, read_blocks
from hydra_lightning.runs.store import raw_record
from hydra_lightning.runs.walk import last_change, walk

INDEX_FILE = ".runs-index.sqlite"
VERSION = 3
LOCK_SECONDS = 2.0
# A file this young may be written again within one tick of the clock of its file system, without a trace.
SETTLED_SECONDS = 2.5
NETWORK = (
    *(
        "9p",
        "afs",
        "afpfs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "nfs",
    ),
    *("nfs4", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs"),
)
TABLES = """
DROP TABLE IF EXISTS runs;
DROP TABLE IF EXISTS blocks;
CREATE TABLE runs (
    folder TEXT PRIMARY KEY, state INTEGER, touched REAL NOT NULL, created REAL NOT NULL,
    record TEXT NOT NULL, settings TEXT
);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, settings TEXT NOT NULL);
"""

log = logging.getLogger(__name__)


class Indexed(NamedTuple):
    """What is known of a run.

    Attributes:
        folder: its path below the folder of all logs.
        state: that of the files it was read from, see `walk`; None when they may have been in change.
        touched: when ``run.json`` was last touched, in seconds.
        created: when the run was started, in seconds.
        record: ``run.json``, see `to_lines`.
        settings: `` NAME=NUMBER `` for each block of settings, see `Texts`; None where they cannot be read.
    """

    folder: str
    state: int | None
    touched: float
    created: float
    record: str
    settings: str | None


class Texts(dict[int, str]):
    """Blocks of settings, see `read_blocks`, as `to_lines` writes them, by a hash: runs share what is equal."""

    def __init__(self, known: Iterable[tuple[int, str]] = ()) -> None:
        super().__init__(known)
        # Equal blocks are mostly one object, which is kept, so that no other one gets its place.
        self._seen: dict[int, tuple[int, object]] = {}

    def number(self, block: Mapping[str, Plain]) -> int:
        """The number of ``block``, which is there from now on."""
        if id(block) not in self._seen:
            text = to_lines(block)
            digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
            number = int.from_bytes(digest, "big", signed=True)
            self[number] = text
            self._seen[id(block)] = number, block
        return self._seen[id(block)][0]


def read_all(log_dir: Path) -> tuple[list[Indexed], Mapping[int, str]]:
    """Every run below ``log_dir`` as it is now, and the texts of their settings; what cannot be read is logged."""
    found = walk(log_dir)
    kind = _file_system(log_dir)
    if kind in NETWORK:
        log.info("No index: %s is on a network file system (%s), whose locks may not hold.", log_dir, kind)
        texts = Texts()
        return [*_from_folders(log_dir, found, texts)], texts
    return _through_index(log_dir, found)


def _through_index(log_dir: Path, found: dict[str, int]) -> tuple[list[Indexed], Mapping[int, str]]:
    file = log_dir / INDEX_FILE
    known: list[Indexed] = []
    texts = Texts()
    usable = log_dir.is_dir() and bool(found or file.exists())
    try:
        if usable:
            with _opened(file) as connection:
                known, texts = _read(connection)
    except sqlite3.OperationalError as error:
        usable = False
        log.info("The index %s is not used: %s", file, error)
    except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
        log.warning("The index %s is broken (%s); it is made anew.", file, error)
        usable = _removed(file)
    runs = [run for run in known if found.get(run.folder) == run.state]
    there = {run.folder for run in runs}
    gone = [run.folder for run in known if run.folder not in found]
    read = _from_folders(log_dir, {each: found[each] for each in found if each not in there}, texts)
    changed = [run for run in read if run.state is not None]
    if usable and (changed or gone):
        try:
            with _opened(file) as connection:
                _write(connection, changed, gone, texts)
        except sqlite3.Error as error:
            log.info("The index %s was not brought up to date: %s", file, error)
    return [*runs, *read], texts


def _from_folders(log_dir: Path, found: Mapping[str, int], texts: Texts) -> list[Indexed]:
    runs = []
    for folder, state in found.items():
        try:
            runs.append(_from_folder(log_dir, folder, state, texts))
        except RunError as error:
            log.warning("%s", error)
    return runs


def _from_folder(log_dir: Path, name: str, state: int, texts: Texts) -> Indexed:
    folder = log_dir / name
    newest = last_change(folder)
    began = time.time()
    try:
        settings = (
            "".join(f" {key}={texts.number(block)}" for key, block in read_blocks(folder).items()) + " "
        )
    except RunError:
        settings = None
    data, stat = raw_record(folder)
    data = annotated(data, folder)
    try:
        created = datetime.fromisoformat(data["created"]).timestamp()
    except (TypeError, ValueError) as error:
        raise RunError(f"{folder}/run.json: created is no date: {error}") from error
    settled = data["status"] != "running" and began - newest > SETTLED_SECONDS
    return Indexed(name, state if settled else None, stat.st_mtime, created, to_lines(data), settings)


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The index, with its tables; changes are kept when the block ends well."""
    with closing(sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        yield connection


def _read(connection: sqlite3.Connection) -> tuple[list[Indexed], Texts]:
    connection.execute("BEGIN")
    texts = Texts(connection.execute("SELECT id, settings FROM blocks"))
    runs = list(map(Indexed._make, connection.execute("SELECT * FROM runs")))
    connection.execute("COMMIT")
    return runs, texts


def _write(
    connection: sqlite3.Connection, changed: Sequence[Indexed], gone: Sequence[str], texts: Texts
) -> None:
    numbers = set().union(*(_numbers(run.settings) for run in changed))
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM runs WHERE folder = ?", [(folder,) for folder in gone])
    connection.executemany(
        "INSERT OR REPLACE INTO blocks VALUES (?, ?)", [(each, texts[each]) for each in numbers]
    )
    connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", changed)
    if gone:
        used = set().union(*(_numbers(text) for (text,) in connection.execute("SELECT settings FROM runs")))
        unused = [
            (number,) for (number,) in connection.execute("SELECT id FROM blocks") if number not in used
        ]
        connection.executemany("DELETE FROM blocks WHERE id = ?", unused)
    connection.execute("COMMIT")


def _numbers(settings: str | None) -> list[int]:
    return [int(each.partition("=")[2]) for each in (settings or "").split()]


def _removed(file: Path) -> bool:
    try:
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
    except OSError as error:
        log.info("The index %s cannot be removed: %s", file, error.strerror)
        return False
    return True


def _file_system(folder: Path) -> str:
    """The type of the file system of ``folder``; empty where the system does not tell."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    mounts = [(place.replace("\\040", " "), kind) for _, place, kind, *_ in map(str.split, lines)]
    path = os.path.realpath(folder)
    inside = [mount for mount in mounts if f"{path}/".startswith(f"{mount[0].rstrip('/')}/")]
    # Of two at one place the later one is seen.
    return max(reversed(inside), key=lambda mount: len(mount[0]), default=("", ""))[1]
