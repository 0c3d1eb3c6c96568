"""A table as text for a terminal, JSON, CSV, Markdown or LaTeX."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import typer

from hydra_lightning.runs.table import Table

GAP = "  "
NARROWEST_TEXT = 20
COLORS = {
    "completed": "green",
    "running": "cyan",
    "failed": "red",
    "lost": "red",
    "interrupted": "yellow",
    "pruned": "yellow",
}
LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    character: f"\\{character}" for character in "&%$#_{}"
}


def print_table(table: Table, format: str) -> None:
    """Print ``table`` on stdout, as ``table`` (at most as wide as the terminal), json, csv, markdown or latex."""
    if format != "table":
        typer.echo(TEXTS[format](table))
        return
    text, left_out = as_text(table, terminal_width())
    head, *rows = text.splitlines()
    typer.echo("\n".join([typer.style(head, bold=True), *map(_colored, rows)]))
    if left_out:
        typer.secho(f"no room for {', '.join(left_out)}", dim=True)


def terminal_width() -> int | None:
    """The width that lines may have: that of the terminal, or of COLUMNS; None where there is neither."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def as_text(table: Table, width: int | None = None) -> tuple[str, list[str]]:
    """Aligned columns, and the columns for which ``width`` had no room."""
    shown = {
        name: [table.heads.get(name, name), *_column([row[place] for row in table.rows], table.short)]
        for place, name in enumerate(table.columns)
    }
    right = {
        name
        for place, name in enumerate(table.columns)
        if all(_is_number(row[place]) or row[place] is None for row in table.rows)
        and any(row[place] is not None for row in table.rows)
    }
    wide = {name: max(map(cell_width, cells)) for name, cells in shown.items()}
    left_out: list[str] = []
    droppable = [name for name in table.optional if name in shown]
    while width is not None and droppable and _least(wide, left_out) > width:
        left_out.append(droppable.pop(0))
    kept = [name for name in shown if name not in left_out]
    over = _total(wide[name] for name in kept) - width if width is not None else 0
    for name in sorted(kept, key=lambda each: -wide[each]):
        cut = min(max(over, 0), max(0, wide[name] - NARROWEST_TEXT))
        wide[name], over = wide[name] - cut, over - cut
    lines = []
    for number in range(len(table.rows) + 1):
        cells = [_padded(shown[name][number], wide[name], name in right) for name in kept]
        lines.append(GAP.join(cells).rstrip())
    return "\n".join(lines), [name for name in table.columns if name in left_out]


def as_json(table: Table) -> str:
    """A list with one object a row; NaN and infinities are text, as in ``run.json``."""
    objects = [
        {name: plain(value) for name, value in zip(table.columns, row, strict=True)} for row in table.rows
    ]
    return json.dumps(objects, indent=2, ensure_ascii=False)


def as_csv(table: Table) -> str:
    """A head and a line a row; None is empty, a list is its JSON."""
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        values = [plain(value) for value in row]
        writer.writerow(
            json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
            for value in values
        )
    return file.getvalue().removesuffix("\n")


def as_markdown(table: Table) -> str:
    """A table of GitHub's Markdown, with the numbers of a terminal."""
    cells = _cells(table, lambda text: text.replace("\\", "\\\\").replace("|", "\\|"))
    lines = [f"| {' | '.join(row)} |" for row in cells]
    rule = ["--:" if number else "---" for number in _numeric(table)]
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def as_latex(table: Table) -> str:
    """A ``tabular`` with the rules of booktabs, with the numbers of a terminal."""
    lines = [
        " & ".join(row) + r" \\"
        for row in _cells(table, lambda text: "".join(LATEX.get(character, character) for character in text))
    ]
    kinds = "".join("r" if number else "l" for number in _numeric(table))
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{kinds}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


TEXTS: dict[str, Callable[[Table], str]] = {
    "json": as_json,
    "csv": as_csv,
    "markdown": as_markdown,
    "latex": as_latex,
}


