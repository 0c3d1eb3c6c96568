"""Evaluating a run: its saved config and best checkpoint, with overrides on top."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import TINY, record, run_script, runs_in
from safetensors.torch import load_file

from hydra_lightning.scaffold.new import new_project

QUIET = ["extras.print_config=false", "+trainer.enable_progress_bar=false"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one run of a network that is not the default one."""
    project = new_project(tmp_path_factory.mktemp("evaluate") / "project").root
    done = run_script(project, "train.py", *TINY, "model.net.hidden_sizes=[32]")
    assert done.returncode == 0, done.stderr
    return project


def newest(project: Path) -> tuple[Path, dict[str, Any]]:
    run = runs_in(project, "eval")[-1]
    return run, record(run)


@pytest.mark.parametrize("reference", ["@last", "id", "suffix", "folder"])
def test_a_run_is_tested_with_its_own_config_and_best_checkpoint(trained: Path, reference: str) -> None:
    (run,) = runs_in(trained)
    named = {"@last": "@last", "id": run.name, "suffix": run.name[-4:], "folder": str(run)}[reference]
    done = run_script(trained, "eval.py", f"run='{named}'", *QUIET)
    assert done.returncode == 0, done.stderr
    folder, data = newest(trained)
    assert data["status"] == "completed"
    assert data["task"] == "eval"
    # The training tested on two batches, as its saved config says; so does this.
    assert data["metrics"] == {
        name: value for name, value in record(run)["metrics"].items() if name.startswith("test/")
    }
    assert "hidden_sizes:\n    - 32" in (folder / "config.yaml").read_text()


def test_validation_of_a_checkpoint_file_with_overrides_on_top(trained: Path) -> None:
    (run,) = runs_in(trained)
    best = run / record(run)["checkpoints"]["best"]
    done = run_script(
        trained,
        "eval.py",
        f"run={run.name}",
        f"ckpt_path={best}",
        "mode=validate",
        "data.batch_size=16",
        *QUIET,
    )
    assert done.returncode == 0, done.stderr
    folder, data = newest(trained)
    assert set(data["metrics"]) == {"val/loss", "val/acc", "val/acc_best"}
    assert "batch_size: 16" in (folder / "config.yaml").read_text()


def test_predictions_are_a_parquet_table(trained: Path) -> None:
    pandas = pytest.importorskip("pandas")
    done = run_script(trained, "eval.py", "run=@last", "mode=predict", *QUIET)
    assert done.returncode == 0, done.stderr
    folder, data = newest(trained)
    table = pandas.read_parquet(folder / "predictions.parquet")
    assert len(table) > 300
    assert set(table["prediction"]) <= set(range(10))
    assert table["probability"].between(0, 1).all()
    assert data["status"] == "completed"


def test_predictions_as_safetensors_are_the_same(trained: Path) -> None:
    pandas = pytest.importorskip("pandas")
    run_script(trained, "eval.py", "run=@last", "mode=predict", *QUIET)
    table = pandas.read_parquet(newest(trained)[0] / "predictions.parquet")
    done = run_script(trained, "eval.py", "run=@last", "mode=predict", "predictions=safetensors", *QUIET)
    assert done.returncode == 0, done.stderr
    tensors = load_file(newest(trained)[0] / "predictions.safetensors")
    assert torch.equal(tensors["prediction"], torch.tensor(table["prediction"].to_numpy()))
    assert torch.equal(tensors["probability"], torch.tensor(table["probability"].to_numpy()))


def test_a_checkpoint_alone_needs_its_config_from_the_command_line(trained: Path) -> None:
    (run,) = runs_in(trained)
    best = run / record(run)["checkpoints"]["best"]
    done = run_script(trained, "eval.py", f"ckpt_path={best}", *QUIET)
    assert done.returncode == 1
    assert (
        "does not fit lightning_classes.models.digits_module.DigitsModule as it is configured" in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert newest(trained)[1]["status"] == "failed"
    done = run_script(trained, "eval.py", f"ckpt_path={best}", "model.net.hidden_sizes=[32]", *QUIET)
    assert done.returncode == 0, done.stderr


def test_a_project_that_was_moved_still_evaluates_its_runs(trained: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(trained, moved)
    done = run_script(moved, "eval.py", "run=@last", *QUIET)
    assert done.returncode == 0, done.stderr
    folder, _ = newest(moved)
    assert str(trained) not in (folder / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ([], ["run=ID", "ckpt_path=FILE"]),
        (["run=nothing-like-it"], ["No run 'nothing-like-it'", "The newest"]),
        (["run=@last", "mode=tset"], ["mode: 'tset'", "Did you mean test?"]),
        (
            ["run=@last", "mode=predict", "predictions=csv"],
            ["predictions: 'csv' is none of parquet, safetensors"],
        ),
        (["run=@last", "+experiment=digits"], ["experiment"]),
        (["ckpt_path=/nowhere/x.ckpt"], ["/nowhere/x.ckpt"]),
    ],
)
def test_a_mistake_is_one_clear_message(trained: Path, overrides: list[str], parts: list[str]) -> None:
    done = run_script(trained, "eval.py", *overrides, *QUIET)
    assert done.returncode == 1
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_no_run_with_a_checkpoint_is_said_so(project: Path) -> None:
    assert run_script(project, "train.py", "debug=fdr", "+trainer.enable_progress_bar=false").returncode == 0
    done = run_script(project, "eval.py", "run=@last", *QUIET)
    assert done.returncode == 1
    assert "wrote a checkpoint" in done.stderr


def test_a_corrupt_checkpoint_is_named(trained: Path, tmp_path: Path) -> None:
    (run,) = runs_in(trained)
    whole = (run / record(run)["checkpoints"]["best"]).read_bytes()
    (tmp_path / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    done = run_script(trained, "eval.py", f"run={run.name}", f"ckpt_path={tmp_path}/half.ckpt", *QUIET)
    assert done.returncode == 1
    assert f"{tmp_path}/half.ckpt" in done.stderr
    assert "Traceback" not in done.stderr
