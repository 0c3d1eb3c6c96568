"""A project in the lightning-hydra-template's layout, with only its train.py and eval.py replaced by ours."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from processes import environment, record, runs_in

pytestmark = pytest.mark.slow

FIXTURE = Path(__file__).parents[1] / "fixtures" / "template_project"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "move-from-lightning-hydra-template.md"
# A clock that shows the same second to every run of this module.
STOPPED_CLOCK = r"hydra.run.dir=${paths.log_dir}/${task_name}/runs/${now:%Y}-01-01_00-00-00"

Done = subprocess.CompletedProcess[str]


def start(project: Path, script: str, *overrides: str) -> "subprocess.Popen[str]":
    """Start ``src/SCRIPT`` of the project from another working directory."""
    return subprocess.Popen(
        [sys.executable, str(project / "src" / script), *overrides, "extras.print_config=false"],
        cwd=project.parent,
        env=environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: "subprocess.Popen[str]") -> Done:
    out, error = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def run(project: Path, script: str, *overrides: str) -> Done:
    return finish(start(project, script, *overrides))


def succeeded(done: Done) -> Done:
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def plain_checkpoints(folder: Path) -> dict[str, dict[str, object]]:
    """Every checkpoint of a run but the one to resume from, loaded as weights and plain data."""
    files = sorted(set(folder.glob("checkpoints/*.ckpt")) - {folder / "checkpoints/resume.ckpt"})
    return {file.name: torch.load(file, weights_only=True) for file in files}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, after a run of the default config and one of the experiment in the same second."""
    root = tmp_path_factory.mktemp("template") / "project"
    shutil.copytree(FIXTURE, root, ignore=shutil.ignore_patterns("__pycache__"))
    overrides = [STOPPED_CLOCK, "+trainer.limit_train_batches=10"]
    processes = [
        start(root, "train.py", *overrides, "logger=csv", "trainer.max_epochs=2"),
        start(root, "train.py", *overrides, "logger=tensorboard", "experiment=example"),
    ]
    for process in processes:
        succeeded(finish(process))
    return root


@pytest.fixture(scope="module")
def default_run(project: Path) -> Path:
    return next(folder for folder in runs_in(project) if record(folder)["experiment"] is None)


@pytest.fixture(scope="module")
def experiment_run(project: Path) -> Path:
    return next(folder for folder in runs_in(project) if record(folder)["experiment"] == "example")


def test_runs_of_one_second_have_folders_of_their_own(project: Path) -> None:
    folders = runs_in(project)[:2]
    records = [record(folder) for folder in folders]
    assert {data["id"] for data in records} == {folder.name for folder in folders}
    assert {data["experiment"] for data in records} == {None, "example"}
    for folder in folders:
        assert len(plain_checkpoints(folder)) == 2
        assert yaml.safe_load((folder / "config.yaml").read_text())["paths"]["output_dir"] == str(folder)


def test_training_is_recorded_and_tested_with_the_best_checkpoint(default_run: Path) -> None:
    data = record(default_run)
    assert (data["task"], data["status"], data["tags"]) == ("train", "completed", ["dev"])
    assert isinstance(data["seed"], int)
    assert data["best"]["metric"] == "val/acc"
    assert data["best"]["value"] == data["metrics"]["val/acc_best"]
    best = f"checkpoints/epoch_{data['best']['epoch']:03d}.ckpt"
    assert data["checkpoints"] == {"best": best, "last": "checkpoints/last.ckpt"}
    assert data["metrics"].keys() >= {"train/loss", "val/acc", "test/loss", "test/acc"}
    with (default_run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["test/acc"]) == pytest.approx(data["metrics"]["test/acc"])


def test_checkpoints_of_modules_with_objects_as_hyper_parameters_are_plain(
    default_run: Path, experiment_run: Path
) -> None:
    for folder in (default_run, experiment_run):
        checkpoints = plain_checkpoints(folder)
        assert len(checkpoints) == 2
        for checkpoint in checkpoints.values():
            hyper_parameters = checkpoint["hyper_parameters"]
            assert hyper_parameters["net"]["_target_"].endswith("SimpleDenseNet")
            assert hyper_parameters["optimizer"]["_target_"] == "torch.optim.Adam"
            assert checkpoint["datamodule_hyper_parameters"]["train_val_test_split"] == [1200, 300, 297]


