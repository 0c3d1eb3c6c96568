"""Scripts of a project, run as a user runs them: in processes of their own."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forkserver import ForkServer

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


@functools.cache
def fork_server() -> ForkServer:
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    server = ForkServer(environment(), Path(folder.name) / "socket")
    atexit.register(server.close)
    return server


def run_script(
    project: Path, script: str, *overrides: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``lightning_classes/SCRIPT`` of a project in a process of its own, from another working directory."""
    path = project / "lightning_classes" / script
    return fork_server().run(path, list(overrides), cwd or project.parent, environment(**(env or {})))


def run_afresh(project: Path, script: str, *overrides: str) -> subprocess.CompletedProcess[str]:
    """The same in a new interpreter, as a user starts it."""
    return subprocess.run(
        [sys.executable, str(project / "lightning_classes" / script), *overrides],
        cwd=project.parent,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def runs_in(project: Path, task: str = "train") -> list[Path]:
    """The run folders of a task, oldest first."""
    return sorted((project / "logs" / task / "runs").glob("*"))


def record(run: Path) -> dict[str, Any]:
    return json.loads((run / "run.json").read_text())
