"""``hydra-lightning schema``: JSON schemas for an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if something has changed.")
    ] = False,
    modelines: Annotated[
        bool, typer.Option("--modelines", help="Name the schema in each config file too, for any editor.")
    ] = False,
    project: Annotated[Path, typer.Option(help="The project, or a folder in it.")] = Path(),
) -> None:
    """Write a JSON schema for every config file, and tell VS Code: it completes and checks while you type."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.tasks.schema import FOLDER, schemas

    root = nearest_project(project)
    found = schemas(root)
    for name, problem in found.broken.items():
        typer.echo(f"configs/{name}.yaml does not compose, so its schema knows less:\n  {problem}", err=True)
    stale = found.stale(root)
    if check:
        for name in stale:
            typer.echo(f"{FOLDER}/{name}")
        typer.echo(
            f"{len(stale)} schemas are out of date; type: hydra-lightning schema" if stale else "up to date"
        )
        raise typer.Exit(1 if stale else 0)
    found.write(root)
    typer.echo(f"wrote {FOLDER}/  {len(found.files)} schemas, {len(stale)} changed")
    typer.echo(
        f"wrote {found.write_settings(root).relative_to(root)}  (VS Code with the extension redhat.vscode-yaml)"
    )
    if modelines:
        typer.echo(f"wrote the name of its schema into {len(found.write_modelines(root))} config files")