def test_an_experiment_with_settings_of_loggers_that_are_not_chosen_runs(experiment_run: Path) -> None:
    data = record(experiment_run)
    assert data["tags"] == ["digits", "simple_dense_net"]
    assert data["seed"] == 12345
    assert torch.load(experiment_run / "checkpoints/last.ckpt", weights_only=True)["epoch"] == 1


def test_the_loggers_of_the_project_write_where_they_did(default_run: Path, experiment_run: Path) -> None:
    assert "val/acc" in (default_run / "csv/version_0/metrics.csv").read_text().splitlines()[0]
    assert list((experiment_run / "tensorboard").rglob("events.out.tfevents.*"))
    assert not (default_run / "tensorboard").exists()


def test_a_multirun_with_fast_dev_run_records_every_job_and_saves_nothing(project: Path) -> None:
    succeeded(run(project, "train.py", "-m", "debug=fdr", "model.optimizer.lr=0.01,0.1"))
    (sweep,) = (project / "logs/debug/multiruns").iterdir()
    for number, rate in enumerate((0.01, 0.1)):
        folder = sweep / str(number)
        job = record(folder)
        assert (job["status"], job["task"]) == ("completed", "debug")
        assert (job["sweep"]["id"], job["sweep"]["trial"]) == (sweep.name, number)
        assert job["sweep"]["params"]["model.optimizer.lr"] == str(rate)
        assert job["checkpoints"] == {"best": None, "last": None}
        assert yaml.safe_load((folder / "config.yaml").read_text())["model"]["optimizer"]["lr"] == rate
        assert (folder / "debug.log").is_file()
        assert not list(folder.rglob("*.ckpt"))


def test_ddp_spawn_writes_one_record(project: Path) -> None:
    before = set(runs_in(project))
    succeeded(run(project, "train.py", "trainer=ddp_sim", "trainer.max_epochs=1"))
    (folder,) = set(runs_in(project)) - before
    data = record(folder)
    assert (data["status"], data["devices"]["world_size"]) == ("completed", 2)
    assert "test/acc" in data["metrics"]
    assert plain_checkpoints(folder).keys() == {"epoch_000.ckpt", "last.ckpt"}


def test_training_resumes_from_ckpt_path(project: Path, default_run: Path) -> None:
    before = set(runs_in(project))
    checkpoint = default_run / "checkpoints/last.ckpt"
    overrides = ["trainer.max_epochs=3", "+trainer.limit_train_batches=10", "test=false"]
    succeeded(run(project, "train.py", f"ckpt_path={checkpoint}", *overrides))
    (folder,) = set(runs_in(project)) - before
    resumed = plain_checkpoints(folder)["last.ckpt"]
    assert (resumed["epoch"], resumed["global_step"]) == (2, 30)
    assert "test/acc" not in record(folder)["metrics"]


def test_eval_repeats_the_test_of_a_checkpoint(project: Path, default_run: Path) -> None:
    trained = record(default_run)
    succeeded(run(project, "eval.py", f"ckpt_path={default_run / trained['checkpoints']['best']}"))
    (folder,) = runs_in(project, "eval")
    for name in ("test/loss", "test/acc"):
        assert record(folder)["metrics"][name] == trained["metrics"][name]


def test_eval_without_a_checkpoint_says_what_to_give(project: Path) -> None:
    done = run(project, "eval.py")
    assert done.returncode == 1
    assert "ckpt_path" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("script", ["train.py", "eval.py"])
def test_the_page_on_moving_a_project_shows_the_two_files_in_full(script: str) -> None:
    shown = (
        PAGE.read_text(encoding="utf-8").partition(f'```python title="src/{script}"\n')[2].partition("```")[0]
    )
    assert shown == (FIXTURE / "src" / script).read_text()
