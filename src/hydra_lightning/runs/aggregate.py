"""What several runs of one config give together: means over seeds or folds, and how sure they are."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.dependents import dependents
from hydra_lightning.runs.estimate import Estimate, estimate
from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.settings import Plain, asked, differing
from hydra_lightning.runs.table import Table
from hydra_lightning.runs.worktree import changes

BEST = "best "


@dataclass(frozen=True)
class Group:
    """Runs whose configs are equal but for the keys that are aggregated over.

    Attributes:
        settings: those that tell this group from the others.
        runs: the runs that count, the oldest first.
        estimates: by metric; None where no run has a finite value.
    """

    settings: dict[str, Plain]
    runs: list[Run]
    estimates: dict[str, Estimate | None]


@dataclass(frozen=True)
class Aggregate:
    """What came of it.

    Attributes:
        over: the keys, in full.
        names: the settings that differ between groups.
        metrics: by name.
        confidence: of the intervals.
        groups: ordered by their settings.
        notes: what was left out, and what may mislead, a sentence each.
    """

    over: list[str]
    names: list[str]
    metrics: list[str]
    confidence: float
    groups: list[Group]
    notes: list[str]


def aggregate(
    runs: Sequence[Run], over: Sequence[str], metrics: Sequence[str] = (), confidence: float = 0.95
) -> Aggregate:
    """Group ``runs`` whose configs are equal but for ``over``, and estimate the mean of each metric.

    Keys that are interpolated from those in ``over`` may differ too. Left out, and named in ``notes``, are runs
    that did not complete, all but the newest run of a group with the same values of ``over`` (a repetition tells
    nothing new), and values that are NaN or infinite.

    Args:
        runs: as `select` gives them.
        over: keys of the config, as ``seed`` or ``data.fold``; a key stands for what is below it; the end of a
            key is enough where no other has it.
        metrics: names; ``best val/loss``, or ``best``, is the monitored metric at its best epoch. Without any, the
            optimised metric, or else the best monitored one, and those of the test.
        confidence: of the interval of the mean, by Student's t; it takes the values for normally distributed.

    Raises:
        RunError: no run is left, a key or a metric is in none of them, the confidence is not between 0 and 1,
            or a config cannot be read.
    """
    if not 0 < confidence < 1:
        raise RunError(f"A confidence of {confidence:g} is not between 0 and 1; 0.95 is usual.")
    if not over:
        raise RunError("Over which key? As --over seed, or --over data.fold.")
    done = sorted((run for run in runs if run.record["status"] == "completed"), key=lambda run: run.created)
    notes = _unfinished([run for run in runs if run.record["status"] != "completed"])
    if not done:
        raise RunError(" ".join(["No completed run to aggregate.", *notes]))
    settings = {run.folder: _settings(run) for run in done}
    keys = [
        _full(key, list(dict.fromkeys(name for each in settings.values() for name in each))) for key in over
    ]
    groups: dict[Any, list[Run]] = {}
    for run in done:
        groups.setdefault(_frozen(_without(settings[run.folder], run, keys)), []).append(run)
    kept = []
    for members in groups.values():
        newest = {_frozen(_only(settings[run.folder], keys)): run for run in members}
        kept.append([run for run in members if run in newest.values()])
        notes += _repeated([run for run in members if run not in newest.values()], keys)
    rest = [_without(settings[members[0].folder], members[0], keys) for members in kept]
    names = _independent(list(differing(rest, asked(run.record for run in done))), done[0])
    chosen = [_metric(name, done) for name in metrics] or _default_metrics(done)
    found = []
    for members, each in zip(kept, rest, strict=True):
        own = {name: each.get(name) for name in names}
        estimates = {name: _estimate(name, members, confidence, notes) for name in chosen}
        found.append(Group(own, members, estimates))
        notes += _codes(members, own)
    found.sort(key=lambda group: [_order(value) for value in group.settings.values()])
    return Aggregate(keys, names, chosen, confidence, found, notes)


def _settings(run: Run) -> dict[str, Plain]:
    """Its settings with its task, and the seed that was used also when it was drawn."""
    seed = run.record.get("seed")
    return {"task": run.record.get("task")} | run.settings | ({} if seed is None else {"seed": seed})


def _full(key: str, names: Sequence[str]) -> str:
    """The key of settings that ``key`` means."""
    if any(_below(name, key) for name in names):
        return key
    ends = [name for name in names if name.endswith(f".{key}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise RunError(f"--over {key}: it is the end of several keys; write one of them: {', '.join(ends)}")
    near = difflib.get_close_matches(key, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise RunError(f"--over {key}: no run has this key in its config.{hint}")


def _below(name: str, key: str) -> bool:
    return name == key or name.startswith(f"{key}.")


def _without(settings: Mapping[str, Plain], run: Run, keys: Sequence[str]) -> dict[str, Plain]:
    follow = dependents(run.folder, settings, keys)
    return {name: value for name, value in settings.items() if name not in follow}


def _independent(names: Sequence[str], run: Run) -> list[str]:
    """``names`` without those that follow from an earlier one."""
    found: list[str] = []
    for name in names:
        if not any(name in dependents(run.folder, names, [earlier]) for earlier in found):
            found.append(name)
    return found


def _only(settings: Mapping[str, Plain], keys: Sequence[str]) -> dict[str, Plain]:
    return {name: value for name, value in settings.items() if any(_below(name, key) for key in keys)}


def _frozen(settings: Mapping[str, Plain]) -> frozenset[tuple[str, str]]:
    """Equal for equal settings, whatever their order; 1, 1.0 and True are different."""
    return frozenset((name, repr(value)) for name, value in settings.items())


def _order(value: Plain) -> tuple[bool, float, str]:
    number = isinstance(value, (int, float)) and not math.isnan(value)
    return not number, float(value) if number and value is not None else 0.0, str(value)


def _default_metrics(runs: Sequence[Run]) -> list[str]:
    names = list(dict.fromkeys(name for run in runs for name in sorted(run.record["metrics"])))
    wanted = [str(run.settings.get("optimized_metric")) for run in runs]
    first = [name for name in dict.fromkeys(wanted) if name in names]
    if not first:
        first = _monitored(runs)
    test = [name for name in names if name.startswith("test/") and name not in first]
    found = first + test or names
    if not found:
        raise RunError("None of the runs has a metric.")
    return found


def _metric(wanted: str, runs: Sequence[Run]) -> str:
    names: list[str] = list(dict.fromkeys(name for run in runs for name in sorted(run.record["metrics"])))
    name = wanted.removeprefix("metrics.")
    monitored = _monitored(runs)
    if name in names or name in monitored:
        return name
    if name == BEST.strip() and len(monitored) == 1:
        return monitored[0]
    names = [*monitored, *names]
    ends = [each for each in names if each.endswith(f"/{name}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise RunError(
            f"--metric {wanted}: it is the end of several names; write one of them: {', '.join(ends)}"
        )
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"They have {', '.join(names) or 'none'}."
    raise RunError(f"--metric {wanted}: no run has this metric. {hint}")


def _monitored(runs: Sequence[Run]) -> list[str]:
    """``best val/loss`` for every metric that one of ``runs`` monitored."""
    return sorted({f"{BEST}{run.record['best']['metric']}" for run in runs if run.record["best"]})


def _value(run: Run, metric: str) -> Any:
    best = run.record["best"]
    if best and metric == f"{BEST}{best['metric']}":
        return best["value"]
    return run.record["metrics"].get(metric)


def _estimate(metric: str, runs: Sequence[Run], confidence: float, notes: list[str]) -> Estimate | None:
    values = {run.short: _value(run, metric) for run in runs}
    numbers = {name: value for name, value in values.items() if isinstance(value, (int, float))}
    finite = [value for value in numbers.values() if math.isfinite(value)]
    odd = [f"{value:g} in {name}" for name, value in numbers.items() if not math.isfinite(value)]
    if odd:
        notes.append(f"Left out of {metric}: {', '.join(odd)}.")
    absent = [name for name in values if name not in numbers]
    if absent and numbers:
        notes.append(f"Without {metric}: {', '.join(absent)}.")
    return estimate(finite, confidence)


def _unfinished(runs: Sequence[Run]) -> list[str]:
    by_status: dict[str, list[str]] = {}
    for run in runs:
        by_status.setdefault(run.record["status"], []).append(run.short)
    return [f"Left out, {status}: {_some(sorted(names))}." for status, names in sorted(by_status.items())]


def _repeated(runs: Sequence[Run], keys: Sequence[str]) -> list[str]:
    if not runs:
        return []
    return [f"Left out, a newer run has the same {' and '.join(keys)}: {_some([run.short for run in runs])}."]


def _codes(runs: Sequence[Run], settings: Mapping[str, Plain]) -> list[str]:
    codes = {((run.record.get("git") or {}).get("commit"), changes(run.folder)) for run in runs}
    if len(codes) == 1:
        return []
    which = ", ".join(f"{name}={value}" for name, value in settings.items())
    of = f" of {which}" if which else ""
    return [f"The runs{of} ran {len(codes)} different states of the code; see: runs diff."]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def as_table(found: Aggregate) -> Table:
    """One row a metric and group, with whole numbers: for CSV, JSON and notebooks."""
    rows = []
    for metric in found.metrics:
        for group in found.groups:
            each = group.estimates[metric]
            numbers = [each.n, each.mean, each.std, each.low, each.high] if each else [0, *[None] * 4]
            rows.append([metric, *group.settings.values(), *numbers, [run.id for run in group.runs]])
    return Table(["metric", *found.names, "n", "mean", "std", "low", "high", "runs"], rows)
