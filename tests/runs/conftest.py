"""A project of a few files whose runs are real processes, light ones without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CONFIG = """\
task_name: train
act: none
x: 0
paths:
  root_dir: ${oc.env:PROJECT_ROOT}
  log_dir: ${paths.root_dir}/logs
  output_dir: ${hydra:runtime.output_dir}
name: ${run_id:}
hydra:
  run: {dir: "${paths.log_dir}/${task_name}/runs/${run_id:}"}
  sweep: {dir: "${paths.log_dir}/${task_name}/sweeps/${run_id:}", subdir: "${run_id:${hydra.job.num}}"}
  callbacks:
    run_folder: {_target_: hydra_lightning.runs.hydra_callback.ClaimRunFolder}
"""

SCRIPT = """\
import os
import sys
import time
from pathlib import Path

import hydra
from omegaconf import OmegaConf

from hydra_lightning.runs import environment, folder, record

folder.register_run_id()


class TrialPruned(Exception):
    pass


TrialPruned.__module__ = "optuna.exceptions"


def act(config, run):
    what = config.act
    if what == "fail":
        raise ValueError("a wrong turn")
    if what == "prune":
        raise TrialPruned
    if what == "sys_exit":
        sys.exit("not today")
    if what == "fork":
        if os.fork() == 0:
            return
        os.wait()
        print("status in parent:", run.data["status"])
    if what in ("wait", "swallow"):
        print("ready", flush=True)
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            if what == "wait":
                raise
            sys.exit(1)
    if what == "fill":
        with (run.folder / "metrics.csv").open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()


@hydra.main(version_base="1.3", config_path="configs", config_name="train.yaml")
def main(config):
    plain = OmegaConf.to_container(config, resolve=True)
    with record.open_run(
        Path(config.paths.output_dir),
        root=Path(config.paths.root_dir),
        task=config.task_name,
        experiment=None,
        tags=["test"],
        command=environment.command_line(),
        overrides=[],
        seed=1,
        devices={"accelerator": "cpu"},
        config=plain,
    ) as run:
        act(config, run)


if __name__ == "__main__":
    main()
"""


class Project:
    """A folder with a ``train.py``, and its runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "configs").mkdir(parents=True)
        (root / "configs/train.yaml").write_text(CONFIG)
        (root / "train.py").write_text(SCRIPT)

    def start(self, *overrides: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "train.py", *overrides],
            cwd=self.root,
            env=os.environ | {"PROJECT_ROOT": str(self.root), "OMP_NUM_THREADS": "1"} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *overrides: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*overrides, **env)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def started(self, *overrides: str, **env: str) -> subprocess.Popen[str]:
        """A process that is inside its run."""
        process = self.start(*overrides, **env)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def folders(self, pattern: str = "logs/train/runs/*") -> list[Path]:
        return sorted(self.root.glob(pattern))

    def record(self) -> dict[str, Any]:
        """The ``run.json`` of the only run."""
        (folder,) = self.folders()
        data: dict[str, Any] = json.loads((folder / "run.json").read_text())
        return data


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a file system is not permitted: {mounted.stderr.decode().strip()}")
    yield place
    for _ in range(50):
        if subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise OSError(f"{place} is still mounted")
