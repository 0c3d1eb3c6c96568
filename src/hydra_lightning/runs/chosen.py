"""The runs that are named one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra_lightning.errors import RunError
from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.filters import FORM
from hydra_lightning.runs.select import Names, select
from hydra_lightning.runs.store import find_run, read_run


def named_runs(references: Sequence[str | Path], log_dir: Path) -> list[Run]:
    """The runs that ``references`` mean, in this order.

    Raises:
        RunError: one means no run, several, or the same as another; a run cannot be read.
    """
    found: dict[Path, str] = {}
    for reference in references:
        folder = find_run(reference, log_dir)
        same = next((other for other in found if other.samefile(folder)), None)
        if same is not None:
            raise RunError(
                f"{found[same]} and {reference} are the same run, {folder.name}. Name each run once."
            )
        found[folder] = str(reference)
    short = Names(map(str, found)).short
    return [Run(folder, read_run(folder), short) for folder in found]


def named_or_filtered(words: Sequence[str], log_dir: Path) -> list[Run]:
    """As ``named_runs``; words that are filters add the runs that fulfil all of these, the oldest first.

    Raises:
        RunError: as ``named_runs`` and ``select``.
    """
    filters = [word for word in words if FORM.fullmatch(word) and not Path(word).is_dir()]
    runs = named_runs([word for word in words if word not in filters], log_dir)
    if filters:
        there = {run.folder.resolve() for run in runs}
        more = [run for run in reversed(select(log_dir, filters)) if run.folder.resolve() not in there]
        folders = [run.folder for run in (*runs, *more)]
        short = Names(map(str, folders)).short
        runs = [Run(run.folder, run.record, short) for run in (*runs, *more)]
    return runs
