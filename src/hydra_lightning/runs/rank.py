"""Which process of a distributed run this is, from the environment alone."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hydra_lightning.runs.environment import started_at

# The order in which Lightning asks: SLURM_PROCID is also set where Slurm did not start the processes.
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
NODE_RANKS = ("NODE_RANK", "GROUP_RANK")
RESTARTS = ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT")


def global_rank() -> int:
    """The rank of this process, 0 when it is alone.

    The variables are Lightning's (RANK, LOCAL_RANK, SLURM_PROCID, JSM_NAMESPACE_RANK, the first one set).
    Where only nodes are numbered, as when Lightning's own launcher is started once a node with NODE_RANK,
    ranks of later nodes are not known exactly, but are never 0.
    """
    rank = _first(RANKS)
    numbers_every_process = "RANK" in os.environ or "SLURM_PROCID" in os.environ
    return rank if numbers_every_process else rank + _first(NODE_RANKS)


def _first(names: tuple[str, ...]) -> int:
    return next((int(os.environ[name]) for name in names if name in os.environ), 0)


@dataclass(frozen=True)
class Launch:
    """What all ranks that were started together by something else agree on."""

    started: datetime
    key: str

    def number(self, *argument: str) -> int:
        """A large number that follows from the launch, the command line and ``argument``."""
        text = "\0".join((self.key, *sys.argv[1:], "", *argument))
        return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def launch() -> Launch | None:
    """The launch that this process is a rank of; None when it is alone, or was started by Lightning.

    Covered: processes with one parent on one node, which is what torchrun, accelerate, deepspeed and mpirun
    with RANK and WORLD_SIZE, and jsrun, start; ``srun`` on any number of nodes where Slurm tells the start of
    the job (SLURM_JOB_START_TIME), also around torchrun. A restart of the ranks is a
    launch of its own.

    Not covered: several nodes without Slurm, where ids differ from node to node, and ranks started by hand
    with LOCAL_RANK alone. Only rank 0's folder holds the run then; give all of them one ``hydra.run.dir=``. A
    Slurm step that runs the same command twice asks for one folder twice, which is refused.
    """
    env = os.environ
    restarts = " ".join(env.get(name, "0") for name in RESTARTS)
    if "RANK" in env and int(env.get("WORLD_SIZE", "1")) > 1:
        one_node = env.get("WORLD_SIZE") == env.get("LOCAL_WORLD_SIZE") or env.get("GROUP_WORLD_SIZE") == "1"
        return (None if one_node else _slurm_step(env, restarts)) or _siblings(restarts)
    if "JSM_NAMESPACE_RANK" in env and int(env.get("JSM_NAMESPACE_SIZE", "1")) > 1:
        return _siblings(restarts)
    if "SLURM_PROCID" in env and "LOCAL_RANK" not in env and int(env.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        return _slurm_step(env, restarts) or _siblings(restarts)
    return None


def _slurm_step(env: Mapping[str, str], restarts: str) -> Launch | None:
    names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_JOB_START_TIME")
    if any(name not in env for name in names):
        return None
    started = datetime.fromtimestamp(int(env["SLURM_JOB_START_TIME"]))
    return Launch(started, " ".join((*(env[name] for name in names), restarts)))


def _siblings(restarts: str) -> Launch | None:
    """The launch as told by the parent that the ranks of one node have in common."""
    started = started_at(os.getppid())
    if started is None:
        return None
    return Launch(started, f"{socket.gethostname()} {os.getppid()} {started.isoformat()} {restarts}")
