"""``hydra-lightning convert``: a training script becomes a LightningModule, a data module and configs."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from hydra_lightning.convert.convert import Conversion

CODES = {"error": 4, "to do": 5, "refused": 6}


def convert(
    program: Annotated[
        Path, typer.Argument(help="The script or notebook that trains, or the plan of a conversion.")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- ARGUMENTS", help="Of the script.")
    ] = None,
    project: Annotated[Path, typer.Option("--into", help="A folder in the project.")] = Path(),
    name: Annotated[str | None, typer.Option("--name", help="Of the files and the experiment.")] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Compare so many epochs.")] = 2,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="What is copied for the script to run in; its own folder.")
    ] = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Print the plan as YAML, to be edited and given in place of the script."),
    ] = False,
    static: Annotated[
        bool,
        typer.Option("--static", help="Run nothing: read the script alone; what is written is not proved."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the difference and write nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Rewrite a training script for this project, and prove that it trains the same, to the last bit."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.convert.convert import convert, write
    from hydra_lightning.convert.plan import Plan, is_plan, plan_data, plan_text, read_plan
    from hydra_lightning.convert.refusal import Refused
    from hydra_lightning.convert.wishes import Wishes
    from hydra_lightning.errors import ConfigError, ParityError
    from hydra_lightning.parity.sides import Limits, Script

    root = nearest_project(project)
    if is_plan(program):
        if arguments or folder is not None:
            raise ConfigError(f"{program} is a plan: the arguments and the folder of the script stand in it.")
        wanted = read_plan(program)
    else:
        wanted = Plan(Script(program, tuple(arguments or ()), folder), None, Wishes())
    try:
        found = convert(
            wanted.program,
            root,
            name or wanted.name,
            Limits(epochs=epochs),
            force or plan,
            wanted.wishes,
            prove=not plan and not static,
            static=static,
        )
    except Refused as error:
        if form == "json":
            told = {"status": "refused", "code": error.code, "site": error.site, "why": error.why}
            typer.echo(json.dumps(told, indent=2))
        else:
            typer.echo(f"{error}\nnothing was written", err=True)
        raise typer.Exit(CODES["refused"]) from error
    except ParityError as error:
        if form == "json":
            typer.echo(json.dumps({"status": "error", "why": str(error)}, indent=2))
        else:
            typer.echo(f"{error}\nnothing was written", err=True)
        raise typer.Exit(CODES["error"]) from error
    if plan:
        data = plan_data(wanted.program, found)
        typer.echo(json.dumps(data, indent=2) if form == "json" else plan_text(data).rstrip())
        return
    if dry_run and form == "text":
        typer.echo(_difference(found, root))
    if not dry_run:
        write(found, root)
    typer.echo(json.dumps(_data(found), indent=2) if form == "json" else _text(found, dry_run))
    if found.to_do:
        raise typer.Exit(CODES["to do"])


def _difference(found: Conversion, root: Path) -> str:
    """What would be written, as a patch of the project."""
    lines: list[str] = []
    for path, content in found.files.items():
        file = root / path
        old = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        before = f"a/{path}" if file.is_file() else "/dev/null"
        lines += difflib.unified_diff(old, content.splitlines(), before, f"b/{path}", lineterm="")
    return "\n".join(lines)


def _data(found: Conversion) -> dict[str, object]:
    from hydra_lightning.parity.verdict import as_data

    return {
        "status": found.verdict.status if found.verdict else "UNVERIFIED",
        "experiment": found.experiment,
        "steps": found.steps,
        "files": list(found.files),
        "keys": found.keys,
        "lines": [asdict(line) for line in found.lines],
        "metrics": [asdict(each) for each in found.metrics],
        "parity": as_data(found.verdict) if found.verdict else None,
    }


def _text(found: Conversion, dry_run: bool) -> str:
    from hydra_lightning.convert.report import UNVERIFIED
    from hydra_lightning.parity.verdict import text

    tape = found.tape
    kinds = Counter(name.rstrip("0123456789") for name in tape.objects)
    made = [
        facts["class"].rpartition(".")[2]
        for name, facts in tape.objects.items()
        if name.startswith(("opt", "sch"))
    ]
    read = (
        f"recorded  {len(tape.losses)} steps, {tape.facts['epochs']} epochs"
        if found.verdict
        else "read, not run"
    )
    told = [f"{read}  ({', '.join(made)}; {kinds['loader']} loader{'s' * (kinds['loader'] != 1)})"]
    for index, (path, content) in enumerate(found.files.items()):
        start = "" if index else "would write" if dry_run else "wrote"
        told.append(f"{start:9} {path:55} {len(content.splitlines()):4} lines")
    options = ", ".join(f"{code} → {key}" for code, key in found.keys.items())
    told.append(f"settings  {options or 'none'}")
    told.append(f"parity    {text(found.verdict) if found.verdict else UNVERIFIED}")
    same = [each.name for each in found.metrics if each.times and each.differs is None]
    told += [f"metrics   {', '.join(same)}: as printed"] if same else []
    told += [f"to do     {line.site}  {line.why}: {line.code}" for line in found.to_do]
    told.append(f"next: python lightning_classes/train.py experiment={found.experiment}")
    return "\n".join(told)
