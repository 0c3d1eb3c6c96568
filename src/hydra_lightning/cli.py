"""The ``hydra-lightning`` command: one short function a command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

import hydra_lightning
from hydra_lightning.commands import config, experiment, runs
from hydra_lightning.commands.check import check
from hydra_lightning.commands.convert import convert
from hydra_lightning.commands.doctor import doctor
from hydra_lightning.commands.parity import parity
from hydra_lightning.commands.schema import schema
from hydra_lightning.errors import HydraLightningError

app = typer.Typer(
    name="hydra-lightning",
    help="From a PyTorch script to tracked, configurable, reproducible experiments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(config.app, name="config")
app.add_typer(experiment.app, name="experiment")
app.add_typer(runs.app, name="runs")


def _version(show: bool) -> None:
    if show:
        typer.echo(f"hydra-lightning {hydra_lightning.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def new(
    path: Annotated[Path, typer.Argument(help="The folder to write; it must not exist or be empty.")],
    example: Annotated[
        Optional[str], typer.Option("--example", help="digits (image classifier) or text (language model).")  # noqa: UP045
    ] = None,
    bare: Annotated[
        bool, typer.Option("--bare", help="No example: your own data and model come first.")
    ] = False,
) -> None:
    """Write a new project: configs, data module, model, tests and a notebook."""
    from hydra_lightning.errors import ProjectError
    from hydra_lightning.scaffold.new import BARE, new_project

    if bare and example:
        raise ProjectError("--bare and --example: give one of them.")
    project = new_project(path, BARE if bare else example or "digits")
    what = "no example" if bare else f'example "{project.example}"'
    typer.echo(f"{path}/  {len(project.groups)} config groups, {what}")
    typer.echo(f"next: cd {path} && python lightning_classes/train.py")


app.command()(check)
app.command()(convert)
app.command()(doctor)
app.command()(parity)
app.command()(schema)


def main() -> None:
    """Run the command line; a mistake is one message on stderr and exit code 1."""
    try:
        app()
    except HydraLightningError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
