"""``hydra-lightning config``: make config files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(help="Make config files.", no_args_is_help=True)


@app.callback()
def config() -> None:
    pass


@app.command()
def new(
    group: Annotated[str, typer.Argument(help="A config group: model, callbacks, model/net, ...")],
    name: Annotated[str, typer.Argument(help="The new option: configs/GROUP/NAME.yaml.")],
    target: Annotated[str, typer.Argument(help="A class or function: package.module.Class.")],
    nest: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="KEY=TARGET: a config inside the config, for an argument that is an object itself."
        ),
    ] = None,
    partial: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--partial/--no-partial", help="Whether the code calls it later; decided from the group."
        ),
    ] = None,
    project: Annotated[Path, typer.Option(help="The project, or a folder in it.")] = Path(),
) -> None:
    """Write configs/GROUP/NAME.yaml for a class or function: its arguments, defaults and documentation."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.config.new_config import names_of, new_config
    from hydra_lightning.config.problems import report
    from hydra_lightning.tasks.check import check_overrides

    root = nearest_project(project)
    written = new_config(root, group, name, target, names_of(nest or []), partial)
    file = str(written.file.relative_to(root))
    for each in written.imported:
        typer.echo(f"{each}: its source does not tell its arguments, so it was imported.", err=True)
    typer.echo(f"wrote {file}")
    for note in written.notes:
        typer.echo(f"  {note}")
    if written.missing:
        typer.echo(f"to fill in (???): {', '.join(written.missing)}")
    problems = [each for each in check_overrides(root, [written.override]) if each.file == file]
    if wrong := [each for each in problems if "???" not in each.message]:
        typer.echo(report(wrong), err=True)
    script = next(iter(sorted(root.glob("*/train.py"))), root / "train.py")
    typer.echo(f"next: python {script.relative_to(root)} {written.override}")
