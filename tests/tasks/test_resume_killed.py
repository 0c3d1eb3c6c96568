"""Runs that are killed go on, in real processes, and end with the bits of one that was never killed."""

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import record, run_script, runs_in

from hydra_lightning.runs.resume import POINT
from hydra_lightning.scaffold.new import new_project

# Counts what happens in a training, and sends a signal at the given moment, or in the middle of writing a checkpoint.
KILL = """
import os
import signal

import torch
from lightning import Callback
from torch import nn


def small_net(input_size, hidden_sizes, output_size):
    inner = nn.Linear(input_size, *hidden_sizes)
    return nn.Sequential(nn.Flatten(), inner, nn.Dropout(0.3), nn.ReLU(), nn.Linear(*hidden_sizes, output_size))


class Kill(Callback):
    def __init__(self, at=0, write=0, signum=9):
        self.at, self.write, self.signum, self.moment = at, write, signum, 0
        save = torch.save
        self.writes = 0

        def half(content, file, **options):
            self.writes += 1
            save(content, file, **options)
            if self.writes == self.write:
                file.truncate(file.tell() // 2)
                file.flush()
                self.kill()

        if write:
            torch.save = half

    def kill(self):
        os.kill(os.getpid(), self.signum)

    def tick(self, *args, **kwargs):
        self.moment += 1
        if self.moment == self.at:
            self.kill()

    on_train_epoch_start = on_train_batch_start = on_before_backward = on_before_optimizer_step = tick
    on_train_batch_end = on_validation_batch_end = on_train_epoch_end = on_save_checkpoint = tick
"""

