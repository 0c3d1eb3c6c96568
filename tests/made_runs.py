"""Run folders as trainings leave them, written by the library's own record, without a training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import yaml

from hydra_lightning.runs import environment, record
from hydra_lightning.runs.index import INDEX_FILE


def make_run(
    logs: Path,
    name: str,
    *,
    settings: Mapping[str, Any] | None = None,
    composed: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    best: Mapping[str, Any] | None = None,
    checkpoints: tuple[str, ...] = (),
    status: str = "completed",
    root: Path | None = None,
    **fields: Any,
) -> Path:
    """A run ``2026-11-01_10-00-00_NAME``; ``checkpoints`` are files of 1000 bytes, ``best.ckpt`` is the best.

    ``composed`` is the config with its interpolations. ``fields`` change ``run.json`` at the end.
    """
    folder = logs / "train/runs" / f"2026-11-01_10-00-00_{name}"
    config: dict[str, Any] = {
        "task_name": "train",
        "seed": 1,
        "optimized_metric": None,
        "paths": {"root_dir": str(root or logs.parent), "output_dir": str(folder)},
        **(settings or {}),
    }
    with record.open_run(
        folder,
        root=root or logs.parent,
        task="train",
        experiment=None,
        tags=[],
        command="python train.py",
        overrides=[],
        seed=config["seed"],
        devices={"accelerator": "cpu", "world_size": 1, "names": [], "threads": 1},
        config=config,
    ) as run:
        (folder / "checkpoints").mkdir()
        for file in checkpoints:
            (folder / "checkpoints" / file).write_bytes(bytes(1000))
        named = {file.removesuffix(".ckpt"): f"checkpoints/{file}" for file in checkpoints}
        run.update(
            metrics=dict(metrics or {}),
            best=best,
            checkpoints={"best": named.get("best"), "last": named.get("last")},
            resume=named.get("resume"),
        )
    if composed is not None:
        (folder / ".hydra").mkdir()
        (folder / ".hydra/config.yaml").write_text(yaml.safe_dump(dict(composed)))
    data = json.loads((folder / "run.json").read_text()) | {"status": status} | fields
    if status == "lost":
        data |= {"status": "running", "process": data["process"] | {"started": "1"}}
    (folder / "run.json").write_text(json.dumps(data))
    return folder


def open_plain_run(folder: Path, root: Path) -> AbstractContextManager[record.RunRecord]:
    """The record of a run of nothing in particular."""
    return record.open_run(
        folder,
        root=root,
        task="train",
        experiment=None,
        tags=[],
        command="train.py",
        overrides=[],
        seed=1,
        devices={},
        config={},
    )


def run_here(folder: Path) -> None:
    """Let the run in ``folder`` look as if this process ran it."""
    data = json.loads((folder / "run.json").read_text())
    data |= {"status": "running", "process": environment.process_identity()}
    (folder / "run.json").write_text(json.dumps(data))


def contents(folder: Path) -> dict[str, bytes | str]:
    """Every file and link below ``folder`` but the index, which is only a cache."""
    return {
        str(file.relative_to(folder)): str(file.readlink()) if file.is_symlink() else file.read_bytes()
        for file in folder.rglob("*")
        if (file.is_symlink() or file.is_file()) and file.name != INDEX_FILE
    }
