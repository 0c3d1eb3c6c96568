"""Real projects and real processes for the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from hydra_lightning.scaffold.new import new_project

Script = Callable[..., "subprocess.CompletedProcess[str]"]

# What makes a run of the digits example take a second: two epochs of five batches.
TINY = [
    "extras.print_config=false",
    "trainer.max_epochs=2",
    "+trainer.limit_train_batches=5",
    "+trainer.limit_val_batches=2",
    "+trainer.limit_test_batches=2",
    "+trainer.enable_progress_bar=false",
    "+trainer.enable_model_summary=false",
    "callbacks=model_checkpoint",
]


def environment(**more: str) -> dict[str, str]:
    """The environment of a child process: one thread, no terminal width, nothing inherited from a run."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "COMET", "PYTEST"))
    }
    kept.pop("PROJECT_ROOT", None)
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "120"} | more


def run_script(
    project: Path, script: str, *overrides: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run ``lightning_classes/SCRIPT`` of a project in a process of its own, from another working directory."""
    command = [sys.executable, str(project / "lightning_classes" / script), *overrides]
    return subprocess.run(
        command,
        cwd=options.pop("cwd", project.parent),
        env=environment(**options.pop("env", {})),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )


def runs_in(project: Path, task: str = "train") -> list[Path]:
    """The run folders of a task, oldest first."""
    return sorted((project / "logs" / task / "runs").glob("*"))


def record(run: Path) -> dict[str, Any]:
    return json.loads((run / "run.json").read_text())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project with the digits example, for one test alone."""
    return new_project(tmp_path / "project", "digits").root


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the digits example that tests only read configs from."""
    return new_project(tmp_path_factory.mktemp("shared") / "project", "digits").root


@pytest.fixture(autouse=True)
def _forget_hydra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no composed config, project path or module of a project to the next test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
    for name in [name for name in sys.modules if name.split(".")[0] == "lightning_classes"]:
        del sys.modules[name]
