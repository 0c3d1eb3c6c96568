from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FIFTY = """
import os
import sys
from datetime import datetime

import train
from hydra_lightning.runs import environment, folder


class OneSecond(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 23, 16, 33, 55)


folder.datetime = OneSecond
folder.ALPHABET = "abc"
environment.installed_versions = lambda: []  # Slow, and the same for all.
start, go = os.pipe()
children = []
for number in range(50):
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(start, 1)
        sys.argv = ["train.py", "--config-path", os.path.abspath("configs"), f"x={number}"]
        train.main()
        os._exit(0)
    children.append(child)
os.close(go)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


@pytest.mark.slow
def test_fifty_runs_of_one_second_get_fifty_folders(project) -> None:
    """Few ids are left on purpose: 81 for 50 processes, so that many draw the same one."""
    (project.root / "fifty.py").write_text(FIFTY)
    env = os.environ | {"PROJECT_ROOT": str(project.root)}
    done = subprocess.run(
        [sys.executable, "fifty.py"], cwd=project.root, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folders = project.folders()
    assert len(folders) == 50
    assert {folder.name[:19] for folder in folders} == {"2026-11-23_16-33-55"}
    numbers = set()
    for folder in folders:
        data = json.loads((folder / "run.json").read_text())
        assert (data["id"], data["status"]) == (folder.name, "completed")
        config = (folder / "config.yaml").read_text()
        assert f"name: {folder.name}\n" in config
        override = (folder / ".hydra/overrides.yaml").read_text().strip().removeprefix("- x=")
        assert f"\nx: {override}\n" in config
        numbers.add(override)
    assert len(numbers) == 50


def test_a_sweep_has_one_folder_and_every_job_one_below(project) -> None:
    done = project.run("-m", "x=1,2,3")
    assert done.returncode == 0, done.stderr
    (sweep,) = project.folders("logs/train/sweeps/*")
    jobs = sorted(file.parent for file in sweep.glob("*/run.json"))
    assert len(jobs) == 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\w{4}", job.name) for job in jobs)
    assert {(job / "config.yaml").read_text().partition("name: ")[2].split()[0] for job in jobs} >= {"train"}
    assert all(f"name: {sweep.name}\n" in (job / "config.yaml").read_text() for job in jobs)
    assert project.folders("logs/train/runs/*") == []


def test_a_folder_on_the_command_line_is_used_as_it_is(project, tmp_path: Path) -> None:
    done = project.run(f"hydra.run.dir={tmp_path}/mine")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "mine/run.json").read_text())["id"] == "mine"
    assert "name: mine\n" in (tmp_path / "mine/config.yaml").read_text()


def test_a_folder_on_the_command_line_that_holds_a_run_is_refused_untouched(project, tmp_path: Path) -> None:
    project.run(f"hydra.run.dir={tmp_path}/mine", "x=1")
    before = {file: file.read_bytes() for file in (tmp_path / "mine").rglob("*") if file.is_file()}
    done = project.run(f"hydra.run.dir={tmp_path}/mine", "x=2")
    assert done.returncode == 1
    assert f"{tmp_path}/mine already holds a run" in done.stderr
    assert "Traceback" not in done.stderr
    assert {file: file.read_bytes() for file in (tmp_path / "mine").rglob("*") if file.is_file()} == before


def test_names_by_the_clock_that_are_taken_are_replaced(project) -> None:
    config = (project.root / "configs/train.yaml").read_text()
    (project.root / "configs/train.yaml").write_text(
        config.replace('${run_id:}"}', '${now:%Y}-01-01_00-00-00"}', 1)
    )
    assert project.run("x=1").returncode == 0
    assert project.run("x=2").returncode == 0
    first, second = project.folders()
    assert "- x=1" in (first / ".hydra/overrides.yaml").read_text()
    assert "- x=2" in (second / ".hydra/overrides.yaml").read_text()


def test_a_log_folder_that_cannot_be_is_one_clear_message(project) -> None:
    (project.root / "logs").write_text("")
    done = project.run()
    assert done.returncode == 1
    assert "logs/train/runs cannot be written: Not a directory" in done.stderr
    assert "paths.log_dir=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_read_only_log_folder_is_one_clear_message(project, tiny_disk: Path) -> None:
    remounted = subprocess.run(
        ["mount", "-o", "remount,ro", str(tiny_disk)], capture_output=True, check=False
    )
    if remounted.returncode:
        pytest.skip("a read-only file system cannot be made here")
    done = project.run(f"paths.log_dir={tiny_disk}")
    assert done.returncode == 1
    assert f"{tiny_disk}/train/runs cannot be written: Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr


def test_ranks_other_than_0_claim_and_record_nothing(project, tmp_path: Path) -> None:
    """The way Lightning starts its children: rank 0's folder on the command line."""
    project.run(f"hydra.run.dir={tmp_path}/mine")
    before = (tmp_path / "mine/run.json").read_bytes()
    child = (
        f'hydra.run.dir="{tmp_path}/mine"',
        "hydra.job.name=train_ddp_process_1",
        "hydra.output_subdir=null",
    )
    done = project.run(*child, LOCAL_RANK="1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine/run.json").read_bytes() == before


@pytest.mark.slow
def test_ranks_of_torchrun_share_one_folder_and_rank_0_records(project) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "train.py", "x=5"]
    env = os.environ | {"PROJECT_ROOT": str(project.root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=project.root, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert project.record()["status"] == "completed"
    (folder,) = project.folders()
    assert {file.name for file in folder.iterdir() if file.suffix == ".log"} == {
        "train.log",
        "train_ddp_process_1.log",
    }
