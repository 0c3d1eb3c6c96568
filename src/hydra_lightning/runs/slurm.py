"""The Slurm job that this process is part of."""

from __future__ import annotations

import logging
import os
import subprocess

log = logging.getLogger(__name__)


def slurm_job() -> str | None:
    """``SLURM_JOB_ID``, for a job of an array ``ARRAY_TASK``: the same again after a requeue."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def restarted() -> bool:
    """Whether Slurm has run this job before (https://slurm.schedmd.com/sbatch.html, SLURM_RESTART_COUNT)."""
    return slurm_job() is not None and int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0


def requeue() -> None:
    """Ask Slurm to run this job once more, from its start; outside of a job nothing."""
    job = slurm_job()
    if job is None:
        return
    try:
        done = subprocess.run(("scontrol", "requeue", job), capture_output=True, text=True, check=False)
    except OSError as error:
        log.warning("Slurm job %s was not requeued: scontrol: %s", job, error.strerror)
        return
    if done.returncode:
        log.warning("Slurm job %s was not requeued: %s", job, done.stderr.strip())
