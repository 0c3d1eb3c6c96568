"""The same answers as the command line's, as pandas DataFrames."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra_lightning.errors import MissingPackageError
from hydra_lightning.runs import aggregate, compare
from hydra_lightning.runs.chosen import named_runs
from hydra_lightning.runs.select import select
from hydra_lightning.runs.table import Table

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)

DATES = ("created", "ended")
FIELDS = ("folder", "task", "experiment", "tags", "status", "created", "ended", "seconds", "seed", "note")


def runs_table(log_dir: str | Path = "logs", filters: Sequence[str] = ()) -> pandas.DataFrame:
    """The runs below ``log_dir`` that fulfil all of ``filters``, one row each, the newest first.

    The index is the run's id. There are columns for fields of ``run.json``, with dates in UTC, ``error`` as text and
    the commit as ``git.commit``; ``best.metric``, ``best.value`` and ``best.epoch``; ``metrics.NAME`` of each metric;
    and each setting by its dotted key. What is a number in all runs that have it is a number, NaN where a run has
    none. Needs pandas.

    Args:
        log_dir: the folder above ``<task>/runs`` and ``<task>/sweeps``: ``logs`` of a project.
        filters: as those of ``hydra-lightning runs list``: ``["status=completed", "val/acc>0.9"]``.

    Raises:
        MissingPackageError: pandas is not installed.
        RunError: a filter is wrong.
    """
    library = _pandas()
    runs = select(Path(log_dir), filters)
    rows: list[dict[str, Any]] = []
    for run in runs:
        record = run.record
        row = {name: record.get(name) for name in FIELDS} | {"folder": str(run.folder)}
        row |= {name: run.value(name) for name in ("error", "git.commit", "sweep.id", "host", "python")}
        row |= {f"best.{name}": (record["best"] or {}).get(name) for name in ("metric", "value", "epoch")}
        row |= {f"metrics.{name}": value for name, value in record["metrics"].items()}
        rows.append(row | {key: value for key, value in run.settings_or_empty().items() if key not in row})
    names = dict.fromkeys((*FIELDS, *(name for row in rows for name in row)))
    table = library.DataFrame(
        rows, columns=list(names), index=library.Index([run.id for run in runs], name="id")
    )
    for name in DATES:
        table[name] = library.to_datetime(table[name], utc=True, format="ISO8601")
    for name in table.columns:
        present = table[name].dropna()
        if name not in DATES and len(present) and all(type(value) in (int, float) for value in present):
            table[name] = library.to_numeric(table[name])
    return cast("pandas.DataFrame", table)


def compare_runs(runs: Sequence[str | Path], log_dir: str | Path) -> pandas.DataFrame:
    """What differs between runs, a column a run, by the part (``settings``, ``metrics``, ...) and the name.

    All metrics are there, the equal ones too; of settings, environment, packages and code what differs. For two
    runs the column ``change`` has the difference of each metric.

    Args:
        runs: two or more, each named as in `find_run`.
        log_dir: the folder above ``<task>/runs`` and ``<task>/sweeps``.

    Raises:
        RunError: one means no run, several, or the same as another; a run cannot be read.
        MissingPackageError: pandas is not installed.
    """
    found = compare.compare(named_runs(runs, Path(log_dir)))
    for problem in found.problems:
        log.warning("%s", problem)
    return cast("pandas.DataFrame", _frame(compare.as_table(found)).set_index(["part", "name"]))


def aggregate_runs(
    log_dir: str | Path,
    filters: Sequence[str] = (),
    *,
    over: str | Sequence[str],
    metrics: Sequence[str] = (),
    confidence: float = 0.95,
) -> pandas.DataFrame:
    """Means over seeds or folds: a row a metric and group of runs whose configs are equal but for ``over``.

    The columns are ``metric``, the settings that differ between groups, ``n``, ``mean``, ``std`` (of the sample),
    ``low`` and ``high`` (the confidence interval of the mean by Student's t) and ``runs``, the ids. What is left
    out, see `aggregate`, is logged as a warning.

    Args:
        log_dir: the folder above ``<task>/runs`` and ``<task>/sweeps``.
        filters: as in `select`.
        over: a key or several: ``"seed"``, ``["seed", "data.fold"]``.
        metrics: without any, the optimised metric and those of the test.
        confidence: of the intervals.

    Raises:
        RunError: no completed run is left, a key or metric is in none of them, or a filter is wrong.
        MissingPackageError: pandas is not installed.
    """
    keys = [over] if isinstance(over, str) else list(over)
    found = aggregate.aggregate(select(Path(log_dir), filters), keys, metrics, confidence)
    for note in found.notes:
        log.warning("%s", note)
    return _frame(aggregate.as_table(found))


def _frame(table: Table) -> pandas.DataFrame:
    frame = _pandas().DataFrame([list(row) for row in table.rows], columns=list(table.columns))
    return cast("pandas.DataFrame", frame)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise MissingPackageError(
            'A table of runs needs pandas, which is not installed: pip install "hydra-lightning[notebook]"'
        ) from error
    return pandas
