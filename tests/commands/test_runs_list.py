"""``runs list``, ``runs show`` and ``runs best`` as a user types them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hydra_lightning.cli import app
from hydra_lightning.commands.runs_show import size_of, sparkline
from hydra_lightning.errors import RunError


def write_run(folder: Path, lr: float, **fields: Any) -> Path:
    data = {
        "schema": 1,
        "id": folder.name,
        "task": "train",
        "experiment": "digits",
        "tags": ["dev"],
        "status": "completed",
        "created": f"{folder.name[:10]}T{folder.name[11:19].replace('-', ':')}+00:00",
        "ended": None,
        "seconds": 14.2,
        "command": "python train.py",
        "overrides": [f"model.lr={lr}"],
        "seed": 42,
        "git": {"commit": "4ce4395aaaa", "branch": "main", "dirty": True},
        "host": "box",
        "python": "3.11.7",
        "devices": {"accelerator": "cpu", "world_size": 1, "names": [], "threads": 1},
        "metrics": {},
        "best": None,
        "checkpoints": {"best": None, "last": None},
        "sweep": None,
        "attempts": [],
        "error": None,
        "process": {"pid": 1, "started": "1", "space": "another machine"},
    }
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(data | fields))
    (folder / "config.yaml").write_text(f"seed: 42\nmodel:\n  lr: {lr}\n  width: 64\n")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project as small as one can be, with three runs."""
    (tmp_path / "configs/paths").mkdir(parents=True)
    (tmp_path / "configs/train.yaml").write_text("defaults:\n  - paths: default\n")
    (tmp_path / "configs/paths/default.yaml").write_text(
        "root_dir: ${oc.env:PROJECT_ROOT}\nlog_dir: ${paths.root_dir}/logs\n"
    )
    runs = tmp_path / "logs/train/runs"
    best = {"metric": "val/acc", "value": 0.983, "mode": "max", "epoch": 8}
    good = write_run(
        runs / "2026-01-03_10-00-00_k3f9", 0.001, metrics={"val/acc": 0.97, "test/acc": 0.978}, best=best
    )
    (good / "metrics.csv").write_text("epoch,step,val/acc\n0,1,0.5\n1,2,0.9\n2,3,0.97\n")
    write_run(
        runs / "2026-01-02_10-00-00_p0aa", 0.3, status="pruned", metrics={"val/acc": "nan"}, tags=["slow"]
    )
    error = {"type": "OutOfMemoryError", "message": "no memory\nleft", "at": "model.py:7"}
    write_run(runs / "2026-01-01_10-00-00_zz81", 0.1, status="failed", error=error)
    return tmp_path


def runs(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", *arguments, "--project", str(home)], env={"COLUMNS": ""})


def test_the_list_shows_what_differs(home: Path) -> None:
    lines = runs(home, "list", "--best", "val/acc").stdout.splitlines()
    assert lines[0].replace("  ", " ").split() == (
        ["id", "experiment", "status", "lr", "val/acc", "↑", "test/acc", "tags", "when", "error"]
    )
    assert lines[1].split()[:6] == ["k3f9", "digits", "completed", "0.001", "0.983", "0.978"]
    assert [line.split()[0] for line in lines[1:]] == ["k3f9", "p0aa", "zz81"]
    assert lines[3].endswith("OutOfMemoryError")


def test_filters_sort_limit_and_columns(home: Path) -> None:
    assert runs(home, "list", "lr<0.2", "--columns", "id,status").stdout.split() == (
        ["id", "status", "k3f9", "completed", "zz81", "failed"]
    )
    by_rate = runs(home, "list", "--sort", "-lr", "-n", "2", "--format", "csv")
    assert [row["model.lr"] for row in csv.DictReader(io.StringIO(by_rate.stdout))] == ["0.3", "0.1"]
    assert "1 more: --limit 0 shows all" in by_rate.stderr
    assert "No run fulfils that." in runs(home, "list", "status=lost").stderr
    assert runs(home, "list", "status=lost", "--format", "json").stdout == "[]\n"


def test_json_has_everything(home: Path) -> None:
    first, second, _ = json.loads(runs(home, "list", "--format", "json").stdout)
    assert first["folder"] == str(home / "logs/train/runs/2026-01-03_10-00-00_k3f9")
    assert first["settings"] == {"seed": 42, "model.lr": 0.001, "model.width": 64}
    assert first["best"]["value"] == 0.983
    assert second["metrics"]["val/acc"] == "nan"


def test_broken_records_are_warnings(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = home / "logs/train/runs/2026-01-02_10-00-00_p0aa"
    (broken / "run.json").write_text('{"schema": 1, "id"')
    done = runs(home, "list")
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 3
    assert f"{broken}/run.json is broken" in caplog.text
    shown = runs(home, "show", "p0aa")
    assert isinstance(shown.exception, RunError)
    assert "is broken" in str(shown.exception)


def test_wrong_filters_keys_and_metrics_are_errors(home: Path) -> None:
    for arguments in (
        ["list", "statos=failed"],
        ["list", "--sort", "nope"],
        ["list", "--best", "nope"],
        ["best", "x"],
    ):
        assert isinstance(runs(home, *arguments).exception, RunError)


def test_a_run_is_shown_whole(home: Path) -> None:
    text = runs(home, "show", "@best:val/acc").stdout
    assert text.startswith("2026-01-03_10-00-00_k3f9  completed")
    for part in (
        "train · digits · dev · seed 42",
        "4ce4395 main, with changes, see git.diff",
        "val/acc        0.97  ▁▇█  0.5 … 0.97  best 0.983 at epoch 8",
        "overridden\nmodel.lr     0.001\n",
        "metrics.csv",
    ):
        assert part in text
    failed = runs(home, "show", "zz81").stdout
    assert "OutOfMemoryError: no memory" in failed
    assert "model.py:7" in failed
    data = json.loads(runs(home, "show", "k3f9", "--format", "json").stdout)
    assert data["curves"]["val/acc"] == {"step": [1, 2, 3], "value": [0.5, 0.9, 0.97]}
    assert "model.lr,0.001" in runs(home, "show", "k3f9", "--format", "csv").stdout


def test_what_is_gone_from_a_run_is_said(home: Path) -> None:
    folder = home / "logs/train/runs/2026-01-03_10-00-00_k3f9"
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(
        json.dumps(record | {"checkpoints": {"best": "checkpoints/x.ckpt", "last": None}})
    )
    (folder / "config.yaml").unlink()
    text = runs(home, "show", "k3f9").stdout
    assert "checkpoints/x.ckpt is gone, the best checkpoint" in text
    assert "has no config.yaml" in text


def test_the_best_run_is_one_line_and_its_folder(home: Path) -> None:
    lines = runs(home, "best", "val/acc").stdout.splitlines()
    assert lines[1].startswith("k3f9")
    assert lines[2] == str(home / "logs/train/runs/2026-01-03_10-00-00_k3f9")
    assert json.loads(runs(home, "best", "val/acc", "--format", "json").stdout)[0]["id"].endswith("k3f9")


def test_a_sparkline_is_as_wide_as_asked_and_marks_what_is_no_number() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert len(sparkline(list(range(1000)), 20)) == 20
    assert sparkline([1.0, float("nan"), 1.0], 8) == "▁×▁"


@pytest.mark.parametrize(
    ("size", "text"), [(51, "51 B"), (1400, "1.4 kB"), (289_000, "289 kB"), (25e6, "25 MB")]
)
def test_sizes_have_units(size: float, text: str) -> None:
    assert size_of(size) == text
