"""The facts around a run: versions, machine, process and command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

COMMAND_VARIABLE = "HYDRA_LIGHTNING_COMMAND"
HAS_PROC = Path("/proc/self/stat").exists()


def command_line() -> str:
    """The command of this process as a shell would take it again; for a rerun the one that was typed."""
    return os.environ.get(COMMAND_VARIABLE) or shlex.join(sys.orig_argv)


def host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def python_version() -> str:
    """``3.11.2``"""
    return ".".join(str(part) for part in sys.version_info[:3])


def installed_versions() -> list[str]:
    """``name==version`` of every installed distribution by name; of several copies, the one that is found."""
    import importlib.metadata

    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        metadata = distribution.metadata  # Parsed anew at every look.
        if metadata["Name"]:
            found.setdefault(re.sub(r"[-_.]+", "-", metadata["Name"]).lower(), metadata["Version"])
    return sorted(f"{name}=={version}" for name, version in found.items())


def process_mark(pid: int) -> str | None:
    """When process ``pid`` started, as this machine counts: tells it from a later one of the same number.

    None when there is no such process, or it has ended and only waits to be noticed, or on a system without
    ``/proc`` and ``ps``.
    """
    if HAS_PROC:
        fields = _proc_stat(pid)
        return None if fields is None or fields[0] in ("Z", "X") else fields[19]
    return _ps(pid) or None


def started_at(pid: int) -> datetime | None:
    """The local time at which process ``pid`` started; None as for ``process_mark``."""
    if HAS_PROC:
        mark = process_mark(pid)
        boot = re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)
        if mark is None or boot is None:
            return None
        since_boot = timedelta(seconds=int(mark) / os.sysconf("SC_CLK_TCK"))
        return (datetime.fromtimestamp(int(boot[1]), timezone.utc) + since_boot).astimezone()
    shown = _ps(pid)
    return datetime.strptime(shown, "%a %b %d %H:%M:%S %Y") if shown else None


def process_identity() -> dict[str, Any]:
    """What tells this process from every other: ``pid``, ``started`` (its mark) and ``space``."""
    return {"pid": os.getpid(), "started": process_mark(os.getpid()), "space": process_space()}


def process_space() -> str:
    """What must be equal for a process number to mean the same: the running kernel and its process table."""
    if HAS_PROC:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return host()


def _proc_stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` after the name, which may hold anything: state first, start at 19."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()


def _ps(pid: int) -> str:
    if shutil.which("ps") is None:
        return ""
    command = ("ps", "-o", "lstart=", "-p", str(pid))
    english = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=english)
    return done.stdout.strip()
