"""``hydra-lightning runs compare``: what is different between runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hydra_lightning.commands.formats import as_text, number, plain, print_table, shown, terminal_width
from hydra_lightning.commands.options import Format, Project
from hydra_lightning.runs.table import Table

if TYPE_CHECKING:
    from hydra_lightning.runs.compare import Comparison

ARROWS = {"min": " ↓", "max": " ↑", None: ""}


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Two or more: ids, @last, @best:METRIC, folders, or filters."),
    ],
    project: Project = Path(),
    format: Format = "table",
) -> None:
    """The settings that differ, metrics side by side, and what differs in environment and code."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.chosen import named_or_filtered
    from hydra_lightning.runs.compare import as_table
    from hydra_lightning.runs.compare import compare as between
    from hydra_lightning.tasks.log_folder import log_folder

    found = between(named_or_filtered(runs, log_folder(nearest_project(project))))
    for problem in found.problems:
        typer.echo(problem, err=True)
    if format == "json":
        typer.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    elif format == "table":
        _print_text(found, terminal_width())
    else:
        print_table(as_table(found), format)


def _as_json(found: Comparison) -> dict[str, Any]:
    from hydra_lightning.runs.compare import PARTS
    from hydra_lightning.runs.fields import MISSING

    ids = [run.id for run in found.runs]
    parts = {
        part: {
            name: {run: plain(value) for run, value in zip(ids, values, strict=True) if value is not MISSING}
            for name, values in getattr(found, part).items()
        }
        for part in PARTS
    }
    return {"runs": ids, "equal": found.equal, **parts, "problems": found.problems}


def _print_text(found: Comparison, width: int | None) -> None:
    """As many runs beside one another as ``width`` has room for, the others below."""
    places = list(range(len(found.runs)))
    while places:
        side_by_side = len(places)
        while side_by_side > 1 and width is not None and _wide(found, places[:side_by_side]) > width:
            side_by_side -= 1
        text, _ = as_text(_text_table(found, places[:side_by_side]), width)
        head, *rows = text.splitlines()
        typer.echo("\n".join([typer.style(head, bold=True), *rows]))
        places = places[side_by_side:]
        if places:
            typer.echo()
    for line in _same(found):
        typer.echo(line)


def _wide(found: Comparison, places: Sequence[int]) -> int:
    return max(map(len, as_text(_text_table(found, places))[0].splitlines()))


def _text_table(found: Comparison, places: Sequence[int]) -> Table:
    from hydra_lightning.runs.compare import PARTS

    two = len(found.runs) == 2 == len(places)
    rows: list[list[str]] = []
    for part in PARTS:
        for name, values in getattr(found, part).items():
            is_metric = part == "metrics"
            best = found.best(name) if is_metric else set()
            digits = 12 if part == "code" else 60
            cells = [
                cell + (" *" if place in best else "")
                for place, cell in enumerate(_cells(values, digits))
                if place in places
            ]
            label = name + (ARROWS[found.modes.get(name)] if is_metric else "")
            rows.append(
                [part, label, *cells, *([_change(found.change(name))] if two and is_metric else [""] * two)]
            )
    for before, row in reversed(list(itertools.pairwise(rows))):
        row[0] = "" if row[0] == before[0] else row[0]
    ids = [found.runs[place].short for place in places]
    return Table(["part", "name", *ids, *(["change"] if two else [])], rows, heads={"part": "", "name": ""})


def _cells(values: Sequence[Any], most: int) -> list[str]:
    """One text a value; numbers that differ look different, and what a run does not have is a dash."""
    from hydra_lightning.runs.fields import MISSING

    cells = [
        "–" if value is MISSING else "null" if value is None else shown(value)[:most] for value in values
    ]
    floats = [(place, value) for place, value in enumerate(values) if isinstance(value, float)]
    if len({cells[place] for place, _ in floats}) < len({repr(value) for _, value in floats}):
        for place, value in floats:
            cells[place] = f"{value:.9g}"
    return cells


def _change(value: float | None) -> str:
    return "" if value is None else f"{'+' if value > 0 else ''}{number(value)}"


def _same(found: Comparison) -> list[str]:
    """What does not differ, in words."""
    if found.equal:
        return ["nothing differs"]
    same = [part for part in ("settings", "environment", "packages", "code") if not getattr(found, part)]
    return [f"the same: {', '.join(same)}"] if same else []
