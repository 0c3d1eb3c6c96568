"""The table of runs, with the columns that tell them apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hydra_lightning.runs.best import Mode, direction, metric_name, ranked, score
from hydra_lightning.runs.fields import ALIASES, MISSING, Run, real_key
from hydra_lightning.runs.settings import asked, differing
from hydra_lightning.runs.table import Table

MOST_SETTINGS = 6
MOST_METRICS = 3
# So many settings stay longer than all metrics but the first where a terminal is narrow.
SETTINGS_TO_THE_LAST = 2
ARROWS = {"min": "↓", "max": "↑"}

Columns = dict[str, list[Any]]


def listing(
    runs: Sequence[Run], columns: Sequence[str] = (), best: str = "", mode: Mode | None = None
) -> Table:
    """One row a run, in the order given.

    Args:
        columns: keys to show in place of the chosen ones.
        best: a metric to show, with the values by which runs are judged.
        mode: whether it is to be small or large.
    """
    if columns:
        return _of_keys(runs, columns)
    settings = _settings(runs)
    metrics, heads = _metrics(runs, best, mode)
    ends = _ends(runs)
    shown = _identity(runs) | settings | metrics | ends
    setting_names, metric_names = list(settings), list(metrics)
    optional = [
        *(name for name in ("tags", "note") if name in ends),
        *reversed(setting_names[SETTINGS_TO_THE_LAST:]),
        *reversed(metric_names[1:]),
        *reversed(setting_names[:SETTINGS_TO_THE_LAST]),
    ]
    heads |= _heads(setting_names) | {"created": "when"}
    return Table(list(shown), list(zip(*shown.values(), strict=True)), heads, _short(runs), optional)


def whole(runs: Sequence[Run]) -> Table:
    """Everything that is known of runs: their folder, all fields of ``run.json``, and ``settings``."""
    names = dict.fromkeys(name for run in runs for name in run.record)
    rows = [
        [str(run.folder), *(run.record.get(name) for name in names), run.settings_or_empty()] for run in runs
    ]
    return Table(["folder", *names, "settings"], rows)


def sorted_by(runs: Sequence[Run], key: str) -> list[Run]:
    """``runs`` by the value of ``key``, ``-KEY`` from the largest to the smallest; those without one come last.

    Raises:
        RunError: no run has the key.
    """
    if not runs:
        return []
    name = real_key(runs, key.removeprefix("-"))
    with_value: list[Run] = []
    without: list[Run] = []
    for run in runs:
        value = run.value(name)
        nothing = value is MISSING or value is None or (isinstance(value, float) and math.isnan(value))
        (without if nothing else with_value).append(run)
    ordered = sorted(with_value, key=lambda run: _rank(run.value(name)), reverse=key.startswith("-"))
    return [*ordered, *without]


def best_first(runs: Sequence[Run], metric: str, mode: Mode | None = None) -> list[Run]:
    """``runs`` from the best by ``metric`` to the worst, then those that have no value.

    Raises:
        RunError: no run has the metric, or it is not known what is better.
    """
    if not runs:
        return []
    name = metric_name(runs, metric)
    order = ranked(runs, name, direction(runs, name, mode))
    placed = set(map(id, order))
    return [*order, *(run for run in runs if id(run) not in placed)]


def _rank(value: Any) -> tuple[int, Any]:
    """Numbers before text, for a setting may be either."""
    if isinstance(value, datetime):
        return 0, value.timestamp()
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))


def _of_keys(runs: Sequence[Run], keys: Sequence[str]) -> Table:
    names = [real_key(runs, key) if runs else key for key in keys]
    cells = [[run.value(name) for name in names] for run in runs]
    rows = [[None if value is MISSING else value for value in row] for row in cells]
    if "id" not in names:
        names, rows = ["id", *names], [[run.id, *row] for run, row in zip(runs, rows, strict=True)]
    return Table(names, rows, _heads(names), _short(runs))


def _identity(runs: Sequence[Run]) -> Columns:
    shown: Columns = {"id": [run.id for run in runs]}
    tasks = [run.record.get("task") for run in runs]
    if len(set(tasks)) > 1:
        shown["task"] = tasks
    for name in ("experiment", "status"):
        values = [run.record.get(name) for run in runs]
        if any(value is not None for value in values):
            shown[name] = values
    return shown


def _settings(runs: Sequence[Run]) -> Columns:
    """Those that differ between the runs of the most frequent task, what was swept or typed first.

    An evaluation has other settings than a training: that difference is the task.
    """
    tasks = Counter(run.record.get("task") for run in runs)
    most = max(tasks, key=lambda task: tasks[task], default=None)
    alike = [run for run in runs if run.record.get("task") == most]
    first = asked(run.record for run in alike)
    found = differing([run.settings_or_empty() for run in alike], first)
    names = [name for name in found if name in first]
    names += [name for name in found if name not in names and not name.endswith("_target_")]
    names = [name for name in names if not name.startswith("callbacks.")][:MOST_SETTINGS]
    settings = [run.settings_or_empty() for run in runs]
    return {name: [each.get(name) for each in settings] for name in names}


def _metrics(runs: Sequence[Run], best: str, mode: Mode | None) -> tuple[Columns, dict[str, str]]:
    """The metric that was asked for, or else the one that was monitored; then those of the test."""
    monitored = Counter(run.record["best"]["metric"] for run in runs if run.record["best"])
    tested = {name for run in runs for name in run.record["metrics"] if name.startswith("test/")}
    shown: Columns = {}
    heads = {}
    if best and runs:
        name = metric_name(runs, best)
        shown[name] = [score(run, name) for run in runs]
        heads[name] = f"{name} {ARROWS[direction(runs, name, mode)]}"
    elif monitored:
        ((name, _),) = monitored.most_common(1)
        shown[name] = [score(run, name) for run in runs]
    for name in sorted(tested - shown.keys())[: MOST_METRICS - len(shown)]:
        shown[name] = [run.record["metrics"].get(name) for run in runs]
    return shown, heads


def _ends(runs: Sequence[Run]) -> Columns:
    shown: Columns = {}
    for name in ("tags", "note"):
        values = [run.record.get(name) for run in runs]
        if any(values) and any(value != values[0] for value in values):
            shown[name] = values
    shown["created"] = [run.created for run in runs]
    errors = [run.record.get("error") for run in runs]
    if any(errors):
        shown["error"] = [error["type"] if error else None for error in errors]
    return shown


def _heads(names: Sequence[str]) -> dict[str, str]:
    """The last part of dotted names where no other has it, else the last two."""
    heads: dict[str, str] = {}
    for parts in (2, 1):
        short = {name: ".".join(name.rsplit(".", parts)[-parts:]) for name in names}
        counts = Counter(short.values())
        heads |= {name: text for name, text in short.items() if counts[text] == 1 and text != name}
    return {name: text for name, text in heads.items() if name not in ALIASES}


def _short(runs: Sequence[Run]) -> dict[str, str]:
    names = Counter(run.id for run in runs)
    return {run.id: run.short for run in runs if names[run.id] == 1}
