"""`hydra-lightning doctor` says what a bug report needs, and what is broken, without telling what is private."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from packaging.requirements import Requirement
from typer.testing import CliRunner

from hydra_lightning.cli import app
from hydra_lightning.config.resolvers import machine
from hydra_lightning.scaffold.new import BARE, new_project
from hydra_lightning.tasks import doctor
from hydra_lightning.tasks.doctor import diagnose, unfit


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments])


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without an example in a home folder, and a token in the environment."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_API_KEY", "s3cret")
    return new_project(tmp_path / "project", BARE).root


def test_a_project_that_is_well(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ("git", "-C", str(bare), "-c", "user.name=a", "-c", "user.email=a@b.c")
    for command in (("init", "-q", "-b", "trunk"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run([*git, *command], check=True)
    monkeypatch.chdir(bare / "lightning_classes")
    before = sorted(bare.rglob("*"))
    done = run()
    assert done.exit_code == 0, done.output
    facts = dict(re.findall(r"^  (\S.*?) {2,}(.*)$", done.output, re.MULTILINE))
    for name in ("hydra-lightning", "hydra-core", "omegaconf", "torch", "lightning", "torchmetrics", "numpy"):
        assert facts[name] == importlib.metadata.version(name)
    assert facts["root"] == "~/project"
    assert facts["repository"].endswith("on trunk, clean")
    assert {facts[folder].split(", ")[1] for folder in ("logs", "data", "model")} == {"writable"}
    assert int(facts["combinations checked"]) > 2
    assert "torch build" in facts
    assert done.output.endswith("\nno problems\n")
    assert str(bare.parent) not in done.output
    assert "s3cret" not in done.output
    assert "\x1b" not in done.output
    assert "torch" not in _imported_by("from hydra_lightning.tasks.doctor import diagnose")
    assert [path for path in sorted(bare.rglob("*")) if path.suffix != ".pyc"] == before


def test_what_is_broken_is_told_with_what_mends_it(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bare / "configs/experiment/wide.yaml").write_text("# @package _global_\ntrainr: {max_epochs: 3}\n")
    (bare / "logs/.gitkeep").unlink()
    (bare / "logs").rmdir()
    (bare / "logs").write_text("a file in its place")
    (bare / "configs/local/default.yaml").write_text(
        f"# @package _global_\npaths: {{data_dir: {bare.parent}/elsewhere/data}}\n"
    )
    (bare / "dev").mkdir()
    (bare / "dev/nvidia0").touch()
    monkeypatch.setattr(machine, "ROOT", bare)
    done = run("--project", str(bare), "--format", "json")
    assert done.exit_code == 1
    told = json.loads(done.output)
    assert told["project"]["logs"] == "logs, not writable"
    assert told["project"]["data"].startswith("~/elsewhere/data, writable, ")
    assert told["accelerators"]["found"] == "1"
    problems = {each["problem"]: each["remedy"] for each in told["problems"]}
    logs = next(problem for problem in problems if problem.startswith("~/project/logs cannot be written: "))
    assert "paths.log_dir=" in problems[logs]
    configs = next(problem for problem in problems if problem.startswith("train.yaml experiment=wide: "))
    assert "Did you mean trainer?" in configs
    assert problems[configs].endswith("hydra-lightning check --all")
    if told["accelerators"]["torch build"] == "CPU":
        unused = "this machine has accelerators (1), and torch (CPU build) can use none"
        assert "https://pytorch.org" in problems[unused]
    assert str(bare.parent) not in done.output


def test_outside_a_project_it_says_so_and_does_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise ImportError('libcudart.so.13: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    done = run()
    assert done.exit_code == 1
    assert "none here" in done.output
    assert "hydra-core" in done.output
    assert "problem: torch cannot be used: ImportError: libcudart.so.13: cannot open" in done.output
    assert "   mend: install it anew: https://pytorch.org" in done.output


def test_a_project_that_is_asked_for_and_is_none_is_refused(tmp_path: Path) -> None:
    done = run("--project", str(tmp_path))
    assert done.exit_code == 1
    assert "not in a project" in str(done.exception)


def test_a_full_disk_is_a_problem(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LITTLE_SPACE", 2**62)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert any("has only" in finding.problem for finding in diagnose(bare).findings)


WANTED = [
    Requirement("lightning>=2.6.4"),
    Requirement("torch>=2.6"),
    Requirement("wandb>=0.18; extra == 'wandb'"),
]


@pytest.mark.parametrize(
    ("installed", "problems"),
    [
        ({"lightning": "2.6.6", "torch": "2.13.0+cpu"}, []),
        ({"lightning": "2.6.6", "torch": "2.14.0.dev20261001", "wandb": "0.31.0"}, []),
        ({"lightning": "2.6.2", "torch": "2.6.0"}, ["lightning 2.6.2 is a malicious release"]),
        ({"lightning": "2.6.3", "torch": "2.6.0"}, ["lightning 2.6.3 is a malicious release"]),
        ({"lightning": "2.5.0", "torch": "2.6.0"}, ["lightning 2.5.0 is not >=2.6.4"]),
        ({"lightning": "2.6.6", "torch": "2.6.0", "wandb": "0.17.1"}, ["wandb 0.17.1 is not >=0.18"]),
        ({"lightning": "2.6.6"}, ["torch is not installed"]),
    ],
)
def test_versions_are_held_against_what_is_required(installed: dict[str, str], problems: list[str]) -> None:
    found = list(unfit(WANTED, installed.get))
    assert [finding.problem for finding in found] == problems
    assert all(finding.remedy.startswith("pip install '") for finding in found)


def _imported_by(code: str) -> str:
    command = [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
