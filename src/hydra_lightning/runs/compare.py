"""What is different between runs: settings, metrics, environment and code."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.best import direction
from hydra_lightning.runs.fields import MISSING, Run
from hydra_lightning.runs.parting import packages as versions
from hydra_lightning.runs.settings import asked
from hydra_lightning.runs.table import Table
from hydra_lightning.runs.worktree import changes

PARTS = ("settings", "metrics", "environment", "packages", "code")


@dataclass(frozen=True)
class Comparison:
    """What differs between ``runs``; every value is a list with one entry a run, ``MISSING`` where it has none.

    Attributes:
        runs: in the order in which they were named.
        settings: of their configs, those that were typed or swept first.
        metrics: all of them, equal ones too: the last value; ``best NAME`` is the monitored one at its best epoch.
        modes: ``min`` or ``max`` of the metrics of which that is known.
        environment: Python, host, devices.
        packages: versions.
        code: commit, branch, and a digest of the patch (None without one).
        problems: what could not be compared, a sentence each.
    """

    runs: list[Run]
    settings: dict[str, list[Any]]
    metrics: dict[str, list[Any]]
    modes: dict[str, str]
    environment: dict[str, list[Any]]
    packages: dict[str, list[Any]]
    code: dict[str, list[Any]]
    problems: list[str]

    @property
    def equal(self) -> bool:
        """Whether nothing differs, the metrics included."""
        parts = (self.settings, self.environment, self.packages, self.code, differing(self.metrics))
        return not any(parts) and not self.problems

    def best(self, metric: str) -> set[int]:
        """The places of the runs with the best value of ``metric``; empty where all are equal, or it has no mode."""
        numbers = {place: value for place, value in enumerate(self.metrics[metric]) if _is_finite(value)}
        if metric not in self.modes or len(set(numbers.values())) < 2:
            return set()
        wanted = (min if self.modes[metric] == "min" else max)(numbers.values())
        return {place for place, value in numbers.items() if value == wanted}

    def change(self, metric: str) -> float | None:
        """From the first to the last run; None where one of them has no number."""
        first, last = self.metrics[metric][0], self.metrics[metric][-1]
        return last - first if _is_finite(first) and _is_finite(last) else None


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare at least two runs.

    The configs are compared without the places of the runs. A file that is missing or broken is among the
    ``problems``, and the rest compared.

    Raises:
        RunError: there are fewer than two.
    """
    if len(runs) < 2:
        raise RunError("A comparison needs two runs or more, as in: runs compare @last k3f9")
    problems: list[str] = []
    settings = _columns([_or_problem(run, "settings", problems) for run in runs])
    first = asked(run.record for run in runs)
    ranked = sorted(settings, key=lambda name: first.index(name) if name in first else len(first))
    return Comparison(
        runs=list(runs),
        settings=differing({name: settings[name] for name in ranked}),
        metrics=_columns([_metrics(run) for run in runs]),
        modes=_modes(runs),
        environment=differing(_columns([_environment(run) for run in runs])),
        packages=differing(_sorted(_columns([_or_problem(run, "packages", problems) for run in runs]))),
        code=differing(_columns([_code(run) for run in runs])),
        problems=problems,
    )


def as_table(found: Comparison) -> Table:
    """One row a difference or metric: its part, its name, a value a run, and for two runs the change of a metric."""
    two = len(found.runs) == 2
    rows = [
        [part, name, *(None if value is MISSING else value for value in values)]
        + ([found.change(name) if part == "metrics" else None] if two else [])
        for part in PARTS
        for name, values in getattr(found, part).items()
    ]
    ids = [run.id for run in found.runs]
    ids = ids if len(set(ids)) == len(ids) else [str(run.folder) for run in found.runs]
    return Table(["part", "name", *ids, *(["change"] if two else [])], rows)


def differing(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Those whose values are not all the same; NaN is the same as NaN, True is no 1, null is not nothing."""
    return {name: values for name, values in columns.items() if len({_key(value) for value in values}) > 1}


def _key(value: Any) -> tuple[type, Any]:
    return (type(value), repr(value))


def _columns(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: [run.get(name, MISSING) for run in runs] for name in names}


def _sorted(columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: columns[name] for name in sorted(columns)}


def _or_problem(run: Run, what: str, problems: list[str]) -> Mapping[str, Any]:
    try:
        return run.settings if what == "settings" else versions(run.folder)
    except RunError as error:
        problems.append(str(error))
        return {}


def _metrics(run: Run) -> dict[str, Any]:
    best = run.record["best"]
    return ({f"best {best['metric']}": best["value"]} if best else {}) | dict(
        sorted(run.record["metrics"].items())
    )


def _modes(runs: Sequence[Run]) -> dict[str, str]:
    modes: dict[str, str] = {}
    for name in dict.fromkeys(name for run in runs for name in _metrics(run)):
        # That nothing tells is no mistake here.
        with contextlib.suppress(RunError):
            modes[name] = direction(runs, name.removeprefix("best "))
    return modes


def _environment(run: Run) -> dict[str, Any]:
    devices = run.record.get("devices")
    below = devices if isinstance(devices, Mapping) else {}
    return {name: run.record.get(name, MISSING) for name in ("python", "host")} | {
        f"devices.{name}": value for name, value in below.items()
    }


def _code(run: Run) -> dict[str, Any]:
    git = run.record.get("git")
    if not git:
        return {}
    patch = changes(run.folder)
    digest = hashlib.sha256(patch).hexdigest()[:7] if patch else "gone" if git["dirty"] else None
    return {"commit": git["commit"], "branch": git["branch"], "patch": digest}


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
