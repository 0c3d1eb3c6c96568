"""What the page shows, as plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from hydra_lightning.errors import RunError
from hydra_lightning.runs.best import direction_by_name
from hydra_lightning.runs.curves import Point, packed, points_a_curve, read_curves
from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.files import METRICS_FILE, REQUIREMENTS_FILE
from hydra_lightning.runs.report.importance import LEAST_RUNS, Importance, importance
from hydra_lightning.runs.settings import Plain, asked, differing

# The newest so many; those of more would not fit into a browser.
MOST_WITH_CURVES = 2000
SHOWN_PACKAGES = ("torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "numpy", "hydra-lightning")
T = TypeVar("T")


def report_data(
    runs: Iterable[Run], title: str, filters: Sequence[str] = (), problems: Iterable[str] = ()
) -> dict[str, Any]:
    """Everything that the page shows about ``runs``.

    A file of a run that is missing or broken leaves the run in the report and says so under ``problems``.
    """
    runs = sorted(runs, key=lambda run: (run.created, run.id, str(run.folder)))
    problems = list(problems)
    records = [run.record for run in runs]
    no_settings: dict[str, Plain] = {}
    settings = [_or_problem(lambda run: run.settings, run, no_settings, problems) for run in runs]
    names = differing(settings, asked(records))
    shorts = short_names(list(names))
    metrics = _metrics(records)
    shown = [
        _run(run) | {"settings": {name: _plain(values[name]) for name in names if name in values}}
        for run, values in zip(runs, settings, strict=True)
    ]
    left_out = max(0, len(runs) - MOST_WITH_CURVES)
    points = points_a_curve(run.folder / METRICS_FILE for run in runs[left_out:])
    longest, no_curves = 0, dict[str, list[Point]]()
    for place, (run, data) in enumerate(zip(runs, shown, strict=True)):
        curves = no_curves
        if place >= left_out:
            curves = _or_problem(
                lambda run: read_curves(run.folder / METRICS_FILE, points), run, no_curves, problems
            )
        longest = max([longest, *(len(curve) for curve in curves.values())])
        data["curves"] = packed(curves)
    return {
        "title": title,
        "filter": " ".join(filters),
        "made": datetime.now().astimezone().isoformat(timespec="minutes"),
        "runs": shown,
        "settings": [{"name": name, "short": shorts[name], "same": same} for name, same in names.items()],
        "metrics": metrics,
        "importance": {metric["name"]: _importance(metric, records, settings, names) for metric in metrics},
        "environment": _environment(runs),
        "thinned": points if longest >= points else 0,
        "without_curves": left_out,
        "problems": problems,
    }


def short_names(names: Sequence[str]) -> dict[str, str]:
    """For each dotted key the shortest end that no other key has: ``model.optimizer.lr`` is ``lr``."""
    ends = {name: [name.split(".")[at:] for at in range(name.count("."), -1, -1)] for name in names}
    taken = Counter(".".join(end) for each in ends.values() for end in each)
    # That there is a class says nothing: of the net it does.
    return {
        name: next((end for end in map(".".join, each) if taken[end] == 1 and end != "_target_"), name)
        for name, each in ends.items()
    }


def _run(run: Run) -> dict[str, Any]:
    record = run.record
    best = record["best"]
    sweep = record.get("sweep")
    return {
        "id": run.id,
        "short": run.short,
        "folder": str(run.folder),
        "sweep": sweep and {"id": sweep["id"], "trial": sweep["trial"]},
        "best": best and best | {"value": _plain(best["value"])},
        "metrics": {name: _plain(value) for name, value in _numbers(record).items()},
        "attempts": len(record.get("attempts") or [None]),
        "tags": record.get("tags") or [],
    } | {
        name: record.get(name)
        for name in ("task", "experiment", "note", "status", "created", "seconds", "seed", "command", "error")
    }


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    best = record["best"]
    all_values = dict(record["metrics"]) | ({f"best {best['metric']}": best["value"]} if best else {})
    return {
        name: value
        for name, value in all_values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinity: they are text."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _metrics(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every metric, those that checkpoints monitor first, with its direction: as recorded, else by its name."""
    best = [record["best"] for record in records if record["best"]]
    monitored = {f"best {each['metric']}": each["metric"] for each in best}
    modes = {each["metric"]: each["mode"] for each in best if each.get("mode")}
    names = dict.fromkeys([*monitored, *(name for record in records for name in _numbers(record))])
    found = []
    for name in names:
        of = monitored.get(name, name)
        mode = modes.get(of) or direction_by_name(of) or "min"
        found.append({"name": name, "lower": mode == "min", "monitors": monitored.get(name)})
    return found


