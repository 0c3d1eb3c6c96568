"""``hydra-lightning runs resume``: a run goes on in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from hydra_lightning.commands.options import RunArgument


def resume(
    run: RunArgument,
    overrides: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(help="On top of its saved config, as trainer.max_epochs=20."),
    ] = None,
    project: Annotated[Path, typer.Option("--project", help="The project, or a folder in it.")] = Path(),
) -> None:
    """Go on with a run that was killed, interrupted or is to train longer, in its folder."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.store import find_run
    from hydra_lightning.tasks.log_folder import log_folder
    from hydra_lightning.tasks.resume import resume as go_on

    root = nearest_project(project)
    go_on(find_run(run, log_folder(root)).absolute(), root, overrides or [])
