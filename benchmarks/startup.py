"""Wall time from the start of a process to the first training step, every time in a fresh process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hydra_lightning.scaffold.new import new_project

HERE = Path(__file__).parent
CALLBACK = """from lightning.pytorch import Callback

from first_step import write_mark


class FirstStep(Callback):
    def on_train_batch_end(self, *args, **kwargs):
        write_mark()
"""
TRAIN_ONE_STEP = (
    "+callbacks.first_step._target_=lightning_classes.utils.first_step_callback.FirstStep",
    "trainer.max_epochs=1",
    "+trainer.limit_train_batches=1",
    "test=false",
)


@dataclass(frozen=True)
class Startup:
    """What was measured of one command.

    Attributes:
        name: what it does.
        seconds: from the start of its process to the mark, one a repetition.
    """

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measure_startup(folder: Path, repetitions: int) -> list[Startup]:
    """Run every command once to warm the file cache, then ``repetitions`` times, in turns.

    Args:
        folder: where a project with the digits example is written.
        repetitions: how often each command is timed.
    """
    project = new_project(folder / "project", "digits").root
    (project / "lightning_classes" / "utils" / "first_step_callback.py").write_text(CALLBACK)
    imports = "import {module}; from first_step import write_mark; write_mark()"
    commands = {
        "`import torch`": ["-c", imports.format(module="torch")],
        "`import lightning.pytorch`": ["-c", imports.format(module="lightning.pytorch")],
        "plain PyTorch script, first step": [str(HERE / "plain_digits.py")],
        "`train.py` of the digits project, first step": [
            str(project / "lightning_classes" / "train.py"),
            *TRAIN_ONE_STEP,
        ],
    }
    found = {name: Startup(name, []) for name in commands}
    for repetition in range(repetitions + 1):
        for name, command in commands.items():
            seconds = _time(command, folder / "mark.json")
            if repetition:
                found[name].seconds.append(seconds)
    return list(found.values())


def _time(arguments: list[str], mark: Path) -> float:
    mark.unlink(missing_ok=True)
    environment = os.environ | {"FIRST_STEP_MARK": str(mark), "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    start = time.time()
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} ended with {done.returncode}:\n{done.stderr}")
    return float(mark.read_text()) - start
