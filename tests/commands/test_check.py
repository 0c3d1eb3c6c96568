"""``hydra-lightning check`` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment
from typer.testing import CliRunner, Result

from hydra_lightning.cli import app
from hydra_lightning.errors import ConfigError, ProjectError


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def test_a_sound_project(shared_project: Path) -> None:
    done = check("--project", str(shared_project))
    assert (done.exit_code, done.stdout) == (0, "train.yaml: no problems\n")
    done = check(
        "experiment=digits", "--config-name", "train.yaml", "--project", str(shared_project / "configs")
    )
    assert (done.exit_code, done.stdout) == (0, "train.yaml experiment=digits: no problems\n")


def test_problems_as_text_and_as_json(shared_project: Path) -> None:
    arguments = ["trainer.max_epochs=ten", "--project", str(shared_project)]
    done = check(*arguments)
    assert done.exit_code == 1
    assert done.stdout.startswith(
        "1 problem\n\ncommand line\n       trainer.max_epochs=ten  lightning.pytorch.Trainer"
    )
    done = check(*arguments, "--format", "json")
    assert done.exit_code == 1
    (problem,) = json.loads(done.stdout)
    assert problem["key"] == "trainer.max_epochs"
    assert problem["override"] == "trainer.max_epochs=ten"
    assert problem["level"] == "error"
    assert problem["signature"].startswith("lightning.pytorch.Trainer(")


def test_all_names_what_was_composed(project: Path) -> None:
    (project / "configs" / "experiment" / "big.yaml").write_text("# @package _global_\nsead: 3\n")
    done = check("--all", "--project", str(project))
    assert done.exit_code == 1
    assert "train.yaml experiment=digits: no problems\n" in done.stdout
    assert (
        "train.yaml experiment=big: 1 problem\n\nconfigs/experiment/big.yaml\n    2  sead  no such key"
        in done.stdout
    )
    listed = json.loads(check("--all", "--format", "json", "--project", str(project)).stdout)
    (broken,) = [each for each in listed if each["composed"] == "train.yaml experiment=big"]
    assert [each["line"] for each in broken["problems"]] == [2]


def test_warnings_are_no_failure(shared_project: Path) -> None:
    done = check("optimized_metric=val/accc", "--project", str(shared_project))
    assert done.exit_code == 0
    assert done.stdout.startswith("1 warning\n")


def test_bad_calls_are_refused(shared_project: Path, tmp_path: Path) -> None:
    project = ["--project", str(shared_project)]
    assert isinstance(check("--format", "xml", *project).exception, ConfigError)
    assert isinstance(check("--all", "seed=3", *project).exception, ConfigError)
    assert isinstance(check("--project", str(tmp_path)).exception, ProjectError)


@pytest.mark.parametrize("arguments", [["check"], ["check", "--all"]])
def test_the_check_imports_nothing_heavy(shared_project: Path, arguments: list[str]) -> None:
    program = (
        "import sys\nfrom hydra_lightning.cli import app\n"
        f"app({arguments!r}, standalone_mode=False)\n"
        "assert not {'torch', 'lightning', 'griffe', 'torchmetrics'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=shared_project, env=environment(), check=True)
