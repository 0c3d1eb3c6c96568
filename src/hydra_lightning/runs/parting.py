"""Whether two runs that should be the same are: where their metrics part, and what differs around them."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from hydra_lightning.errors import RunError
from hydra_lightning.runs.files import METRICS_FILE, REQUIREMENTS_FILE

NO_METRICS = ("epoch", "step")

# Epoch and value by step; -1 for what was logged without one.
Series = dict[int, tuple["int | None", float]]


@dataclass(frozen=True)
class Parting:
    """The first step at which a metric is another one; a value is None where the run has none at that step."""

    metric: str
    step: int
    epoch: int | None
    first: float | None
    second: float | None


@dataclass(frozen=True)
class Comparison:
    """How many metrics were compared at how many steps, and those that part, the earliest first."""

    metrics: int
    steps: int
    partings: list[Parting]


def compare_metrics(first: Path, second: Path, whole: bool = True) -> Comparison:
    """Compare the ``metrics.csv`` of two run folders, value by value, to the last bit.

    NaN is equal to NaN. Of a step that was trained twice, after a resume, the later value counts.

    Args:
        first: a run folder.
        second: another one.
        whole: False when the first run did not get to its end: then no step after its last one counts.

    Raises:
        RunError: one has no ``metrics.csv``, or it cannot be read.
    """
    left, right = _metrics(first), _metrics(second)
    end = max((step for series in left.values() for step in series), default=-1)
    if not whole:
        right = {name: {at: row for at, row in series.items() if at <= end} for name, series in right.items()}
        right = {name: series for name, series in right.items() if series}
    names = {**left, **right}
    found = (_parting(name, left.get(name, {}), right.get(name, {})) for name in names)
    partings = sorted((each for each in found if each is not None), key=lambda each: each.step)
    steps = {step for runs in (left, right) for series in runs.values() for step in series}
    return Comparison(len(names), len(steps), partings)


def package_differences(first: Path, second: Path) -> dict[str, tuple[str | None, str | None]]:
    """The packages of ``requirements.txt`` with another version; None where a run did not have the package.

    Raises:
        RunError: one of the run folders has no such file.
    """
    left, right = packages(first), packages(second)
    names = sorted(left.keys() | right.keys())
    return {name: (left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)}


def _parting(name: str, left: Series, right: Series) -> Parting | None:
    for step in sorted(left.keys() | right.keys()):
        epoch, first = left.get(step, (None, None))
        other_epoch, second = right.get(step, (None, None))
        if not _equal(first, second):
            return Parting(name, step, other_epoch if epoch is None else epoch, first, second)
    return None


def _equal(first: float | None, second: float | None) -> bool:
    return first == second or (
        first is not None and second is not None and math.isnan(first) and math.isnan(second)
    )


def _metrics(folder: Path) -> dict[str, Series]:
    file = folder / METRICS_FILE
    found: dict[str, Series] = {}
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                epoch = int(row["epoch"]) if row.get("epoch") else None
                for name, text in row.items():
                    if name not in NO_METRICS and text:
                        found.setdefault(name, {})[int(row["step"] or -1)] = epoch, float(text)
    except FileNotFoundError:
        raise RunError(
            f"{folder} has no {METRICS_FILE}: the run logged nothing, or it was deleted."
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{file} cannot be read as the metrics of a run: {error}") from error
    return found


def packages(folder: Path) -> dict[str, str]:
    """The version of every package that was installed; RunError when ``requirements.txt`` cannot be read."""
    file = folder / REQUIREMENTS_FILE
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    return {name: version for name, _, version in (line.partition("==") for line in lines if line)}
