"""``hydra-lightning runs list`` and ``runs best``: which runs there are, and which is the best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from hydra_lightning.commands.options import Filters, Format, Project

Mode = Annotated[
    Optional[Literal["min", "max"]],  # noqa: UP045
    typer.Option("--mode", help="min or max; else as it was monitored, or by its name."),
]


def list_(
    filters: Filters = None,
    sort: Annotated[str, typer.Option("--sort", help="A key, or -KEY for the largest first.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="How many runs; 0 is all.")] = 20,
    columns: Annotated[
        str, typer.Option("--columns", help="The keys to show: id,lr,val/acc; else those that differ.")
    ] = "",
    best: Annotated[str, typer.Option("--best", help="A metric: the best run by it first.")] = "",
    mode: Mode = None,
    project: Project = Path(),
    format: Format = "table",
) -> None:
    """List runs, the newest first, with the settings that differ between them."""
    from hydra_lightning.commands.formats import print_table
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.listing import best_first, listing, sorted_by, whole
    from hydra_lightning.runs.select import select
    from hydra_lightning.tasks.log_folder import log_folder

    log_dir = log_folder(nearest_project(project))
    runs = select(log_dir, filters or [])
    if best:
        runs = best_first(runs, best, mode)
    if sort:
        runs = sorted_by(runs, sort)
    shown = runs[:limit] if limit else runs
    keys = [key.strip() for key in columns.split(",") if key.strip()]
    if not runs and format == "table":
        what = "No run fulfils that" if filters else f"No runs below {log_dir} yet"
        typer.echo(f"{what}.", err=True)
        return
    print_table(whole(shown) if format == "json" and not keys else listing(shown, keys, best, mode), format)
    if len(shown) < len(runs):
        typer.secho(f"{len(runs) - len(shown)} more: --limit 0 shows all", dim=True, err=format != "table")


def best(
    metric: Annotated[str, typer.Argument(help="Such as val/acc.")],
    filters: Filters = None,
    mode: Mode = None,
    project: Project = Path(),
    format: Format = "table",
) -> None:
    """Show the best run by a metric; NaN is never the best."""
    from hydra_lightning.commands.formats import print_table
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.errors import RunError
    from hydra_lightning.runs.best import best_run, direction, metric_name
    from hydra_lightning.runs.listing import listing, whole
    from hydra_lightning.runs.select import select
    from hydra_lightning.tasks.log_folder import log_folder

    log_dir = log_folder(nearest_project(project))
    runs = select(log_dir, filters or [])
    if not runs:
        raise RunError("No run fulfils that." if filters else f"No runs below {log_dir} yet.")
    found = best_run(runs, metric, mode)
    chosen = direction(runs, metric_name(runs, metric), mode)
    print_table(whole([found]) if format == "json" else listing([found], (), metric, chosen), format)
    if format == "table":
        typer.secho(str(found.folder), dim=True)
