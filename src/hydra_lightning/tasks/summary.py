"""The lines that a run prints at its start and its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from hydra_lightning.runs.record import RunRecord


def print_start(record: RunRecord) -> None:
    """``run ID   EXPERIMENT · seed 42 · cpu · git 4ce4395 (clean)``; rank 0 only."""
    if not record.writes:
        return
    data = record.data
    parts = [data["experiment"] or data["task"], f"seed {data['seed']}", str(data["devices"]["accelerator"])]
    if data["git"]:
        parts.append(f"git {data['git']['commit'][:7]} ({'dirty' if data['git']['dirty'] else 'clean'})")
    _print(f"run {data['id']}   {' · '.join(parts)}")


def print_end(record: RunRecord, then: str) -> None:
    """Metrics, the best validation, how long it took, where it all is and what ``then``; rank 0 only."""
    if not record.writes:
        return
    data = record.data
    metrics = data["metrics"]
    shown = [name for name in metrics if name.startswith("test/")] or list(metrics)
    parts = [f"{name} {metrics[name]:.4g}" for name in shown]
    if data["best"]:
        best = data["best"]
        parts.append(f"best {best['metric']} {best['value']:.4g} at epoch {best['epoch']}")
    parts.append(f"{data['seconds']:.0f} s")
    _print("   ".join(parts))
    _print(f"{_short(record.folder)}     {then}".rstrip())


def _short(folder: Path) -> Path:
    here = Path.cwd()
    below = folder.is_relative_to(here) and here != Path(here.anchor)
    return folder.relative_to(here) if below else folder


def _print(line: Any) -> None:
    Console(highlight=False, soft_wrap=True).print(line, markup=False)
