"""``hydra-lightning runs report``: one HTML file about runs, with charts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from hydra_lightning.commands.options import Filters, Project

MOST_SHOWN = 10


def report(
    filters: Filters = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path("report.html"),
    title: Annotated[Optional[str], typer.Option("--title", help="The heading.")] = None,  # noqa: UP045
    project: Project = Path(),
) -> None:
    """Write one HTML file about the runs that match: table, curves, charts; it opens offline."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.report import write_report
    from hydra_lightning.tasks.log_folder import log_folder

    root = nearest_project(project)
    runs, problems = write_report(
        log_folder(root), output, filters or (), title=f"Runs of {root.name}" if title is None else title
    )
    size = output.stat().st_size / 1e6
    typer.echo(f"{output}  {runs} {'run' if runs == 1 else 'runs'}, {size:.1f} MB")
    if problems:
        typer.echo(f"{len(problems)} could not be read, and are named in the report:", err=True)
        for problem in problems[:MOST_SHOWN]:
            typer.echo(f"  {problem}", err=True)
        if len(problems) > MOST_SHOWN:
            typer.echo(f"  and {len(problems) - MOST_SHOWN} more", err=True)
