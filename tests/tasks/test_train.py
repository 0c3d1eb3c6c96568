"""Training, as a user starts it: real processes on real data."""

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from processes import TINY, environment, record, run_afresh, run_script, runs_in

from hydra_lightning.runs.store import read_run
from hydra_lightning.scaffold.new import new_project


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A project in which one tiny run has been trained and tested."""
    project = new_project(tmp_path_factory.mktemp("trained") / "project").root
    done = run_afresh(project, "train.py", *TINY, "tags=[first,tiny]")
    assert done.returncode == 0, done.stderr
    return project, done


def test_a_run_leaves_everything_in_its_folder(trained: tuple[Path, Any]) -> None:
    (run,) = runs_in(trained[0])
    names = {str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()}
    assert {
        "run.json",
        "config.yaml",
        "metrics.csv",
        "requirements.txt",
        "train.log",
        ".hydra/config.yaml",
        ".hydra/overrides.yaml",
        "checkpoints/last.ckpt",
    } <= names
    assert ".reserve" not in names


def test_run_json_says_what_was_run_and_what_came_out(trained: tuple[Path, Any]) -> None:
    (run,) = runs_in(trained[0])
    data = record(run)
    assert data["schema"] == 1
    assert data["id"] == run.name
    assert data["task"] == "train"
    assert data["status"] == "completed"
    assert data["tags"] == ["first", "tiny"]
    assert data["seed"] == 42
    assert "train.py" in data["command"]
    assert "tags=[first,tiny]" in data["overrides"]
    assert data["seconds"] > 0
    assert data["devices"] == {"accelerator": "cpu", "world_size": 1, "names": [], "threads": 1}
    assert {"train/loss", "val/loss", "val/acc", "val/acc_best", "test/loss", "test/acc"} <= set(
        data["metrics"]
    )
    assert data["best"]["epoch"] in (0, 1)
    assert (run / data["checkpoints"]["best"]).is_file()
    assert (run / data["checkpoints"]["last"]).is_file()
    assert data["error"] is None
    assert len(data["attempts"]) == 1


def test_the_saved_config_is_plain_and_resolved(trained: tuple[Path, Any]) -> None:
    (run,) = runs_in(trained[0])
    text = (run / "config.yaml").read_text()
    assert "${" not in text
    config = yaml.safe_load(text)
    assert config["paths"]["output_dir"] == str(run)
    assert config["trainer"]["max_epochs"] == 2


def test_metrics_are_a_csv_with_every_epoch(trained: tuple[Path, Any]) -> None:
    (run,) = runs_in(trained[0])
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows if row["val/loss"]] == ["0", "1"]
    assert (
        float(next(row["test/acc"] for row in rows if row["test/acc"])) == record(run)["metrics"]["test/acc"]
    )


def test_the_first_and_last_lines_say_where_the_run_is(trained: tuple[Path, Any]) -> None:
    project, done = trained
    (run,) = runs_in(project)
    assert f"run {run.name}" in done.stdout
    assert "test/acc" in done.stdout.splitlines()[-2]
    assert f"logs/train/runs/{run.name}" in done.stdout.splitlines()[-1]


def test_checkpoints_load_as_plain_data(trained: tuple[Path, Any]) -> None:
    (run,) = runs_in(trained[0])
    for file in (run / "checkpoints").glob("*.ckpt"):
        checkpoint = torch.load(file, weights_only=True)
        assert checkpoint["hyper_parameters"]["optimizer"]["_target_"] == "torch.optim.Adam"
        assert checkpoint["hyper_parameters"]["net"]["_target_"].endswith("MLP")


def test_the_same_seed_gives_the_same_bits_and_no_seed_is_drawn_and_recorded(
    trained: tuple[Path, Any],
) -> None:
    project = trained[0]
    first = runs_in(project)[0]
    run_script(project, "train.py", *TINY, "task_name=again")
    run_script(project, "train.py", *TINY, "task_name=drawn", "seed=null")
    (again,), (drawn,) = runs_in(project, "again"), runs_in(project, "drawn")
    assert record(again)["metrics"] == record(first)["metrics"]
    weights = [torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) for run in (first, again)]
    for name, tensor in weights[0]["state_dict"].items():
        assert torch.equal(tensor, weights[1]["state_dict"][name]), name
    assert isinstance(record(drawn)["seed"], int)
    assert record(drawn)["metrics"] != record(first)["metrics"]
    assert yaml.safe_load((drawn / "config.yaml").read_text())["seed"] == record(drawn)["seed"]


def test_training_goes_on_from_a_checkpoint(trained: tuple[Path, Any]) -> None:
    project = trained[0]
    last = runs_in(project)[0] / "checkpoints" / "last.ckpt"
    done = run_script(
        project, "train.py", *TINY, "task_name=resumed", f"ckpt_path={last}", "trainer.max_epochs=3"
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs_in(project, "resumed")
    before = torch.load(last, weights_only=True)
    after = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert before["global_step"] == 10
    assert after["global_step"] == 15


def test_a_sweep_gives_every_job_its_folder_and_the_best_value_back(project: Path) -> None:
    named = ("+model_name=${run_id:}", "strict=false")
    done = run_script(project, "train.py", "-m", *TINY, "seed=1,2", "test=false", *named)
    assert done.returncode == 0, done.stderr
    (sweep,) = (project / "logs" / "train" / "sweeps").iterdir()
    jobs = sorted(folder for folder in sweep.iterdir() if (folder / "run.json").exists())
    data = sorted((record(job) for job in jobs), key=lambda each: each["sweep"]["trial"])
    assert [each["seed"] for each in data] == [1, 2]
    assert [each["sweep"]["id"] for each in data] == [sweep.name] * 2
    assert data[0]["sweep"]["params"] == {"seed": "1"}
    assert all(each["status"] == "completed" for each in data)
    # What trackers call a run: not one name for all jobs.
    assert all(f"model_name: {job.name}\n" in (job / "config.yaml").read_text() for job in jobs)


def test_a_failed_training_is_recorded_and_exits_with_1(project: Path) -> None:
    module = project / "lightning_classes" / "models" / "components" / "broken.py"
    module.write_text(
        "import torch\n\n\nclass Broken(torch.nn.Linear):\n"
        "    def forward(self, x):\n        raise ZeroDivisionError('in the middle')\n"
    )
    target = "lightning_classes.models.components.broken.Broken"
    done = run_script(
        project,
        "train.py",
        *TINY,
        "~model.net",
        f"+model.net={{_target_: {target}, in_features: 64, out_features: 10}}",
    )
    assert done.returncode == 1
    (run,) = runs_in(project)
    data = record(run)
    assert data["status"] == "failed"
    assert data["error"]["type"] == "ZeroDivisionError"
    assert data["error"]["message"] == "in the middle"
    assert data["error"]["at"].endswith("broken.py:6")
    assert "broken.py" in done.stderr
    assert "ZeroDivisionError: in the middle" in done.stderr


def start(project: Path) -> "subprocess.Popen[str]":
    """A training that goes on until it is stopped."""
    command = [
        sys.executable,
        str(project / "lightning_classes" / "train.py"),
        *TINY,
        "trainer.max_epochs=100000",
    ]
    process = subprocess.Popen(
        command,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any((run / "checkpoints" / "last.ckpt").exists() for run in runs_in(project)):
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"training did not start: {process.communicate()}")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_as_interrupted(project: Path, sent: signal.Signals, code: int) -> None:
    process = start(project)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    (run,) = runs_in(project)
    data = record(run)
    assert data["status"] == "interrupted"
    assert (run / data["checkpoints"]["best"]).is_file()
    assert torch.load(run / data["checkpoints"]["last"], weights_only=True)["global_step"] > 0


def test_a_killed_run_is_shown_as_lost_and_keeps_what_it_had(project: Path) -> None:
    process = start(project)
    process.kill()
    process.communicate(timeout=60)
    (run,) = runs_in(project)
    assert record(run)["status"] == "running"
    assert read_run(run)["status"] == "lost"
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] > 0
    assert "val/loss" in (run / "metrics.csv").read_text().splitlines()[0]


def test_a_log_folder_that_cannot_be_written_is_named(project: Path) -> None:
    (project / "file").write_text("not a folder")
    done = run_script(project, "train.py", *TINY, f"paths.log_dir={project}/file/logs")
    assert done.returncode == 1
    assert f"{project}/file/logs" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_search_runs_every_point_of_its_grid(project: Path) -> None:
    done = run_script(project, "train.py", *TINY, "hparams_search=digits_grid", "test=false")
    assert done.returncode == 0, done.stderr
    (sweep,) = (project / "logs" / "train" / "sweeps").iterdir()
    jobs = [record(file.parent) for file in sorted(sweep.glob("*/run.json"))]
    points = {tuple(job["sweep"]["params"].values()) for job in jobs}
    assert len(jobs) == len(points) == 6
    assert all(job["best"]["metric"] == "val/loss" and "val/acc_best" in job["metrics"] for job in jobs)