EXPERIMENT = """\
# @package _global_
extras: {print_config: false}
callbacks:
  early_stopping: null
  model_summary: null
  rich_progress_bar: null
  kill: {_target_: lightning_classes.kill.Kill, at: 0, write: 0, signum: 9}
  resume:
    _target_: hydra_lightning.training.resume.ResumeCheckpoint
    dirpath: ${paths.output_dir}/checkpoints
    every_n_steps: 1
trainer:
  accumulate_grad_batches: 2
  log_every_n_steps: 1
  limit_train_batches: 7
  limit_val_batches: 1
  limit_test_batches: 1
  enable_progress_bar: false
  enable_model_summary: false
"""
OF_EXAMPLE = {
    "digits": """\
  max_epochs: 3
  val_check_interval: 3
model:
  net: {_target_: lightning_classes.kill.small_net, hidden_sizes: [8]}
  scheduler: {patience: 0}
""",
    "text": """\
  max_steps: 9
  max_epochs: -1
  val_check_interval: 5
  check_val_every_n_epoch: null
data: {vocab_size: 300, block_size: 16, batch_size: 2}
model:
  lm: {config: {n_embd: 8, n_layer: 1, n_head: 1}}
  scheduler: {num_warmup_steps: 5}
""",
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project of each example, in which one run was trained that nothing interrupted."""
    made = {}
    for example, settings in OF_EXAMPLE.items():
        root = new_project(tmp_path_factory.mktemp("resume") / example, example).root
        (root / "lightning_classes/kill.py").write_text(KILL)
        (root / "configs/experiment/tiny.yaml").write_text(EXPERIMENT + settings)
        done = run_script(root, "train.py", "experiment=tiny")
        assert done.returncode == 0, done.stderr
        made[example] = root
    return made


def outcome(run: Path) -> dict[str, Any]:
    """All that a run came to, without times, places and what was done in between."""
    content = torch.load(run / POINT, weights_only=True)
    weights = b"".join(value.numpy().tobytes() for value in content["state_dict"].values())
    moments = [
        value.numpy().tobytes()
        for state in content["optimizer_states"][0]["state"].values()
        for value in state.values()
    ]
    data = record(run)
    return {
        "weights": weights,
        "optimizer": moments,
        "schedulers": content["lr_schedulers"],
        "metrics": (run / "metrics.csv").read_text(),
        "files": sorted(file.name for file in (run / "checkpoints").iterdir()),
        "record": {name: data[name] for name in ("status", "metrics", "best", "checkpoints", "resume")},
    }


def killed(project: Path, *more: str) -> Path:
    """A new run that a signal ended."""
    known = set(runs_in(project))
    done = run_script(project, "train.py", "experiment=tiny", *more)
    assert done.returncode == -9, (done.returncode, done.stderr)
    (run,) = set(runs_in(project)) - known
    return run


def resume(project: Path, run: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return run_script(project, "train.py", f"resume={run.name}", *overrides)


def moments(seed: int, count: int) -> list[str]:
    """Overrides for moments to kill at, one of five in the middle of writing a checkpoint."""
    draw = random.Random(seed)
    chosen = [f"callbacks.kill.at={draw.randint(1, 20)}" for _ in range(count)]
    chosen[draw.randrange(count)] = f"callbacks.kill.write={draw.randint(1, 3)}"
    return chosen


@pytest.mark.parametrize(
    ("example", "workers", "seed"), [("digits", 0, 1), ("digits", 2, 2), ("text", 0, 3), ("text", 2, 4)]
)
def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(
    projects: dict[str, Path], example: str, workers: int, seed: int
) -> None:
    project = projects[example]
    undisturbed = runs_in(project)[0]
    first, *others = moments(seed, 5)
    run = killed(project, f"data.num_workers={workers}", first)
    for moment in others:
        done = resume(project, run, "callbacks.kill.at=0", "callbacks.kill.write=0", moment)
        assert done.returncode == -9, done.stderr
    done = resume(project, run, "callbacks.kill.at=0", "callbacks.kill.write=0")
    assert done.returncode == 0, done.stderr
    assert outcome(run) == outcome(undisturbed)


def test_sigterm_writes_a_checkpoint_and_a_requeued_job_goes_on_by_the_same_command(
    projects: dict[str, Path],
) -> None:
    project = projects["digits"]
    undisturbed, known = runs_in(project)[0], set(runs_in(project))
    command = ("experiment=tiny", "callbacks.resume.every_n_steps=1000", "callbacks.kill.at=55")
    job = {"SLURM_JOB_ID": "4711"}
    done = run_script(project, "train.py", *command, "callbacks.kill.signum=15", env=job)
    (run,) = set(runs_in(project)) - known
    data = record(run)
    assert (done.returncode, data["status"], data["slurm_job"]) == (143, "interrupted", "4711")
    assert torch.load(run / POINT, weights_only=True)["global_step"] > 0
    done = run_script(
        project, "train.py", *command, "callbacks.kill.signum=15", env=job | {"SLURM_RESTART_COUNT": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert set(runs_in(project)) - known == {run}
    assert [each["status"] for each in record(run)["attempts"]] == ["interrupted", "completed"]
    assert outcome(run) == outcome(undisturbed)


def test_overrides_are_held_against_the_saved_config_and_a_refusal_changes_nothing(
    projects: dict[str, Path],
) -> None:
    project = projects["digits"]
    run = runs_in(project)[0]
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file() and file.suffix != ".log"}
    refusals = {
        "model.net.hidden_sizes=[9]": "does not fit lightning_classes.models.digits_module.DigitsModule",
        "model.nett=1": "Did you mean net?",
        "experiment=digits": "the run has its saved config",
    }
    for override, message in refusals.items():
        done = resume(project, run, override)
        assert done.returncode == 1
        assert message in done.stderr
    after = {file: file.read_bytes() for file in before}
    assert after == before


def test_a_completed_run_can_be_trained_further(projects: dict[str, Path], tmp_path: Path) -> None:
    project = projects["text"]
    run = shutil.copytree(runs_in(project)[0], tmp_path / "2026-01-01_00-00-00_abcd")
    done = run_script(project, "train.py", f"resume={run}", "trainer.max_steps=11")
    assert done.returncode == 0, done.stderr
    assert torch.load(run / POINT, weights_only=True)["global_step"] == 11
    steps = [line.split(",")[1] for line in (run / "metrics.csv").read_text().splitlines()[1:]]
    assert steps == sorted(steps, key=int)
