import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., str]:
    """Run ``lightning_classes/NAME`` with overrides; its runs go to ``tmp_path / "logs"``. Return what it printed."""

    def run(name: str, *overrides: str) -> str:
        command = [
            sys.executable,
            f"lightning_classes/{name}",
            f"paths.log_dir={tmp_path / 'logs'}",
            *overrides,
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
