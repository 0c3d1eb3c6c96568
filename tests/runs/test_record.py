from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_lightning.errors import RunError
from hydra_lightning.runs.record import open_run
from hydra_lightning.runs.store import read_run

FIELDS = (
    *("schema", "id", "task", "experiment", "tags", "status", "created", "ended", "seconds", "command"),
    *("overrides", "seed", "git", "host", "python", "devices", "metrics", "best", "checkpoints"),
    *("resume", "loggers", "sweep", "attempts", "error", "process", "slurm_job"),
)


def run_in(folder: Path, **changes: Any) -> Any:
    facts: dict[str, Any] = {
        "root": folder.parent,
        "task": "train",
        "experiment": "digits",
        "tags": ["a"],
        "command": "python train.py",
        "overrides": ["seed=1"],
        "seed": 1,
        "devices": {"accelerator": "cpu"},
        "config": {"seed": 1},
    }
    return open_run(folder, **(facts | changes))


def saved(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return data


def test_a_run_is_running_and_then_completed(tmp_path: Path) -> None:
    folder = tmp_path / "2026-11-23_16-33-55_k3f9"
    with run_in(folder) as record:
        assert record.folder == folder
        data = saved(folder)
        assert tuple(data) == FIELDS
        assert (data["schema"], data["id"], data["status"]) == (1, folder.name, "running")
        assert data["ended"] is data["seconds"] is data["error"] is None
    data = saved(folder)
    assert data["status"] == data["attempts"][0]["status"] == "completed"
    start, end = (datetime.fromisoformat(data[key]) for key in ("created", "ended"))
    assert start.utcoffset() is not None
    assert abs((end - start).total_seconds() - data["seconds"]) < 1
    names = {file.name for file in folder.iterdir()}
    assert names == {"run.json", "config.yaml", "requirements.txt"}


def test_exact_versions_are_recorded(tmp_path: Path) -> None:
    with run_in(tmp_path / "run"):
        lines = (tmp_path / "run/requirements.txt").read_text().splitlines()
    assert f"pytest=={pytest.__version__}" in lines
    assert lines == sorted(lines)


def test_updates_are_written_at_once_and_read_back(tmp_path: Path) -> None:
    metrics = {"loss": float("nan"), "low": float("-inf"), "acc": 0.1 + 0.2}
    with run_in(tmp_path / "run") as record:
        record.update(metrics=metrics, best={"metric": "loss", "value": float("inf"), "epoch": 2})
        text = (tmp_path / "run/run.json").read_text()
        data = read_run(tmp_path / "run")
    assert json.loads(text, parse_constant=pytest.fail)["metrics"]["loss"] == "nan"
    assert math.isnan(data["metrics"].pop("loss"))
    assert data["metrics"] == {"low": float("-inf"), "acc": 0.1 + 0.2}
    assert data["best"] == {"metric": "loss", "value": float("inf"), "epoch": 2}


def test_a_field_that_run_json_does_not_have_is_refused(tmp_path: Path) -> None:
    with (
        run_in(tmp_path / "run") as record,
        pytest.raises(ValueError, match=r"run\.json has no field metric;"),
    ):
        record.update(metric={})


def test_the_saved_config_reads_back_as_it_was(tmp_path: Path) -> None:
    config = {
        "text": "1e5",
        "like": "a ${b} \\${c}",
        "small": 1e-5,
        "none": None,
        "nested": {"list": [1, {"a": True}], "day": "2026-01-01"},
        7: "seven",
    }
    with run_in(tmp_path / "run", config=config):
        pass
    assert OmegaConf.to_container(OmegaConf.load(tmp_path / "run/config.yaml"), resolve=True) == config


def test_an_exception_ends_the_run_as_failed_with_its_place(tmp_path: Path) -> None:
    root = Path(__file__).parent
    with pytest.raises(json.JSONDecodeError), run_in(tmp_path / "run", root=root):
        json.loads("{")
    error = saved(tmp_path / "run")["error"]
    assert error["type"] == "JSONDecodeError"
    assert error["message"].startswith("Expecting property name")
    assert error["at"].startswith("test_record.py:")


def test_a_second_run_in_a_folder_is_refused(tmp_path: Path) -> None:
    with run_in(tmp_path / "run"):
        pass
    before = saved(tmp_path / "run")
    with pytest.raises(RunError, match="already holds a run"), run_in(tmp_path / "run"):
        pass
    assert saved(tmp_path / "run") == before


@pytest.mark.parametrize("name", ["2026-01-02_03-04-05", "2026-01-02/03-04-05", "2026-01-02_03-04-05/0"])
def test_a_second_run_of_the_same_second_moves_beside_the_first(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / name
    with run_in(folder) as first, run_in(folder) as second:
        assert first.folder == folder
        assert second.folder.parent == folder.parent
        assert second.folder.name.startswith(f"{folder.name}_")
        assert str(second.folder) in caplog.text
        assert saved(second.folder)["id"] == second.folder.name


def test_other_ranks_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    with run_in(tmp_path / "run") as record:
        record.update(metrics={"a": 1.0})
        assert not record.writes
        assert record.folder == tmp_path / "run"
    assert list(tmp_path.iterdir()) == []


def test_a_run_can_be_recorded_outside_the_main_thread(tmp_path: Path) -> None:
    def work() -> None:
        with run_in(tmp_path / "run"):
            pass

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert saved(tmp_path / "run")["status"] == "completed"


def test_signal_handlers_of_before_come_back(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with run_in(tmp_path / "run"):
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_record_is_touched_while_the_run_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydra_lightning.runs.record.HEARTBEAT_SECONDS", 0.05)
    with run_in(tmp_path / "run"):
        file = tmp_path / "run/run.json"
        os.utime(file, (0, 0))
        for _ in range(100):
            if file.stat().st_mtime > 0:
                break
            threading.Event().wait(0.05)
        assert file.stat().st_mtime > 0


def test_a_failing_run_exits_with_1_and_says_where(project) -> None:
    done = project.run("act=fail")
    assert done.returncode == 1
    data = project.record()
    assert data["status"] == "failed"
    assert data["error"]["type"] == "ValueError"
    assert data["error"]["message"] == "a wrong turn"
    line = int(data["error"]["at"].removeprefix("train.py:"))
    assert "a wrong turn" in (project.root / "train.py").read_text().splitlines()[line - 1]


def test_sys_exit_with_a_message_is_a_failure(project) -> None:
    assert project.run("act=sys_exit").returncode == 1
    assert project.record()["status"] == "failed"


def test_a_pruned_trial_is_no_failure(project) -> None:
    project.run("act=prune")
    data = project.record()
    assert (data["status"], data["error"]) == ("pruned", None)


@pytest.mark.parametrize(
    ("act", "signum", "code"),
    [("wait", signal.SIGINT, 130), ("wait", signal.SIGTERM, 143), ("swallow", signal.SIGINT, 130)],
)
def test_signals_interrupt_a_run(project, act: str, signum: int, code: int) -> None:
    """``swallow`` does what Lightning does: KeyboardInterrupt becomes SystemExit(1)."""
    process = project.started(f"act={act}")
    process.send_signal(signum)
    process.communicate(timeout=60)
    assert process.returncode == code
    data = project.record()
    assert data["status"] == data["attempts"][0]["status"] == "interrupted"
    assert data["error"] is None
    assert data["ended"] is not None


def test_a_killed_run_is_shown_as_lost(project) -> None:
    process = project.started("act=wait")
    (folder,) = project.folders()
    assert read_run(folder)["status"] == "running"
    process.kill()
    process.communicate(timeout=60)
    assert project.record()["status"] == "running"
    assert read_run(folder)["status"] == "lost"


def test_a_forked_child_does_not_end_the_run_of_its_parent(project) -> None:
    done = project.run("act=fork")
    assert "status in parent: running" in done.stdout
    assert project.record()["status"] == "completed"


def test_a_disk_that_fills_up_ends_the_run_as_failed(project, tiny_disk: Path) -> None:
    done = project.run("act=fill", f"paths.log_dir={tiny_disk}")
    assert done.returncode == 1
    (folder,) = tiny_disk.glob("train/runs/*")
    data = saved(folder)
    assert data["status"] == "failed"
    assert data["error"]["type"] == "OSError"
    assert "No space left on device" in data["error"]["message"]
    assert not (folder / ".reserve").exists()


@pytest.mark.parametrize("kib_free", [0, 4, 8, 64, 68, 76])
def test_a_disk_that_is_full_at_the_start_leaves_no_run(
    tmp_path: Path, tiny_disk: Path, kib_free: int
) -> None:
    """Whatever comes too late for the room that is left: run.json, the reserve, or the files beside it."""
    with (tiny_disk / "filler").open("wb") as file:
        file.write(bytes(1024 * 1024 - os.statvfs(tiny_disk).f_frsize * 2 - kib_free * 1024))
    config = {"long": "x" * 20_000}
    with pytest.raises(RunError, match="No space left on device"), run_in(tiny_disk / "run", config=config):
        pytest.fail("the run has begun")
    assert not (tiny_disk / "run").exists() or list((tiny_disk / "run").iterdir()) == []


def test_a_full_disk_stops_the_program_before_hydra_writes(project, tiny_disk: Path) -> None:
    (tiny_disk / "filler").write_bytes(bytes(900 * 1024))
    done = project.run(f"paths.log_dir={tiny_disk}")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tiny_disk.glob("train/runs/*")) == []


LIGHTNING = """
import sys
import time
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from hydra_lightning.runs.record import open_run


class Slow(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        if index == 1:
            print("ready", flush=True)
        time.sleep(0.05)
        return self.layer(batch).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


facts = dict(root=Path(), task="train", experiment=None, tags=[], command="", overrides=[], seed=1, devices=None)
with open_run(Path("run"), config={}, **facts):
    trainer = Trainer(accelerator="cpu", max_epochs=-1, logger=False, enable_checkpointing=False,
                      enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(Slow(), DataLoader(torch.ones(1000, 1)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_interrupt_a_run_inside_lightning(tmp_path: Path, signum: int, code: int) -> None:
    (tmp_path / "fit.py").write_text(LIGHTNING)
    process = subprocess.Popen(
        [sys.executable, "fit.py"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == "ready\n":
            break
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert saved(tmp_path / "run")["status"] == "interrupted"
