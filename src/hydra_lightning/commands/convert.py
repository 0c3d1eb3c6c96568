"""``hydra-lightning convert``: a training script becomes a LightningModule, a data module and configs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hydra_lightning.convert.convert import Conversion

CODES = {"error": 4, "to do": 5, "refused": 6}


def convert(
    program: Annotated[Path, typer.Argument(help="The script that trains.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- ARGUMENTS", help="Of the script.")
    ] = None,
    project: Annotated[Path, typer.Option("--into", help="A folder in the project.")] = Path(),
    name: Annotated[str | None, typer.Option("--name", help="Of the files and the experiment.")] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Compare so many epochs.")] = 2,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="What is copied for the script to run in; its own folder.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the files and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Rewrite a training script for this project, and prove that it trains the same, to the last bit."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.convert.convert import convert, write
    from hydra_lightning.convert.refusal import Refused
    from hydra_lightning.errors import ConfigError, ParityError
    from hydra_lightning.parity.sides import Limits, Script

    if form not in ("text", "json"):
        raise ConfigError(f"--format {form}: text or json.")
    root = nearest_project(project)
    script = Script(program, tuple(arguments or ()), folder)
    try:
        found = convert(script, root, name, Limits(epochs=epochs), force)
    except Refused as error:
        if form == "json":
            typer.echo(
                json.dumps({"status": "refused", "code": error.code, "site": error.site, "why": error.why})
            )
        else:
            typer.echo(f"{error}\nnothing was written", err=True)
        raise typer.Exit(CODES["refused"]) from error
    except ParityError as error:
        typer.echo(f"{error}\nnothing was written", err=True)
        raise typer.Exit(CODES["error"]) from error
    if dry_run:
        for path, content in found.files.items():
            typer.echo(f"--- {path}\n{content}")
    else:
        write(found, root)
    typer.echo(json.dumps(_data(found), indent=2) if form == "json" else _text(found, dry_run))
    if found.to_do:
        raise typer.Exit(CODES["to do"])


def _data(found: Conversion) -> dict[str, object]:
    return {
        "status": found.verdict.status,
        "experiment": found.experiment,
        "files": list(found.files),
        "keys": found.keys,
        "lines": [asdict(line) for line in found.lines],
    }


def _text(found: Conversion, dry_run: bool) -> str:
    from hydra_lightning.parity.verdict import text

    tape = found.tape
    kinds = Counter(name.rstrip("0123456789") for name in tape.objects)
    made = [
        facts["class"].rpartition(".")[2]
        for name, facts in tape.objects.items()
        if name.startswith(("opt", "sch"))
    ]
    told = [
        f"recorded  {len(tape.losses)} steps, {tape.facts['epochs']} epochs  ({', '.join(made)}; "
        f"{kinds['loader']} loader{'s' * (kinds['loader'] != 1)})"
    ]
    for index, (path, content) in enumerate(found.files.items()):
        start = "" if index else "would write" if dry_run else "wrote"
        told.append(f"{start:9} {path:55} {len(content.splitlines()):4} lines")
    options = ", ".join(f"{code} → {key}" for code, key in found.keys.items())
    told.append(f"settings  {options or 'none'}")
    told.append(f"parity    {text(found.verdict)}")
    told += [f"to do     {line.site}  {line.why}: {line.code}" for line in found.to_do]
    told.append(f"next: python lightning_classes/train.py experiment={found.experiment}")
    return "\n".join(told)
