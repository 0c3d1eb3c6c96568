from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.runs import index
from hydra_lightning.runs.environment import process_identity, process_mark
from hydra_lightning.runs.index import INDEX_FILE, read_all
from hydra_lightning.runs.select import select

ELSEWHERE = {"pid": 1, "started": "1", "space": "another machine"}


def write_run(folder: Path, lr: float = 0.1, age: float = 100, **fields: Any) -> Path:
    data = {
        "schema": 1,
        "id": folder.name,
        "status": "completed",
        "created": "2026-01-01T10:00:00+00:00",
        "tags": [],
        "metrics": {},
        "best": None,
        "process": ELSEWHERE,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("run.json", json.dumps(data | fields)), ("config.yaml", f"model:\n  lr: {lr}\n")):
        (folder / f".{name}.tmp").write_text(text)
        (folder / f".{name}.tmp").replace(folder / name)
        os.utime(folder / name, (time.time() - age,) * 2)
    return folder


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("aaaa", "bbbb", "cccc"):
        write_run(tmp_path / f"logs/train/runs/2026-01-01_10-00-00_{name}")
    return tmp_path / "logs"


@pytest.fixture
def read_folders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that are read from their folder."""
    read: list[str] = []
    from_folder = index._from_folder

    def watched(log_dir: Path, name: str, state: int, texts: index.Texts) -> index.Indexed:
        read.append(name[-4:])
        return from_folder(log_dir, name, state, texts)

    monkeypatch.setattr(index, "_from_folder", watched)
    return read


def shown(logs: Path) -> dict[str, tuple[str, Any]]:
    return {run.short: (run.record["status"], run.value("model.lr")) for run in select(logs)}


def test_only_what_changed_is_read_again(logs: Path, read_folders: list[str]) -> None:
    before = shown(logs)
    assert sorted(read_folders) == ["aaaa", "bbbb", "cccc"]
    read_folders.clear()
    assert shown(logs) == before
    assert read_folders == []
    write_run(logs / "train/runs/2026-01-01_10-00-00_bbbb", 0.5, status="failed")
    assert shown(logs)["bbbb"] == ("failed", 0.5)
    assert read_folders == ["bbbb"]


def test_a_run_that_is_deleted_moved_or_replaced_is_so_at_once(logs: Path) -> None:
    runs = logs / "train/runs"
    shown(logs)
    shutil.rmtree(runs / "2026-01-01_10-00-00_aaaa")
    (runs / "2026-01-01_10-00-00_bbbb").rename(runs / "2026-01-01_10-00-00_dddd")
    (runs / "2026-01-01_10-00-00_cccc").rename(runs / "2026-01-01_10-00-00_bbbb")
    assert sorted(shown(logs)) == ["bbbb", "dddd"]
    assert sorted(shown(logs)) == ["bbbb", "dddd"]


def test_settings_of_deleted_runs_leave_the_index(logs: Path) -> None:
    write_run(logs / "train/runs/2026-01-01_10-00-00_bbbb", 0.5)
    shown(logs)
    shutil.rmtree(logs / "train/runs/2026-01-01_10-00-00_bbbb")
    before = shown(logs)
    with sqlite3.connect(logs / INDEX_FILE) as connection:
        assert connection.execute("SELECT count(*) FROM blocks").fetchone() == (1,)
    assert shown(logs) == before


def test_settings_that_the_index_lacks_are_read_from_the_folder(logs: Path) -> None:
    before = shown(logs)
    with sqlite3.connect(logs / INDEX_FILE) as connection:
        connection.execute("DELETE FROM blocks")
    assert shown(logs) == before
    assert [run.settings for run in select(logs)] == [{"model.lr": 0.1}] * 3


def test_a_config_or_record_that_is_written_in_place_is_read_again(logs: Path) -> None:
    shown(logs)
    folder = logs / "train/runs/2026-01-01_10-00-00_aaaa"
    (folder / "config.yaml").write_text("model:\n  lr: 0.9\n")
    assert shown(logs)["aaaa"] == ("completed", 0.9)
    (folder / "config.yaml").unlink()
    assert not shown(logs)["aaaa"][1]


def test_files_that_were_just_written_are_not_believed(logs: Path) -> None:
    folder = write_run(logs / "train/runs/2026-01-01_10-00-00_eeee", 0.1, age=0)
    state = (folder / "run.json").stat()
    assert shown(logs)["eeee"][0] == "completed"
    text = (folder / "run.json").read_text().replace("completed", "succeeded")
    (folder / "run.json").write_text(text)
    os.utime(folder / "run.json", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert shown(logs)["eeee"][0] == "succeeded"


def test_a_running_run_is_looked_at_every_time(logs: Path) -> None:
    folder = logs / "train/runs/2026-01-01_10-00-00_ffff"
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = process_identity() | {"pid": sleeper.pid, "started": process_mark(sleeper.pid)}
    write_run(folder, status="running", process=process)
    assert shown(logs)["ffff"][0] == "running"
    sleeper.kill()
    sleeper.wait()
    assert shown(logs)["ffff"][0] == "lost"


def test_the_index_may_be_deleted_or_be_anything(logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = shown(logs)
    file = logs / INDEX_FILE
    file.unlink()
    assert shown(logs) == before
    file.write_bytes(b"not a database, but long enough to look like something" * 100)
    assert shown(logs) == before
    assert "it is made anew" in caplog.text
    caplog.clear()
    assert shown(logs) == before
    assert caplog.text == ""
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    assert shown(logs) == before


def test_an_index_of_another_version_is_made_anew(logs: Path) -> None:
    before = shown(logs)
    with sqlite3.connect(logs / INDEX_FILE) as connection:
        connection.executescript("DROP TABLE runs; CREATE TABLE runs (x); PRAGMA user_version = 99")
    assert shown(logs) == before


def test_a_locked_index_is_passed_by(
    logs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(index, "LOCK_SECONDS", 0.05)
    caplog.set_level(logging.INFO)
    before = shown(logs)
    other = sqlite3.connect(logs / INDEX_FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    write_run(logs / "train/runs/2026-01-01_10-00-00_bbbb", 0.5)
    assert shown(logs) == before | {"bbbb": ("completed", 0.5)}
    assert "is not used: database is locked" in caplog.text
    other.close()


def test_a_place_that_cannot_be_written_has_no_index(logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (logs / INDEX_FILE).mkdir()
    assert sorted(shown(logs)) == ["aaaa", "bbbb", "cccc"]
    assert "unable to open database file" in caplog.text


def test_a_network_file_system_has_no_index(
    logs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(index, "_file_system", lambda folder: "nfs4")
    assert sorted(shown(logs)) == ["aaaa", "bbbb", "cccc"]
    assert not (logs / INDEX_FILE).exists()
    assert "network file system (nfs4)" in caplog.text


def test_the_file_system_of_a_folder_is_known(tmp_path: Path) -> None:
    if Path("/proc/mounts").exists():
        assert index._file_system(Path("/proc/self")) == "proc"
        assert index._file_system(tmp_path) not in ("", "proc")


def test_no_folder_is_made_for_an_index(tmp_path: Path) -> None:
    assert read_all(tmp_path / "logs")[0] == []
    assert not (tmp_path / "logs").exists()


WRITER = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_index import write_run
logs, name = Path(sys.argv[1]), sys.argv[2]
for turn in range(40):
    write_run(logs / f"train/runs/2026-01-01_10-00-00_{name}{turn % 10:03d}", turn / 100, age=0, turn=turn)
"""
READER = """
import sys
from pathlib import Path
from hydra_lightning.runs.select import select
seen = {}
for turn in range(15):
    for run in select(Path(sys.argv[1])):
        last = run.record.get("turn", -1)
        assert last >= seen.get(run.id, -1), run.id  # Never back to what it was before.
        seen[run.id] = last
print(len(seen))
"""


def test_several_processes_index_while_others_write_runs(logs: Path) -> None:
    here = str(Path(__file__).parent)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(logs), name, here], stderr=subprocess.PIPE, text=True
        )
        for name in ("w", "x")
    ]
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(logs)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in (*writers, *readers):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert len(select(logs)) == 23
    for folder in logs.glob("train/runs/*_[wx]*"):
        os.utime(folder / "run.json", (time.time() - 100,) * 2)
        os.utime(folder / "config.yaml", (time.time() - 100,) * 2)
    select(logs)
    turns = [run.record["turn"] for run in select(logs) if "turn" in run.record]
    assert sorted(turns) == sorted([*range(30, 40)] * 2)
    with sqlite3.connect(logs / INDEX_FILE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
