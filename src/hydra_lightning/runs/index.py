"""A cache of what the run folders hold, in a SQLite file beside them, which may be deleted at any time.

What it says of a run counts only while the files of the run are exactly those that it was read from. It uses
SQLite's rollback journal, which several processes may write; where locking is not to be trusted, as on a
network file system, or anything is wrong with it, the folders are read instead.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hydra_lightning.errors import RunError
from hydra_lightning.runs.annotations import annotated
from hydra_lightning.runs.settings import Plain, read_blocks
from hydra_lightning.runs.store import raw_record
from hydra_lightning.runs.walk import walk

INDEX_FILE = ".runs-index.sqlite"
VERSION = 1
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
    folder TEXT PRIMARY KEY, state TEXT NOT NULL, touched REAL NOT NULL, created REAL NOT NULL,
    record TEXT NOT NULL, blocks TEXT
);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, settings TEXT NOT NULL);
"""

log = logging.getLogger(__name__)


@dataclass
class Indexed:
    """What is known of a run.

    Attributes:
        touched: when ``run.json`` was last touched, in seconds.
        created: when the run was started, in seconds.
        record: ``run.json``, compact.
        blocks: its settings, see `read_blocks`; None where they cannot be read.
        state: that of the files it was read from; empty when they may have been in change.
    """

    touched: float
    created: float
    record: str
    blocks: Mapping[str, Mapping[str, Plain]] | None
    state: str = ""


class StoredBlocks(Mapping[str, Mapping[str, Plain]]):
    """The settings of a run in the index, decoded when they are asked for; runs share what is equal."""

    def __init__(self, numbers: str, texts: Mapping[int, str], decoded: dict[int, dict[str, Plain]]) -> None:
        self._text = f" {numbers} "
        self._texts = texts
        self._decoded = decoded

    def __getitem__(self, name: str) -> Mapping[str, Plain]:
        place = self._text.find(f" {name}=")
        if place < 0:
            raise KeyError(name)
        start = place + len(name) + 2
        number = int(self._text[start : self._text.index(" ", start)])
        if number not in self._decoded:
            if number not in self._texts:
                raise sqlite3.DatabaseError(f"{INDEX_FILE} lacks settings of a run; delete that file.")
            self._decoded[number] = json.loads(self._texts[number])
        return self._decoded[number]

    def __iter__(self) -> Iterator[str]:
        return (each.partition("=")[0] for each in self._text.split())

    def __len__(self) -> int:
        return self._text.count("=")


def read_all(log_dir: Path) -> dict[str, Indexed]:
    """Every run below ``log_dir`` as it is now, by its folder in there; one that cannot be read is logged."""
    found = walk(log_dir)
    kind = _file_system(log_dir)
    if kind in NETWORK:
        log.info("No index: %s is on a network file system (%s), whose locks may not hold.", log_dir, kind)
        return _updated(log_dir, found, {})[0]
    return _through_index(log_dir, found)


def _through_index(log_dir: Path, found: Mapping[str, str]) -> dict[str, Indexed]:
    file = log_dir / INDEX_FILE
    known: dict[str, Indexed] = {}
    usable = log_dir.is_dir() and bool(found or file.exists())
    try:
        if usable:
            with _opened(file) as connection:
                known = _read(connection)
    except sqlite3.OperationalError as error:
        usable = False
        log.info("The index %s is not used: %s", file, error)
    except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
        log.warning("The index %s is broken (%s); it is made anew.", file, error)
        usable = _removed(file)
    runs, changed = _updated(log_dir, found, known)
    gone = known.keys() - found.keys()
    if usable and (changed or gone):
        try:
            with _opened(file) as connection:
                _write(connection, {folder: runs[folder] for folder in changed}, gone)
        except sqlite3.Error as error:
            log.info("The index %s was not brought up to date: %s", file, error)
    return runs


def _updated(
    log_dir: Path, found: Mapping[str, str], known: Mapping[str, Indexed]
) -> tuple[dict[str, Indexed], list[str]]:
    """All runs, those from ``known`` whose files are unchanged; and which were read and may be kept."""
    runs: dict[str, Indexed] = {}
    changed = []
    for folder, state in found.items():
        entry = known.get(folder)
        if entry is None or entry.state != state:
            try:
                entry = _from_folder(log_dir / folder, state)
            except RunError as error:
                log.warning("%s", error)
                continue
            if entry.state:
                changed.append(folder)
        runs[folder] = entry
    return runs, changed


def _from_folder(folder: Path, state: str) -> Indexed:
    began = time.time()
    try:
        blocks = read_blocks(folder)
    except RunError:
        blocks = None
    data, stat = raw_record(folder)
    data = annotated(data, folder)
    try:
        created = datetime.fromisoformat(data["created"]).timestamp()
    except (TypeError, ValueError) as error:
        raise RunError(f"{folder}/run.json: created is no date: {error}") from error
    newest = max(float(each.split(".")[0]) for each in state.split()) / 1e9
    settled = data["status"] != "running" and began - newest > SETTLED_SECONDS
    text = json.dumps(data, separators=(",", ":"))
    return Indexed(stat.st_mtime, created, text, blocks, state if settled else "")


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """The index, with its tables; changes are kept when the block ends well."""
    with closing(sqlite3.connect(file, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        yield connection


def _read(connection: sqlite3.Connection) -> dict[str, Indexed]:
    connection.execute("BEGIN")
    texts = dict(connection.execute("SELECT id, settings FROM blocks"))
    decoded: dict[int, dict[str, Plain]] = {}
    known = {}
    for folder, state, touched, created, record, numbers in connection.execute("SELECT * FROM runs"):
        blocks = None if numbers is None else StoredBlocks(numbers, texts, decoded)
        known[folder] = Indexed(touched, created, record, blocks, state)
    connection.execute("COMMIT")
    return known


def _write(connection: sqlite3.Connection, changed: Mapping[str, Indexed], gone: set[str]) -> None:
    numbers: dict[int, tuple[int, str]] = {}  # By identity: equal blocks are mostly one object.
    rows = []
    for folder, run in changed.items():
        own = []
        for name, block in (run.blocks or {}).items():
            if id(block) not in numbers:
                text = json.dumps(block)
                digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
                numbers[id(block)] = int.from_bytes(digest, "big", signed=True), text
            own.append(f"{name}={numbers[id(block)][0]}")
        blocks = None if run.blocks is None else " ".join(own)
        rows.append((folder, run.state, run.touched, run.created, run.record, blocks))
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM runs WHERE folder = ?", [(folder,) for folder in sorted(gone)])
    connection.executemany("INSERT OR REPLACE INTO blocks VALUES (?, ?)", numbers.values())
    connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute("COMMIT")


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
