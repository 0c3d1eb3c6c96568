"""A run that is repeated, and what is said of the metrics: by a light script, and once by a training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import TINY, environment, fork_server, record, run_script, runs_in
from typer import Typer
from typer.testing import CliRunner, Result

from hydra_lightning.commands.runs_rerun import rerun as command
from hydra_lightning.errors import RunError
from hydra_lightning.tasks import rerun as module
from hydra_lightning.tasks.rerun import Rerun, rerun

CONFIG = """\
task_name: train
seed: 7
steps: 4
book: ${paths.root_dir}/book.txt
name: ${run_id:}
end: well
paths:
  root_dir: ${oc.env:PROJECT_ROOT}
  log_dir: ${paths.root_dir}/logs
  output_dir: ${hydra:runtime.output_dir}
hydra:
  run: {dir: "${paths.log_dir}/${task_name}/runs/${run_id:}"}
  callbacks:
    run_folder: {_target_: hydra_lightning.runs.hydra_callback.ClaimRunFolder}
"""

SCRIPT = """\
import os
import random
import sys
from pathlib import Path

import hydra_lightning
from hydra_lightning.runs import environment, record
from hydra_lightning.tasks.run import _experiment, _overrides
from omegaconf import OmegaConf

FACTOR = 1


@hydra_lightning.main(config_path="../configs")
def main(config):
    plain = OmegaConf.to_container(config, resolve=True)
    with record.open_run(
        Path(config.paths.output_dir),
        root=Path(config.paths.root_dir),
        task=config.task_name,
        experiment=_experiment(),
        tags=[],
        command=environment.command_line(),
        overrides=_overrides(),
        seed=config.seed,
        devices={"accelerator": "cpu", "threads": int(os.environ["OMP_NUM_THREADS"])},
        config=plain,
    ) as run:
        random.seed(config.seed)
        rows = [f"0,{step},{random.random() * FACTOR}," for step in range(config.steps)]
        rows.append(f"1,{config.steps},,{len(Path(config.book).read_text())}")
        (run.folder / "metrics.csv").write_text("epoch,step,loss,length\\n" + "\\n".join(rows) + "\\n")
        print("trained as", config.name)
        if config.end != "well":
            sys.exit(config.end)


