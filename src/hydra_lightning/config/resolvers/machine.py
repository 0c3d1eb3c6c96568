"""How many CPU cores and accelerators this process may use, without asking torch."""

from __future__ import annotations

import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra_lightning.errors import ConfigError

ROOT = Path("/")
NVIDIA_SMI_SECONDS = 10


def cpu_count(most: Any = None) -> int:
    """The CPU cores that this process may use, ``most`` of them at most, and at least one.

    The smallest of: the cores it is bound to (``sched_getaffinity``, else all), the quota of its control group
    (that of a container or a Slurm job, rounded up) and ``SLURM_CPUS_PER_TASK``.

    Raises:
        ConfigError: ``most`` is no whole number from 1 on.
    """
    if most is not None and (type(most) is not int or most < 1):
        raise ConfigError(f"{most!r} is no whole number from 1 on")
    limits = [_bound_cores(), *(math.ceil(quota) for quota in _quotas()), *_slurm()]
    return max(1, min(limits if most is None else [*limits, most]))


def device_count() -> int:
    """The accelerators that this process may use: NVIDIA's, else AMD's, else one on a Mac with Apple's chip.

    NVIDIA's are counted by ``/dev/nvidia[0-9]*``, else ``/proc/driver/nvidia/gpus``, else ``nvidia-smi -L``, and
    limited by ``CUDA_VISIBLE_DEVICES``. AMD's are the nodes of ``/sys/class/kfd`` that have a GPU, where ``/dev/kfd``
    is there, limited by ``ROCR_VISIBLE_DEVICES``, ``HIP_VISIBLE_DEVICES`` and ``CUDA_VISIBLE_DEVICES``. Parts of a
    GPU (MIG) are not counted. Whether the torch that is installed can use them is another question.
    """
    nvidia = _visible(_nvidia(), "CUDA_VISIBLE_DEVICES")
    amd = _visible(_amd(), "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
    return nvidia or amd or int((platform.system(), platform.machine()) == ("Darwin", "arm64"))


def _bound_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _slurm() -> Iterator[int]:
    cores = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if cores.isdigit():
        yield int(cores)


def _quotas() -> Iterator[float]:
    """The cores that the control groups around this process allow, one number for each group with a limit."""
    for line in _text("proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for folder in (Path(path), *Path(path).parents):
            inside = str(folder).lstrip("/")
            if not controllers:
                quota, _, period = _text(f"sys/fs/cgroup/{inside}/cpu.max").partition(" ")
            elif "cpu" in controllers.split(","):
                quota = _text(f"sys/fs/cgroup/{controllers}/{inside}/cpu.cfs_quota_us")
                period = _text(f"sys/fs/cgroup/{controllers}/{inside}/cpu.cfs_period_us")
            else:
                break
            if quota.strip().isdigit() and int(quota) > 0:
                yield int(quota) / int(period)


def _text(path: str) -> str:
    try:
        return (ROOT / path).read_text()
    except OSError:
        return ""


def _nvidia() -> int:
    found = [name for name in _names("dev") if re.fullmatch(r"nvidia\d+", name)]
    return len(found or _names("proc/driver/nvidia/gpus")) or _nvidia_smi()


def _nvidia_smi() -> int:
    """What ``nvidia-smi`` lists: on Windows and in WSL there is nothing else to look at."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return 0
    try:
        done = subprocess.run(
            [command, "-L"], capture_output=True, text=True, check=False, timeout=NVIDIA_SMI_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())


def _amd() -> int:
    if not (ROOT / "dev/kfd").exists():
        return 0
    nodes = "sys/class/kfd/kfd/topology/nodes"
    return sum(_text(f"{nodes}/{node}/gpu_id").strip() not in ("", "0") for node in _names(nodes))


def _names(folder: str) -> list[str]:
    try:
        return [item.name for item in (ROOT / folder).iterdir()]
    except OSError:
        return []


def _visible(devices: int, *variables: str) -> int:
    """How many of the devices the variables leave."""
    for name in variables:
        if name in os.environ:
            devices = min(devices, _named(os.environ[name], devices))
    return devices


def _named(text: str, devices: int) -> int:
    """How many of the devices are named; CUDA sees none that stands behind the first name that is wrong."""

    def is_there(name: str) -> bool:
        return int(name) < devices if name.isdigit() else name.startswith(("GPU-", "MIG-"))

    return len(set(takewhile(is_there, (name.strip() for name in text.split(",")))))
