"""The curves of a run, out of its ``metrics.csv``, thinned to what a screen can show."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from hydra_lightning.errors import RunError

AXES = ("epoch", "step")
MOST_POINTS = 240_000
MOST_A_CURVE = 1000
LEAST_A_CURVE = 60


class Point(NamedTuple):
    """One value of a metric; ``epoch`` is None where none was logged."""

    step: int
    epoch: float | None
    value: float


def read_curves(file: Path, points: int) -> dict[str, list[Point]]:
    """The curve of every metric that has at least two steps, each of about ``points`` points at most.

    A step that was trained again after a resume replaces what was logged from there on. A last line without
    its end is still being written, and left out.

    Raises:
        RunError: a cell is not a number, or a row is longer than the header; names file and line.
    """
    curves: dict[str, list[Point]] = {}
    for line, row in enumerate(_rows(file), 2):
        try:
            _add(curves, row)
        except (TypeError, ValueError) as error:
            raise RunError(f"{file}:{line} is not a row of metrics: {error}") from error
    return {name: thinned(curve, points) for name, curve in curves.items() if len(curve) > 1}


def points_a_curve(files: Iterable[Path]) -> int:
    """How many points each curve of these files may have, for all of them to stay a few megabytes."""
    columns = sum(max(0, len(_header(file)) - len(AXES)) for file in files)
    return max(LEAST_A_CURVE, min(MOST_A_CURVE, MOST_POINTS // max(1, columns)))


def thinned(curve: list[Point], most: int) -> list[Point]:
    """``curve`` with the first, last, smallest, largest and first non-finite point of each of equal stretches.

    So a spike or a divergence of one step is still there, which an average or every n-th point would lose.
    """
    if len(curve) <= most:
        return curve
    stretches = most // 2
    kept = {0, len(curve) - 1}
    for part in range(stretches):
        places = range(part * len(curve) // stretches, (part + 1) * len(curve) // stretches)
        finite = [place for place in places if math.isfinite(curve[place].value)]
        if finite:
            kept.add(min(finite, key=lambda place: curve[place].value))
            kept.add(max(finite, key=lambda place: curve[place].value))
        if len(finite) < len(places):
            kept.add(next(place for place in places if not math.isfinite(curve[place].value)))
    return [curve[place] for place in sorted(kept)]


def packed(curves: dict[str, list[Point]]) -> dict[str, Any]:
    """``curves`` as plain data that is small as JSON.

    ``x`` holds each different pair of steps and epochs once, ``y`` for each metric its place in ``x`` and its
    values, to five digits; a value that is not finite is None.
    """
    places: dict[tuple[tuple[int, float | None], ...], int] = {}
    y = {}
    for name, curve in curves.items():
        along = tuple((point.step, point.epoch) for point in curve)
        y[name] = [places.setdefault(along, len(places)), [_short(point.value) for point in curve]]
    x = [[[step for step, _ in along], [epoch for _, epoch in along]] for along in places]
    return {"x": x, "y": y}


def _rows(file: Path) -> Iterable[dict[str, str]]:
    if not file.is_file():
        return
    text = file.read_text(encoding="utf-8", errors="replace")
    yield from csv.DictReader(text[: text.rfind("\n") + 1].splitlines())


def _header(file: Path) -> list[str]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", errors="replace") as lines:
        return next(csv.reader(lines), [])


def _add(curves: dict[str, list[Point]], row: dict[str, str]) -> None:
    if None in row:
        raise ValueError("it has more cells than the header.")
    if not row.get("step"):
        return
    step = int(float(row["step"]))
    epoch = float(row["epoch"]) if row.get("epoch") else None
    for name, cell in row.items():
        if name in AXES or not cell:
            continue
        curve = curves.setdefault(name, [])
        while curve and curve[-1].step >= step:
            curve.pop()
        curve.append(Point(step, epoch, float(cell)))


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None
