"""``hydra-lightning runs rm`` and ``prune``: make room."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hydra_lightning.commands.formats import print_table
from hydra_lightning.commands.options import Filters, Format, Project
from hydra_lightning.runs.table import Table

if TYPE_CHECKING:
    from hydra_lightning.runs.fields import Run
    from hydra_lightning.runs.prune import Plan

UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def rm(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, beginnings of ids, or folders.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project: Project = Path(),
) -> None:
    """Remove runs with all that is in their folders, after showing them and asking."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.errors import RunError
    from hydra_lightning.runs.chosen import named_runs
    from hydra_lightning.runs.remove import check_removable, is_half_removed, remove_run, size_of
    from hydra_lightning.runs.uses import uses
    from hydra_lightning.tasks.log_folder import log_folder

    halves = [Path(word) for word in runs if is_half_removed(Path(word))]
    log_dir = log_folder(nearest_project(project))
    found = named_runs([word for word in runs if Path(word) not in halves], log_dir)
    for run in found:
        check_removable(run)
    sizes = {run.folder: size_of(run.folder) for run in found}
    if found:
        print_table(_runs_table(found, sizes), "table")
    for folder, users in uses(sizes, log_dir).items():
        for use in users:
            if use.user not in sizes:
                typer.echo(f"{use.user.name} uses {folder.name}/{use.file}", err=True)
    if not yes:
        if not sys.stdin.isatty():
            raise RunError(
                "Nothing was removed: there is no terminal to ask in. --yes removes without asking."
            )
        if not typer.confirm(f"Remove {_count(len(found) + len(halves))}, {size(sum(sizes.values()))}?"):
            raise typer.Exit(1)
    for folder in (*halves, *sizes):
        remove_run(folder)
    typer.echo(f"removed {_count(len(found) + len(halves))}, {size(sum(sizes.values()))}")


def prune(
    filters: Filters = None,
    failed: Annotated[bool, typer.Option("--failed", help="Runs that failed or were lost.")] = False,
    checkpoints: Annotated[
        bool,
        typer.Option("--checkpoints", help="All but the best; of unfinished runs what a resume needs stays."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it; without, it is only listed.")] = False,
    project: Project = Path(),
    format: Format = "table",
) -> None:
    """List what could go to make room, and with --yes remove it."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.errors import RunError
    from hydra_lightning.runs.prune import carry_out, plan
    from hydra_lightning.runs.select import select
    from hydra_lightning.tasks.log_folder import log_folder

    if not failed and not checkpoints:
        raise RunError("Prune what? --failed (whole runs), --checkpoints (all but the best), or both.")
    log_dir = log_folder(nearest_project(project))
    found = plan(select(log_dir, filters or []), log_dir, failed=failed, checkpoints=checkpoints)
    if found.removals or format != "table":
        print_table(_plan_table(found, format), format)
    for reason in found.kept:
        typer.echo(f"kept  {reason}", err=True)
    what = f"{size(found.bytes)} of {_count(len(found.removals))}"
    if not found.removals:
        typer.echo("nothing to remove", err=True)
    elif not yes:
        typer.echo(f"would remove {what}; nothing was removed yet, --yes does it", err=True)
    else:
        for removal in found.removals:
            carry_out(removal)
        typer.echo(f"removed {what}", err=True)


def _runs_table(runs: Sequence[Run], sizes: Mapping[Path, int]) -> Table:
    rows = [
        [run.id, run.record.get("experiment"), run.record["status"], run.created, size(sizes[run.folder])]
        for run in runs
    ]
    return Table(["id", "experiment", "status", "when", "size"], rows)


def _plan_table(found: Plan, format: str) -> Table:
    rows = [
        [
            each.run.id,
            each.run.record["status"],
            [str(file.relative_to(each.run.folder)) for file in each.files] or "the run",
            each.bytes if format in ("json", "csv") else size(each.bytes),
        ]
        for each in found.removals
    ]
    short = {each.run.id: each.run.short for each in found.removals}
    return Table(["id", "status", "goes", "bytes"], rows, heads={"bytes": "size"}, short=short)


def size(count: int) -> str:
    """``1.3 MB``"""
    return next((f"{count / unit:.1f} {name}" for unit, name in UNITS if count >= unit), f"{count} bytes")


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"
