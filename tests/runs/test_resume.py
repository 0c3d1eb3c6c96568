"""A run that goes on in its folder: what is refused, and what is written when."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.errors import CheckpointError, RunError
from hydra_lightning.runs.interrupts import Interrupted, deferred, interrupts
from hydra_lightning.runs.record import open_run
from hydra_lightning.runs.resume import POINT, point_of, read_idle_run, reopen_run, requeued_run, without
from hydra_lightning.runs.slurm import requeue


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that failed."""
    folder = tmp_path / "logs/train/runs/2026-11-23_16-33-55_k3f9"
    with pytest.raises(ValueError, match="wrong"), opened(folder):
        raise ValueError("wrong")
    return folder


def opened(folder: Path) -> Any:
    return open_run(
        folder,
        root=folder.parent,
        task="train",
        experiment=None,
        tags=[],
        command="train.py a=1",
        overrides=["a=1", "+b=2"],
        seed=1,
        devices={},
        config={"a": 1},
    )


def reopened(folder: Path, *overrides: str) -> Any:
    return reopen_run(folder, root=folder.parent, command="again", overrides=overrides, devices={})


def saved(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return data


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_an_attempt_is_added_and_its_overrides_replace_those_of_the_same_key(run: Path) -> None:
    with reopened(run, "a=3") as record:
        record.start({"a": 3})
        assert saved(run)["status"] == "running"
        assert saved(run)["error"] is None
    data = saved(run)
    assert [each["status"] for each in data["attempts"]] == ["failed", "completed"]
    assert data["attempts"][1]["overrides"] == ["a=3"]
    assert data["overrides"] == ["+b=2", "a=3"]
    assert (run / "config.yaml").read_text() == "a: 3\n"


def test_what_fails_before_the_start_changes_nothing(run: Path) -> None:
    def refuse() -> None:
        with reopened(run, "a=3") as record:
            record.update(devices={"accelerator": "cpu"})
            raise CheckpointError("it does not fit")

    before = content(run)
    with pytest.raises(CheckpointError):
        refuse()
    assert content(run) == before


def test_a_running_run_is_refused_with_its_process(tmp_path: Path) -> None:
    told = pytest.raises(RunError, match=f"still running: process {os.getpid()} on ")
    with opened(tmp_path / "running") as record, told:
        read_idle_run(record.folder)


def test_the_second_of_two_that_resume_at_once_is_refused(run: Path) -> None:
    def start_both() -> None:
        with reopened(run) as first, reopened(run) as second:
            first.start({"a": 1})
            second.start({"a": 1})

    with pytest.raises(RunError, match="another process"):
        start_both()


def test_a_killed_attempt_is_lost(run: Path) -> None:
    data = saved(run)
    data["attempts"][0]["status"] = data["status"] = "running"
    data["process"]["started"] = "0"
    (run / "run.json").write_text(json.dumps(data))
    with reopened(run) as record:
        record.start({"a": 1})
    assert [each["status"] for each in saved(run)["attempts"]] == ["lost", "completed"]


@pytest.mark.parametrize("text", ['{"schema": 1', '{"schema": 1, "id": "x"}', "[]"])
def test_a_broken_record_is_refused_and_kept(run: Path, text: str) -> None:
    (run / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json"), reopened(run):
        pass
    assert (run / "run.json").read_text() == text


def test_a_run_without_any_checkpoint_starts_again(run: Path) -> None:
    assert point_of(run, read_idle_run(run)) is None


def test_a_deleted_checkpoint_is_told_with_what_is_there(run: Path) -> None:
    (run / "checkpoints").mkdir()
    (run / "checkpoints/last.ckpt").touch()
    with pytest.raises(CheckpointError, match=r"resume.ckpt.*\n?.*checkpoints/last.ckpt: ckpt_path=FILE"):
        point_of(run, read_idle_run(run))
    (run / "checkpoints/last.ckpt").unlink()
    with pytest.raises(CheckpointError, match="No other"):
        point_of(run, read_idle_run(run) | {"resume": POINT})


def test_a_requeued_job_finds_its_run_by_job_and_command(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    mine = run.with_name("2026-11-24_00-00-00_aaaa")
    with opened(mine):
        assert requeued_run(tmp_path / "logs", "train.py a=1") is None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert requeued_run(tmp_path / "logs", "train.py a=1") == mine
    assert requeued_run(tmp_path / "logs", "train.py a=2") is None
    monkeypatch.setenv("SLURM_JOB_ID", "13")
    assert requeued_run(tmp_path / "logs", "train.py a=1") is None


def test_overrides_of_later_keys_are_left_out() -> None:
    assert without(["a=1", "+b.c=2", "~d"], ["++b.c=3", "d=1"]) == ["a=1"]


def test_a_first_signal_waits_and_a_second_acts() -> None:
    with interrupts(), deferred() as waiting:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert waiting.arrived == signal.SIGUSR1
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)


def test_sigusr1_asks_slurm_to_run_the_job_again(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "scontrol"
    tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "5")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "7")

    def interrupt() -> None:
        with reopened(run) as record:
            record.start({"a": 1})
            os.kill(os.getpid(), signal.SIGUSR1)

    with pytest.raises(SystemExit) as caught:
        interrupt()
    assert caught.value.code == 128 + signal.SIGUSR1
    assert saved(run)["status"] == "interrupted"
    assert (tmp_path / "asked").read_text() == "requeue 5_7\n"


def test_a_refused_requeue_is_only_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "3")
    requeue()
    assert "was not requeued" in caplog.text