def plain(value: Any) -> Any:
    """``value`` as JSON has it: dates in ISO 8601, durations in seconds, NaN and infinities as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def shown(value: Any) -> str:
    """``value`` as a terminal shows it: four digits, ``2 min ago``, one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return ago(value)
    if isinstance(value, timedelta):
        return duration(value.total_seconds())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(shown, value))
    text = json.dumps(value) if isinstance(value, Mapping) else str(value)
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def number(value: float) -> str:
    """Four digits: ``0.9778``, ``1e-05``, ``12346``."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if 1e-4 <= abs(value) < 1e6:
        return f"{value:.{max(0, 3 - math.floor(math.log10(abs(value))))}f}".rstrip("0").rstrip(".") or "0"
    return f"{value:.4g}"


def ago(moment: datetime) -> str:
    """``2 min ago``; the date after a month."""
    moment = moment.astimezone()
    seconds = (datetime.now().astimezone() - moment).total_seconds()
    if seconds >= 31 * 86400 or seconds < -60:
        return f"{moment:%Y-%m-%d}"
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {name} ago"
    return "now" if seconds < 5 else f"{int(seconds)} s ago"


def duration(seconds: float) -> str:
    """``14 s``, ``3 min 20 s``, ``2 h 5 min``, ``1 d 4 h``."""
    if seconds < 60:
        return f"{number(round(seconds, 1))} s" if seconds < 10 else f"{seconds:.0f} s"
    for size, name, part, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = int(seconds % size // part)
            return f"{int(seconds // size)} {name}" + (f" {rest} {below}" if rest else "")
    raise AssertionError(seconds)


def cell_width(text: str) -> int:
    """How many columns of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


def _column(values: Sequence[Any], short: Mapping[str, str]) -> list[str]:
    """The cells of a column; measured numbers, which have many digits, get equally many decimals."""
    floats = [value for value in values if isinstance(value, float) and math.isfinite(value)]
    largest = max(map(abs, floats), default=0.0)
    measured = any(number(value) != f"{value:g}" or len(repr(value)) > 8 for value in floats)
    if not measured or not 1e-3 <= largest < 1e6:
        return [shown(short.get(value, value) if isinstance(value, str) else value) for value in values]
    decimals = max(0, 3 - max(0, math.floor(math.log10(largest))))
    cells = []
    for value in values:
        if isinstance(value, float) and math.isfinite(value) and not 0 < abs(value) < 10**-decimals:
            cells.append(f"{value:.{decimals}f}")
        else:
            cells.append(shown(short.get(value, value) if isinstance(value, str) else value))
    return cells


def _cells(table: Table, escaped: Callable[[str], str]) -> list[list[str]]:
    """Heads and cells, with whole ids and dates, for a document."""
    columns = [
        [name, *map(shown, _column([_dated(row[place]) for row in table.rows], {}))]
        for place, name in enumerate(table.columns)
    ]
    return [[escaped(cell) for cell in row] for row in zip(*columns, strict=True)]


def _dated(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value


def _numeric(table: Table) -> list[bool]:
    return [any(_is_number(row[place]) for row in table.rows) for place in range(len(table.columns))]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, timedelta)) and not isinstance(value, bool)


def _least(wide: Mapping[str, int], left_out: Sequence[str]) -> int:
    return _total(min(width, NARROWEST_TEXT) for name, width in wide.items() if name not in left_out)


def _total(widths: Iterable[int]) -> int:
    every = list(widths)
    return sum(every) + len(GAP) * (len(every) - 1)


def _padded(cell: str, width: int, right: bool) -> str:
    if cell_width(cell) > width:
        while cell_width(cell) > width - 1:
            cell = cell[:-1]
        cell += "…"
    fill = " " * (width - cell_width(cell))
    return fill + cell if right else cell + fill


def _colored(line: str) -> str:
    return re.sub(
        rf"(?<=  )({'|'.join(COLORS)})(?=  |$)",
        lambda found: typer.style(found[1], fg=COLORS[found[1]]),
        line,
        count=1,
    )
