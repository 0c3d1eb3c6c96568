"""Run folders as a training leaves them, of any settings and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml

START = datetime(2026, 11, 20, 9, 0, tzinfo=timezone.utc)
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def write_record(folder: Path, **fields: Any) -> Path:
    """A run with as little in ``run.json`` as a run can have, named by its folder; ``fields`` come on top."""
    data = {
        "schema": 1,
        "id": folder.name,
        "status": "completed",
        "created": f"{folder.name[:10]}T{folder.name[11:19].replace('-', ':')}+00:00",
        "metrics": {},
        "best": None,
        "process": {"pid": 1, "started": "1", "space": "another machine"},
    }
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(data | fields))
    return folder


def write_run(
    log_dir: Path,
    number: int,
    config: Mapping[str, Any],
    metrics: Mapping[str, float],
    curves: str | None = None,
    **fields: Any,
) -> Path:
    """The ``number``-th run of a sweep; ``fields`` are those of ``run.json``, ``curves`` is ``metrics.csv``."""
    start = START + timedelta(minutes=number)
    suffix = "".join(DIGITS[number // 36**place % 36] for place in (3, 2, 1, 0))
    folder = log_dir / "train/sweeps/2026-11-20_09-00-00_swep" / f"{start:%Y-%m-%d_%H-%M-%S}_{suffix}"
    folder.mkdir(parents=True)
    values = {name: value if math.isfinite(value) else str(value) for name, value in metrics.items()}
    record = {
        "schema": 1,
        "id": folder.name,
        "task": "train",
        "experiment": "digits",
        "tags": ["digits"],
        "status": "completed",
        "created": start.isoformat(),
        "ended": (start + timedelta(seconds=30)).isoformat(),
        "seconds": 30.0,
        "command": "python train.py -m",
        "overrides": [],
        "seed": 1,
        "git": {"commit": "0123456789abcdef", "branch": "main", "dirty": False},
        "host": "laptop",
        "python": "3.11.7",
        "devices": {"accelerator": "cpu", "world_size": 1, "names": []},
        "metrics": values,
        "best": None,
        "checkpoints": {"best": None, "last": None},
        "sweep": {"id": "2026-11-20_09-00-00_swep", "trial": number, "params": {}},
        "attempts": [],
        "error": None,
        "process": {"pid": 1, "started": None, "space": None},
    }
    (folder / "run.json").write_text(json.dumps(record | fields))
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(config)))
    (folder / "requirements.txt").write_text("torch==2.9.0\nlightning==2.6.4\n")
    if curves is not None:
        (folder / "metrics.csv").write_text(curves)
    return folder


def decaying(final: float, epochs: int = 5, steps: int = 10) -> str:
    """A ``metrics.csv`` whose ``val/loss`` falls to ``final``, and whose ``train/loss`` is logged twice as often."""
    lines = ["epoch,step,train/loss,val/loss"]
    for epoch in range(epochs):
        value = final + (epochs - 1 - epoch) / epochs
        lines.append(f"{epoch},{epoch * steps + steps // 2},{value + 0.1},")
        lines.append(f"{epoch},{epoch * steps + steps - 1},{value},{value}")
    return "\n".join(lines) + "\n"
