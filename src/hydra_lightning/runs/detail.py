"""Everything about one run, out of its folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.curves import Point, read_curves
from hydra_lightning.runs.files import METRICS_FILE
from hydra_lightning.runs.settings import Plain, asked, read_settings
from hydra_lightning.runs.store import read_run
from hydra_lightning.runs.table import Table

POINTS = 200


@dataclass(frozen=True)
class Detail:
    """What a run is and did.

    Attributes:
        record: its ``run.json``, as `read_run` gives it.
        settings: see `read_settings`.
        asked: the keys of ``settings`` that were swept or typed.
        curves: of each metric with several values.
        files: sizes in bytes by path; a folder below with more than a few files is one line.
        problems: what cannot be read.
    """

    folder: Path
    record: dict[str, Any]
    settings: dict[str, Plain]
    asked: list[str]
    curves: dict[str, list[Point]]
    files: dict[str, int]
    problems: list[str]

    @property
    def created(self) -> datetime:
        """When it was started."""
        return datetime.fromisoformat(self.record["created"]).astimezone()

    def as_data(self) -> dict[str, Any]:
        """All of it as plain data; a curve is lists of steps and values."""
        curves = {
            name: {"step": [point.step for point in curve], "value": [point.value for point in curve]}
            for name, curve in self.curves.items()
        }
        return (
            {"folder": str(self.folder)}
            | self.record
            | {
                "overridden": self.asked,
                "settings": self.settings,
                "curves": curves,
                "files": self.files,
                "problems": self.problems,
            }
        )

    def as_table(self) -> Table:
        """Key and value of every field, metric and setting."""
        rows: list[list[Any]] = [["folder", str(self.folder)]]
        for name, value in self.record.items():
            if isinstance(value, dict):
                rows += [[f"{name}.{key}", item] for key, item in value.items()]
            else:
                rows.append([name, value])
        return Table(["key", "value"], [*rows, *([key, value] for key, value in self.settings.items())])


def detail(folder: Path) -> Detail:
    """Read the run in ``folder``. A missing or broken file beside ``run.json`` is one of ``problems``.

    Raises:
        RunError: ``run.json`` cannot be read.
    """
    record = read_run(folder)
    problems: list[str] = []
    settings: dict[str, Plain] = {}
    curves: dict[str, list[Point]] = {}
    try:
        settings = read_settings(folder)
    except RunError as error:
        problems.append(str(error))
    try:
        curves = read_curves(folder / METRICS_FILE, POINTS)
    except RunError as error:
        problems.append(str(error))
    for kind, name in (record.get("checkpoints") or {}).items():
        if name and not (folder / name).exists():
            problems.append(f"{folder / name} is gone, the {kind} checkpoint.")
    typed = [name for name in asked([record]) if name in settings]
    return Detail(folder, record, settings, typed, curves, _files(folder), problems)


def _files(folder: Path) -> dict[str, int]:
    found = (item for item in sorted(folder.rglob("*")) if item.is_file())
    return {item.relative_to(folder).as_posix(): item.stat().st_size for item in found}
