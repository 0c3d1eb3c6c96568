from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from runs_on_disk import write_record

from hydra_lightning.errors import RunError
from hydra_lightning.runs.environment import process_identity
from hydra_lightning.runs.store import find_run, list_runs, read_run


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    logs = tmp_path / "logs"
    for name in ("2026-01-01_10-00-00_aaaa", "2026-01-01_10-00-00_abcd", "2026-02-01_10-00-00_ca12"):
        write_record(logs / "train/runs" / name)
    write_record(logs / "train/sweeps/2026-03-01_10-00-00_swee/2026-03-01_10-00-05_job1")
    (logs / "train/runs/2026-04-01_10-00-00_empt").mkdir()
    return logs


def test_a_run_whose_process_is_there_is_running(tmp_path: Path) -> None:
    run = write_record(tmp_path / "run", status="running", process=process_identity())
    os.utime(run / "run.json", (0, 0))
    assert read_run(run)["status"] == "running"


def test_a_run_whose_number_another_process_has_now_is_lost(tmp_path: Path) -> None:
    run = write_record(tmp_path / "run", status="running", process=process_identity() | {"started": "1"})
    assert read_run(run)["status"] == "lost"


def test_a_run_elsewhere_is_lost_when_it_was_not_touched_for_five_minutes(tmp_path: Path) -> None:
    run = write_record(tmp_path / "run", status="running")
    assert read_run(run)["status"] == "running"
    os.utime(run / "run.json", (time.time() - 301,) * 2)
    assert read_run(run)["status"] == "lost"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is broken"),
        ('{"schema": 1, "status": "run', "is broken"),
        ("[]", "is not the record of a run"),
        ('{"name": "something else"}', "is not the record of a run"),
        ('{"schema": 2, "status": "completed"}', "has schema 2, newer than this version reads"),
        ('{"schema": 1, "status": "completed"}', "it has no id, created, metrics, best, process"),
    ],
)
def test_a_broken_or_foreign_record_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=f"{tmp_path}/run.json .*{message}"):
        read_run(tmp_path)


def test_a_folder_without_a_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        read_run(tmp_path)
    write_record(tmp_path / "train/runs/one")
    with pytest.raises(RunError, match="is not a run folder"):
        find_run(str(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("2026-01-01_10-00-00_aaaa", "2026-01-01_10-00-00_aaaa"),
        ("2026-02", "2026-02-01_10-00-00_ca12"),
        ("abcd", "2026-01-01_10-00-00_abcd"),
        ("ca", "2026-02-01_10-00-00_ca12"),
        ("job1", "2026-03-01_10-00-05_job1"),
        ("@last", "2026-03-01_10-00-05_job1"),
    ],
)
def test_a_run_is_found_by_what_is_unique_of_its_id(logs: Path, reference: str, name: str) -> None:
    assert find_run(reference, logs).name == name


def test_a_run_is_found_by_its_folder(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = logs / "train/runs/2026-01-01_10-00-00_aaaa"
    assert find_run(folder, logs) == folder
    monkeypatch.chdir(logs.parent)
    assert find_run("logs/train/runs/2026-01-01_10-00-00_aaaa", Path("nowhere")).resolve() == folder


def test_a_reference_to_several_runs_lists_them(logs: Path) -> None:
    with pytest.raises(RunError, match=r"'2026-01' means 2 runs(.|\n)*_aaaa(.|\n)*_abcd"):
        find_run("2026-01", logs)
    with pytest.raises(RunError, match="'a' means 2 runs"):
        find_run("a", logs)


def test_an_unknown_reference_gives_the_nearest_or_the_newest(logs: Path) -> None:
    with pytest.raises(RunError, match=r"Near it:(.|\n)*2026-02-01_10-00-00_ca12"):
        find_run("2026-02-01_10-00-00_cb12", logs)
    with pytest.raises(RunError, match=r"The newest:(.|\n)*2026-03-01_10-00-05_job1"):
        find_run("zzzz", logs)
    with pytest.raises(RunError, match="No run ''"):
        find_run("", logs)


def test_no_runs_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there are no runs below"):
        find_run("@last", tmp_path / "logs")


def test_the_last_run_is_the_one_started_last_in_whatever_zone(tmp_path: Path) -> None:
    runs = tmp_path / "train/runs"
    write_record(runs / "2026-01-01_12-00-00_east", created="2026-01-01T12:00:00+10:00")
    write_record(runs / "2026-01-01_10-00-00_west", created="2026-01-01T10:00:00-08:00")
    assert find_run("@last", tmp_path).name.endswith("west")
    assert find_run("@last", str(tmp_path)) == find_run("@last", tmp_path)


def test_all_runs_are_listed_and_broken_ones_logged(logs: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = write_record(logs / "eval/runs/2026-05-01_10-00-00_brok")
    (broken / "run.json").write_text("{")
    listed = list(list_runs(logs))
    assert [folder.name[-4:] for folder, _ in listed] == ["aaaa", "abcd", "ca12", "job1"]
    assert all(folder.name == data["id"] for folder, data in listed)
    assert str(broken) in caplog.text


def test_the_best_run_by_a_metric_is_found_among_those_with_a_checkpoint(tmp_path: Path) -> None:
    runs = tmp_path / "train/runs"
    saved = {"best": "checkpoints/a.ckpt", "last": None}
    write_record(runs / "2026-01-01_10-00-00_aaaa", metrics={"val/acc": 0.8}, checkpoints=saved)
    write_record(runs / "2026-01-02_10-00-00_bbbb", metrics={"val/acc": 0.9})
    assert find_run("@best:val/acc", tmp_path).name.endswith("bbbb")
    assert find_run("@best:val/acc", tmp_path, with_checkpoint=True).name.endswith("aaaa")


@pytest.mark.parametrize("reference", ["@best", "@best:", "@first"])
def test_what_an_at_sign_can_mean_is_said(logs: Path, reference: str) -> None:
    with pytest.raises(RunError, match="there is @last, and @best:METRIC"):
        find_run(reference, logs)
