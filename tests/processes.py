"""Scripts of a project, run as a user runs them: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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
