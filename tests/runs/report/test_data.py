from __future__ import annotations

import math
from pathlib import Path

from runs_on_disk import decaying, write_run

from hydra_lightning.runs.report.data import report_data, short_names
from hydra_lightning.runs.select import select


def test_runs_have_their_metrics_settings_that_differ_and_curves(log_dir: Path) -> None:
    for number, lr in enumerate([0.1, 0.01]):
        config = {"model": {"optimizer": {"lr": lr}, "width": 8}, "paths": {"log_dir": str(log_dir)}}
        write_run(log_dir, number, config, {"val/loss": lr}, decaying(lr))
    data = report_data(select(log_dir), "A title")
    first, second = data["runs"]
    assert data["settings"] == [{"name": "model.optimizer.lr", "short": "lr", "same": []}]
    assert (first["settings"], first["short"]) == ({"model.optimizer.lr": 0.1}, "0000")
    assert second["metrics"] == {"val/loss": 0.01}
    assert first["curves"]["y"]["val/loss"][1] == [0.9, 0.7, 0.5, 0.3, 0.1]
    assert (data["thinned"], data["problems"]) == (0, [])


def test_the_monitored_metric_comes_first_with_its_direction(log_dir: Path) -> None:
    best = {"metric": "val/quality", "value": 0.9, "epoch": 3, "mode": "max"}
    write_run(log_dir, 0, {}, {"train/loss": 1.0, "val/acc": 0.8, "val/quality": 0.7}, best=best)
    metrics = {each["name"]: each for each in report_data(select(log_dir), "A title")["metrics"]}
    assert next(iter(metrics)) == "best val/quality"
    assert [name for name, each in metrics.items() if each["lower"]] == ["train/loss"]
    assert metrics["best val/quality"]["monitors"] == "val/quality"


def test_what_is_broken_is_said_and_the_run_stays(log_dir: Path) -> None:
    no_config = write_run(log_dir, 0, {"lr": 1}, {"val/loss": 1.0})
    (no_config / "config.yaml").unlink()
    broken_curves = write_run(log_dir, 1, {"lr": 2}, {"val/loss": math.nan}, "step,loss\n0,1\n1,much\n")
    data = report_data(select(log_dir), "A title", problems=["one more"])
    assert [run["id"] for run in data["runs"]] == [no_config.name, broken_curves.name]
    assert data["runs"][1]["metrics"] == {"val/loss": "nan"}
    assert data["problems"][0] == "one more"
    assert "has no config.yaml" in data["problems"][1]
    assert "metrics.csv:3" in data["problems"][2]


def test_long_curves_are_thinned_and_that_is_said(log_dir: Path) -> None:
    rows = "".join(f"{step},{step % 7}\n" for step in range(5000))
    write_run(log_dir, 0, {}, {"loss": 1.0}, f"step,loss\n{rows}")
    data = report_data(select(log_dir), "A title")
    assert data["thinned"] == 1000
    assert len(data["runs"][0]["curves"]["y"]["loss"][1]) <= 1002


def test_too_few_runs_are_called_too_few(log_dir: Path) -> None:
    for number in range(4):
        write_run(log_dir, number, {"lr": number % 2}, {"val/loss": float(number)})
    text = report_data(select(log_dir), "A title")["importance"]["val/loss"]["text"]
    assert text.startswith("Too few runs: 4 of this report have val/loss")


def test_the_environment_says_which_run_has_what(log_dir: Path) -> None:
    for number in range(3):
        folder = write_run(log_dir, number, {}, {}, host="other" if number == 2 else "laptop")
    (folder / "requirements.txt").write_text("torch==3.0\nextra==1\n")
    rows = {each["name"]: each for each in report_data(select(log_dir), "A title")["environment"]}
    assert rows["host"] == {"name": "host", "values": ["laptop", "other"], "of": [0, 0, 1]}
    assert rows["torch"]["values"] == ["2.9.0", "3.0"]
    assert rows["extra"]["of"] == [None, None, 0]
    assert rows["git commit"]["values"] == ["01234567 main"]


def test_the_shortest_name_that_is_clear() -> None:
    keys = ["model.optimizer.lr", "model.net._target_", "data.net.size", "model.net.size", "seed"]
    assert list(short_names(keys).values()) == [
        "lr",
        "net._target_",
        "data.net.size",
        "model.net.size",
        "seed",
    ]
