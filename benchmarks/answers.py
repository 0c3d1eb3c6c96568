"""Wall time of commands that train nothing, every time in a fresh process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from startup import Startup

from hydra_lightning.scaffold.new import new_project

BARE_HYDRA = """import hydra


@hydra.main(version_base="1.3", config_path="configs", config_name="bare")
def main(config):
    pass


main()
"""
IN_PYTHON = """import sys
from hydra_lightning.tasks.check import check_overrides
assert not check_overrides() and "torch" not in sys.modules
"""
# The main config without what only this library knows: its resolver of the run's folder.
BARE_CONFIG = """defaults:
  - data: digits
  - model: digits
  - callbacks: default
  - logger: csv
  - trainer: default
  - paths: default
  - extras: default
  - _self_
task_name: train
seed: 42
"""


@dataclass(frozen=True)
class Command:
    """What is typed, and how it has to end."""

    arguments: list[str]
    code: int = 0
    environment: dict[str, str] = field(default_factory=dict)


def measure_answers(folder: Path, repetitions: int) -> list[Startup]:
    """Run every command once to warm the file cache, then ``repetitions`` times, in turns.

    Args:
        folder: where a project with the digits example is written.
        repetitions: how often each command is timed.
    """
    project = new_project(folder / "project", "digits").root
    (project / "bare.py").write_text(BARE_HYDRA)
    (project / "configs" / "bare.yaml").write_text(BARE_CONFIG)
    cold = folder / "cold"
    script = "lightning_classes/train.py"
    tool = str(Path(sys.executable).parent / "hydra-lightning")
    completion = {"COMP_LINE": "train.py model=", "COMP_POINT": "15"}
    commands = {
        "`import torch`": Command([sys.executable, "-c", "import torch"]),
        "bare Hydra, the same groups, `--cfg job`": Command([sys.executable, "bare.py", "--cfg", "job"]),
        "`train.py --help`": Command([sys.executable, script, "--help"]),
        "`train.py --cfg job`": Command([sys.executable, script, "--cfg", "job"]),
        "`train.py --info`": Command([sys.executable, script, "--info"]),
        "`train.py trainer.max_epochs=ten`": Command([sys.executable, script, "trainer.max_epochs=ten"], 1),
        "`train.py trainr.max_epochs=3`": Command([sys.executable, script, "trainr.max_epochs=3"], 1),
        "`train.py experiment=digts`": Command([sys.executable, script, "experiment=digts"], 1),
        "shell completion of `model=`": Command(
            [sys.executable, script, "-sc", "query=bash"], environment=completion
        ),
        "the check of the default experiment in Python, warm": Command([sys.executable, "-c", IN_PYTHON]),
        "the check of the default experiment in Python, cold": Command(
            [sys.executable, "-c", IN_PYTHON], environment={"XDG_CACHE_HOME": str(cold)}
        ),
        "`hydra-lightning check`, warm": Command([tool, "check"]),
        "`hydra-lightning check`, cold": Command([tool, "check"], environment={"XDG_CACHE_HOME": str(cold)}),
        "`hydra-lightning --help`": Command([tool, "--help"]),
    }
    found = {name: Startup(name, []) for name in commands}
    for repetition in range(repetitions + 1):
        for name, command in commands.items():
            shutil.rmtree(cold, ignore_errors=True)
            seconds = _time(command, project)
            if repetition:
                found[name].seconds.append(seconds)
    return list(found.values())


def _time(command: Command, project: Path) -> float:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | command.environment
    start = time.perf_counter()
    done = subprocess.run(
        command.arguments, env=environment, cwd=project, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode != command.code:
        raise RuntimeError(f"{command.arguments} ended with {done.returncode}:\n{done.stderr}")
    return seconds
