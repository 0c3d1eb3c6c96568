"""Options that change what a training does, trained for real through the Python API."""

import csv
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import TINY, record, runs_in

import hydra_lightning
from hydra_lightning.errors import CheckpointError, ConfigError, RunError

# TINY switches the progress bar and the summary off, which callbacks that show them do not go with.
QUIET_CALLBACKS = ["callbacks.rich_progress_bar=null", "callbacks.model_summary=null"]


def train(project: Path, *overrides: str) -> tuple[float | None, dict[str, Any], Path]:
    """Train in this process; the optimised metric, the record and the folder of the run."""
    config = hydra_lightning.compose(project, [*TINY, *overrides])
    value = hydra_lightning.train(config)
    task = str(config.task_name)
    run = runs_in(project, task)[-1]
    return value, record(run), run


def test_the_optimised_metric_is_returned(project: Path) -> None:
    value, data, _ = train(project, "optimized_metric=test/acc")
    assert value == data["metrics"]["test/acc"]
    assert train(project, "optimized_metric=null")[0] is None


@pytest.mark.parametrize("name", ["default", "fdr", "limit", "overfit", "profiler"])
def test_debug_options_train_without_loggers_in_a_folder_of_their_own(project: Path, name: str) -> None:
    config = hydra_lightning.compose(
        project, [f"debug={name}", "trainer.max_epochs=1", "+trainer.enable_progress_bar=false"]
    )
    hydra_lightning.train(config)
    (run,) = runs_in(project, "debug")
    assert record(run)["status"] == "completed"
    assert not runs_in(project)
    wrote_checkpoints = bool(list(run.rglob("*.ckpt")))
    assert wrote_checkpoints == (name != "fdr")


def test_the_profiler_prints_where_the_time_went(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        hydra_lightning.train(
            hydra_lightning.compose(project, ["debug=profiler", "+trainer.limit_train_batches=2"])
        )
    assert "Profiler Report" in caplog.text


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_precision(project: Path, precision: str) -> None:
    _, data, run = train(project, f"trainer.precision={precision}", "test=false")
    assert data["status"] == "completed"
    weights = torch.load(run / data["checkpoints"]["last"], weights_only=True)["state_dict"]
    expected = {"bf16-mixed": torch.float32, "bf16-true": torch.bfloat16, "64-true": torch.float64}[precision]
    assert {tensor.dtype for name, tensor in weights.items() if name.endswith("weight")} == {expected}


@pytest.mark.slow
def test_a_compiled_model_writes_a_checkpoint_for_the_uncompiled_one(project: Path) -> None:
    _, data, run = train(project, "model.compile=true", "model.net.hidden_sizes=[16]")
    assert data["status"] == "completed"
    keys = torch.load(run / data["checkpoints"]["best"], weights_only=True)["state_dict"]
    assert not [key for key in keys if "_orig_mod" in key]
    config = hydra_lightning.compose(
        project, [f"run={run}", "+trainer.enable_progress_bar=false"], "eval.yaml"
    )
    assert hydra_lightning.evaluate(config)["test/acc"] == pytest.approx(data["metrics"]["test/acc"])


def test_moving_averages_are_what_is_tested_and_saved(project: Path) -> None:
    _, data, run = train(project, *QUIET_CALLBACKS, "callbacks=ema")
    checkpoint = torch.load(run / data["checkpoints"]["best"], weights_only=True)
    assert checkpoint["current_model_state"]
    config = hydra_lightning.compose(
        project, [f"run={run}", "+trainer.enable_progress_bar=false"], "eval.yaml"
    )
    assert hydra_lightning.evaluate(config)["test/loss"] == pytest.approx(data["metrics"]["test/loss"])


def test_no_callbacks_still_leave_a_checkpoint_in_the_run(project: Path) -> None:
    _, data, run = train(project, "callbacks=none")
    assert data["best"] is None
    assert (run / data["checkpoints"]["best"]).is_file()


def test_the_learning_rate_is_logged_when_asked_for(project: Path) -> None:
    _, _, run = train(
        project, *QUIET_CALLBACKS, "callbacks=learning_rate_monitor", "trainer.log_every_n_steps=1"
    )
    assert "lr-Adam" in (run / "metrics.csv").read_text().splitlines()[0]


def test_many_loggers_at_once(project: Path) -> None:
    _, data, run = train(project, "logger=many", "test=false")
    assert data["status"] == "completed"
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))
    assert (run / "metrics.csv").is_file()


def test_a_scheduler_per_step_and_weight_decay_that_spares_biases(project: Path) -> None:
    _, data, run = train(
        project,
        "model.optimizer.weight_decay=0.1",
        "~model.scheduler",
        "+model.scheduler={_target_: torch.optim.lr_scheduler.LinearLR, _partial_: true, total_iters: 10}",
        "model.lr_scheduler_config.interval=step",
    )
    checkpoint = torch.load(run / data["checkpoints"]["last"], weights_only=True)
    groups = checkpoint["optimizer_states"][0]["param_groups"]
    assert sorted(group["weight_decay"] for group in groups) == [0.0, 0.1]
    assert checkpoint["lr_schedulers"][0]["last_epoch"] == 10


def test_evaluation_only_tests_a_checkpoint(project: Path) -> None:
    _, first, run = train(project)
    _, again, _ = train(project, "train=false", f"ckpt_path={run / first['checkpoints']['best']}")
    assert again["metrics"] == {
        name: value for name, value in first["metrics"].items() if name.startswith("test/")
    }


def test_a_folder_with_a_run_is_never_used_again(project: Path) -> None:
    _, first, run = train(project, "test=false")
    with pytest.raises(RunError, match="already holds a run"):
        hydra_lightning.train(hydra_lightning.compose(project, [*TINY, f"paths.output_dir={run}"]))
    assert record(run) == first


def test_resuming_from_a_missing_checkpoint_names_those_that_are_there(project: Path) -> None:
    _, _, run = train(project, "test=false")
    with pytest.raises(CheckpointError, match=r"last\.ckpt"):
        train(project, f"ckpt_path={run}/checkpoints/lost.ckpt")


def test_data_that_is_not_there_is_named(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"~data +nothing is chosen here, and a run needs it: data=NAME"):
        train(project, "~data")


def test_a_training_that_ends_before_the_first_validation_is_no_mistake(project: Path) -> None:
    _, data, run = train(
        project,
        *QUIET_CALLBACKS,
        "callbacks=default",
        "trainer.max_epochs=-1",
        "+trainer.max_steps=2",
        "optimized_metric=null",
    )
    assert data["status"] == "completed"
    assert (run / "checkpoints" / "last.ckpt").is_file()


def test_the_model_is_validated_before_it_is_trained_where_that_is_wanted(project: Path) -> None:
    _, data, run = train(project, "validate=true", "test=false", "logger=csv")
    steps = [
        int(row["step"])
        for row in csv.DictReader((run / "metrics.csv").read_text().splitlines())
        if row.get("val/loss")
    ]
    assert data["status"] == "completed"
    assert steps[0] == 0 < steps[-1]