main()
"""


class Project:
    """A project whose training takes no time; in git."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.script = root / "lightning_classes" / "train.py"
        self.script.parent.mkdir(parents=True)
        (root / "configs").mkdir()
        (root / "configs" / "train.yaml").write_text(CONFIG)
        self.script.write_text(SCRIPT)
        (root / "book.txt").write_text("a book")
        (root / ".gitignore").write_text("logs/\n")
        self.git("init", "-q")
        self.commit()

    def git(self, *arguments: str) -> str:
        options = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(self.root))
        done = subprocess.run(("git", *options, *arguments), check=True, capture_output=True, text=True)
        return done.stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "a state")

    def train(self, *overrides: str, code: int = 0) -> Path:
        """The folder of a new run."""
        before = set(runs_in(self.root))
        arguments = [sys.executable, "lightning_classes/train.py", *overrides]
        done = subprocess.run(
            arguments, cwd=self.root, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        (run,) = set(runs_in(self.root)) - before
        return run

    def edit(self, old: str, new: str) -> None:
        self.script.write_text(self.script.read_text().replace(old, new))

    def rerun(self, run: Path, code: bool = False) -> Rerun:
        with Path(os.devnull).open("wb") as nowhere:
            return rerun(run, self.root, code, output=nowhere.fileno())


@pytest.fixture
def light(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def call(*arguments: str | Path) -> Result:
    app = Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_same_config_seed_and_threads_give_the_same_metrics_in_a_new_folder(
    light: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = light.train("seed=9", "steps=5")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = (run / "run.json").read_bytes()
    done = light.rerun(run)
    assert done.equal
    assert (done.comparison.metrics, done.comparison.steps) == (2, 6)
    assert (done.packages, done.facts, done.code) == ({}, {}, True)
    assert (run / "run.json").read_bytes() == before
    new = record(done.folder)
    assert new["overrides"] == ["seed=9", "steps=5"]
    assert new["command"] == f"hydra-lightning runs rerun {run.name}"
    assert f"name: {done.folder.name}" in (done.folder / "config.yaml").read_text()
    assert run.name not in (done.folder / ".hydra" / "hydra.yaml").read_text()
    result = call(run.name, "--project", light.root)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "metrics   equal: 2 metrics at 6 steps, to the last bit"
    again = light.rerun(done.folder)
    assert again.equal
    assert again.folder not in (run, done.folder)


def test_the_step_at_which_they_part_and_other_versions_are_said(light: Project) -> None:
    run = light.train()
    light.edit("* FACTOR", "* (FACTOR if step < 2 else 2)")
    versions = (run / "requirements.txt").read_text()
    (run / "requirements.txt").write_text(versions.replace("torch==", "torch==0.") + "gone-package==1.0\n")
    result = call(run.name, "--project", light.root)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"rerun     {run.name} as ")
    assert "code      not that of the run (--code takes the recorded commit and patch)" in lines
    assert "metrics   part at step 2 (epoch 0): 1 of 2 differ" in lines
    (packages,) = (line for line in lines if line.startswith("packages"))
    assert packages.startswith("packages  gone-package 1.0 → none, torch 0.2")
    result = call(run.name, "--project", light.root, "--format", "json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["equal"], found["same_code"]) == (1, False, False)
    assert [(each["metric"], each["step"]) for each in found["partings"]] == [("loss", 2)]
    assert found["packages"]["gone-package"] == {"original": "1.0", "rerun": None}


def test_the_recorded_commit_and_patch_run_in_a_worktree(light: Project) -> None:
    light.edit("FACTOR = 1", "FACTOR = 3")
    (light.root / "lightning_classes" / "new.py").write_text("# new\n")
    (light.root / ".env").write_text("A=1\n")
    run = light.train()
    light.edit("FACTOR = 3", "FACTOR = 5")
    (light.root / "book.txt").write_text("another, longer book")
    light.commit()
    state = light.git("status", "--porcelain"), light.git("rev-parse", "HEAD")
    today = light.rerun(run)
    assert {each.metric for each in today.comparison.partings} == {"loss", "length"}
    done = light.rerun(run, code=True)
    assert done.equal
    assert done.code is True
    assert done.folder.parent == run.parent
    assert record(done.folder)["git"] == {**record(run)["git"], "branch": None}
    assert [line.split(",")[0] for line in done.left_out] == ["new file .env"]
    assert (light.git("status", "--porcelain"), light.git("rev-parse", "HEAD")) == state
    assert len(light.git("worktree", "list").splitlines()) == 1


def test_of_a_run_that_did_not_end_only_its_steps_count(light: Project) -> None:
    run = light.train()
    lines = (run / "metrics.csv").read_text().splitlines()
    (run / "metrics.csv").write_text("\n".join(lines[:3]) + "\n")
    change(run, status="interrupted")
    done = light.rerun(run)
    assert done.equal
    assert done.comparison.steps == 2


def test_a_project_that_was_moved_repeats_its_runs(light: Project, tmp_path: Path) -> None:
    run = light.train()
    moved = light.root.rename(tmp_path / "moved")
    light.root = moved
    done = light.rerun(moved / "logs" / "train" / "runs" / run.name)
    assert done.equal
    assert done.folder.is_relative_to(moved)


def change(run: Path, **fields: Any) -> None:
    (run / "run.json").write_text(json.dumps(record(run) | fields))


def test_what_cannot_be_repeated_is_said_before_anything_runs(light: Project) -> None:
    run = light.train()
    whole = record(run)

    def refused(message: str, code: bool = False) -> None:
        with pytest.raises(RunError, match=message):
            light.rerun(run, code)
        assert runs_in(light.root) == [run]
        (run / "run.json").write_text(json.dumps(whole))

    process = {"pid": os.getpid(), "started": None, "space": ""}
    change(run, status="running", process=process)
    refused("is still running")
    change(run, git=None)
    refused("recorded no commit", code=True)
    change(run, git=whole["git"] | {"commit": "0" * 40})
    refused("is not in .* any more", code=True)
    change(run, git=whole["git"] | {"dirty": True})
    refused("git.diff is gone", code=True)
    (run / "git.diff").write_text("diff --git a/book.txt b/book.txt\n--- a/book.txt\n+++ b/book.txt\nxx\n")
    refused("git apply failed", code=True)
    (run / "git.diff").unlink()
    light.script.rename(light.script.with_name("other.py"))
    refused("train.py: no such script")
    (run / ".hydra" / "hydra.yaml").rename(run / "hydra.yaml")
    refused("was not started by a script")
    (run / "metrics.csv").write_text("epoch,step,loss\n0,1,many\n")
    refused("cannot be read as the metrics of a run")
    (run / "metrics.csv").unlink()
    refused("has no metrics.csv")
    (run / "run.json").write_text('{"schema"')
    with pytest.raises(RunError, match="is broken"):
        light.rerun(run)


def test_a_new_run_that_fails_is_said_with_its_folder(light: Project) -> None:
    run = light.train("end=3", code=3)
    with pytest.raises(RunError, match=r"(?s)ended with exit code 3: .*nothing to compare") as caught:
        light.rerun(run)
    (new,) = set(runs_in(light.root)) - {run}
    assert str(new) in str(caught.value)


def test_a_training_is_repeated_to_the_last_bit(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(
        script: Path, arguments: list[str], folder: Path, environment: dict[str, str], output: int | None
    ) -> int:
        """As the original, but in a process that has torch already."""
        return fork_server().run(script, arguments, folder, environment).returncode

    monkeypatch.setattr(module, "start", start)
    original = run_script(project, "train.py", *TINY, "model.net.hidden_sizes=[8]", "experiment=digits")
    assert original.returncode == 0, original.stderr
    (run,) = runs_in(project)
    done = rerun(run, project)
    assert done.equal
    assert done.comparison.metrics == 7
    assert record(done.folder)["metrics"] == record(run)["metrics"]
    assert record(done.folder)["experiment"] == "digits"
