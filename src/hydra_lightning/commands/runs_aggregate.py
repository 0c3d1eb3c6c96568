"""``hydra-lightning runs aggregate``: means over seeds or folds."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from hydra_lightning.commands.formats import TEXTS, print_table, shown
from hydra_lightning.commands.options import Filters, FormatOrLatex, Project
from hydra_lightning.runs.table import Table

if TYPE_CHECKING:
    from hydra_lightning.runs.aggregate import Aggregate
    from hydra_lightning.runs.estimate import Estimate

DIGITS_OF_DEVIATION = 2


def aggregate(
    filters: Filters = None,
    over: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--over", help="A key that differs within a group: seed, data.fold. May be repeated."),
    ] = None,
    metric: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--metric", help="Else the optimised metric and those of the test. May be repeated."),
    ] = None,
    confidence: Annotated[float, typer.Option("--confidence", help="Of the interval of the mean.")] = 0.95,
    project: Project = Path(),
    format: FormatOrLatex = "table",
) -> None:
    """Mean, standard deviation and confidence interval of runs that are equal but for a seed or a fold."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.aggregate import aggregate as of_groups
    from hydra_lightning.runs.aggregate import as_table
    from hydra_lightning.runs.select import select
    from hydra_lightning.tasks.log_folder import log_folder

    runs = select(log_folder(nearest_project(project)), filters or [])
    found = of_groups(runs, over or [], metric or [], confidence)
    if format == "latex":
        typer.echo(_as_latex(found))
    elif format in ("table", "markdown"):
        print_table(_text_table(found, repeat=format == "markdown"), format)
    else:
        print_table(as_table(found), format)
    for note in found.notes:
        typer.echo(note, err=True)


def _text_table(found: Aggregate, repeat: bool) -> Table:
    """A metric after the other, each with all groups; in a terminal its name only once."""
    rows: list[list[Any]] = []
    for metric, group in itertools.product(found.metrics, found.groups):
        rows.append([metric, *group.settings.values(), *_cells(group.estimates[metric])])
    if not repeat:
        for before, row in reversed(list(itertools.pairwise(rows))):
            row[0] = "" if row[0] == before[0] else row[0]
    interval = f"{100 * found.confidence:g} % interval"
    return Table(
        ["metric", *found.names, "n", "mean", "std", interval],
        rows,
        heads={name: name.rpartition(".")[2] for name in found.names if _ends_are_enough(found.names)},
    )


def _ends_are_enough(names: list[str]) -> bool:
    return len({name.rpartition(".")[2] for name in names}) == len(names)


def _cells(estimate: Estimate | None) -> list[Any]:
    if estimate is None:
        return [0, "", "", ""]
    if estimate.std is None or estimate.low is None or estimate.high is None:
        return [estimate.n, shown(estimate.mean), "", ""]
    numbers = estimate.mean, estimate.std, estimate.low, estimate.high
    mean, std, low, high = (_rounded(value, estimate.std) for value in numbers)
    return [estimate.n, mean, std, f"{low} … {high}"]


def _rounded(value: float, std: float) -> str:
    """``value`` to the second digit of the deviation."""
    if std == 0 or not 1e-8 < std < 1e6:
        return shown(value)
    decimals = max(0, DIGITS_OF_DEVIATION - 1 - math.floor(math.log10(std)))
    return f"{value:.{decimals}f}"


def _as_latex(found: Aggregate) -> str:
    """A row a group, ``mean ± standard deviation`` of each metric."""
    rows: list[list[Any]] = []
    for group in found.groups:
        counts = sorted({each.n for each in group.estimates.values() if each})
        cells = [_cells(group.estimates[metric]) for metric in found.metrics]
        texts = [f"{mean} ± {std}" if std else mean for _, mean, std, _ in cells]
        rows.append([*group.settings.values(), "–".join(map(str, counts or [0])), *texts])
    text = TEXTS["latex"](Table([*found.names, "n", *found.metrics], rows))
    head = (
        f"% mean ± standard deviation of n runs, over {', '.join(found.over)}; needs \\usepackage{{booktabs}}"
    )
    return f"{head}\n{text}".replace("±", r"$\pm$").replace(r"mean $\pm$", "mean ±", 1)