def _importance(
    metric: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    settings: Sequence[Mapping[str, Plain]],
    names: Iterable[str],
) -> dict[str, Any]:
    values = [_numbers(record).get(metric["name"]) for record in records]
    columns = {name: [each.get(name) for each in settings] for name in names}
    found = importance(values, columns, lower=metric["lower"])
    return {
        "settings": [vars(each) for each in found.shares],
        "text": _importance_text(metric["name"], found),
    }


def _importance_text(metric: str, found: Importance) -> str:
    if found.runs < LEAST_RUNS:
        return (
            f"Too few runs: {found.runs} of this report {'has' if found.runs == 1 else 'have'} {metric}, and "
            f"fewer than {LEAST_RUNS} tell nothing, since even a perfect split of them could be chance."
        )
    text = (
        f"How much of the order of all {found.runs} runs that have {metric} each setting accounts for, beside the "
        "others: ω² of an analysis of variance of the ranks. The mark is what 1 in 20 random shuffles reach; a bar "
        "that ends before it is no finding. What only two settings together do is not seen."
        if found.shares
        else f"None of the settings of the {found.runs} runs that have {metric} can be judged."
    )
    if found.broken:
        text += f" The metric is not finite for {found.broken}, which count as the worst."
    if found.unjudged:
        names = ", ".join(found.unjudged[:5]) + (" and others" if len(found.unjudged) > 5 else "")
        text += f" Not judged, for too few runs share a value: {names}."
    return text


def _environment(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Rows of name, the different values, and for each run the place of its value."""
    packages = [_packages(run.folder) for run in runs]
    of_runs = {
        "git commit": [_commit(run.record.get("git")) for run in runs],
        "python": [run.record.get("python") for run in runs],
        "host": [run.record.get("host") for run in runs],
        "devices": [_devices(run.record.get("devices")) for run in runs],
    }
    names = dict.fromkeys([*SHOWN_PACKAGES, *sorted({name for each in packages for name in each})])
    for name in names:
        versions = [each.get(name) for each in packages]
        if any(versions) and (name in SHOWN_PACKAGES or len(set(versions)) > 1):
            of_runs[name] = versions
    rows = []
    for name, values in of_runs.items():
        different = sorted({value for value in values if value})
        places = {value: place for place, value in enumerate(different)}
        if different:
            rows.append(
                {"name": name, "values": different, "of": [places.get(value or "") for value in values]}
            )
    return rows


def _packages(folder: Path) -> dict[str, str]:
    file = folder / REQUIREMENTS_FILE
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: version for name, equals, version in (line.partition("==") for line in lines) if equals}


def _commit(git: Mapping[str, Any] | None) -> str | None:
    if not git or not git.get("commit"):
        return None
    branch = f" {git['branch']}" if git.get("branch") else ""
    return f"{git['commit'][:8]}{branch}{' + changes' if git.get('dirty') else ''}"


def _devices(devices: Mapping[str, Any] | None) -> str | None:
    if not devices or not devices.get("accelerator"):
        return None
    names = ", ".join(sorted(set(devices.get("names") or [])))
    return f"{devices.get('world_size', 1)} × {devices['accelerator']}{f' ({names})' if names else ''}"


def _or_problem(read: Callable[[Run], T], run: Run, otherwise: T, problems: list[str]) -> T:
    try:
        return read(run)
    except RunError as error:
        problems.append(str(error))
        return otherwise
