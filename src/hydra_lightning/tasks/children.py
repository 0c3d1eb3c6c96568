"""What Lightning's launcher of child processes needs from a Hydra job, and what it leaves behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, read_write

# Set by Lightning in the process that starts the others.
LAUNCH_VARIABLES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "PL_GLOBAL_SEED")
SWEEP_KEYS = ("hydra.mode", "hydra.sweep", "hydra.launcher", "hydra.run.dir")
VALUED_FLAGS = ("--config-dir", "-cd", "--config-name", "-cn", "--config-path", "-cp")


@contextmanager
def one_job(folder: Path) -> Iterator[None]:
    """Let child processes repeat this job alone, in ``folder``; afterwards the next job of a sweep starts clean.

    For its other ranks Lightning starts ``sys.argv`` again with ``hydra.run.dir`` on top. In a sweep that would be the
    whole sweep, in another folder; and a second job would take the first one's process group and ranks for its own.
    """
    arguments = list(sys.argv)
    environment = {name: os.environ.get(name) for name in LAUNCH_VARIABLES}
    if HydraConfig.initialized():
        hydra = HydraConfig.get()
        with read_write(cast(DictConfig, hydra)):
            hydra.run.dir = str(folder)
        if hydra.mode == RunMode.MULTIRUN:
            sys.argv[1:] = job_arguments(arguments[1:], hydra.overrides.hydra, hydra.overrides.task)
    try:
        yield
    finally:
        sys.argv[:] = arguments
        _leave_process_group()
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)


def job_arguments(typed: list[str], hydra: list[str], task: list[str]) -> list[str]:
    """The command line of one job of a sweep: ``typed`` flags that find configs, and the job's own overrides."""
    flags: list[str] = []
    for index, argument in enumerate(typed):
        if argument in VALUED_FLAGS:
            flags += typed[index : index + 2]
        elif argument.startswith(tuple(f"{flag}=" for flag in VALUED_FLAGS)):
            flags.append(argument)
    kept = [override for override in hydra if not override.lstrip("+~").startswith(SWEEP_KEYS)]
    return [*flags, *kept, *task, "hydra.mode=RUN"]


def _leave_process_group() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
