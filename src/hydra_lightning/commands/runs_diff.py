"""``hydra-lightning runs diff``: what is different between the code of two runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hydra_lightning.commands.options import Project, RunArgument


def diff(
    first: RunArgument,
    second: RunArgument,
    stat: Annotated[bool, typer.Option("--stat", help="Only the files, with the number of lines.")] = False,
    project: Project = Path(),
) -> None:
    """The code of one run against that of another, commit and patch of each, as a unified diff."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.chosen import named_runs
    from hydra_lightning.runs.code import diff_runs, not_in_patches
    from hydra_lightning.tasks.log_folder import log_folder

    root = nearest_project(project)
    one, other = (run.folder for run in named_runs([first, second], log_folder(root)))
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    shown = diff_runs(one, other, root, stat=stat, color=color)
    for each in not_in_patches(one, other):
        typer.echo(f"not compared, in no patch: {each}", err=True)
    if shown:
        # As it is: files may be of any encoding.
        typer.echo(os.fsencode(shown), nl=False)
    else:
        typer.echo("The code of the two runs is the same.", err=True)
