"""``hydra-lightning experiment``: write, list and show the experiments of a project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

if TYPE_CHECKING:
    from hydra_lightning.tasks.experiments import Changes

app = typer.Typer(
    help="Experiments: one file each with what differs from the defaults.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Project = Annotated[Path, typer.Option("--project", help="The project, or a folder in it.")]
ConfigName = Annotated[str, typer.Option("--config-name", help="The main config.")]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="text or json")]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the experiment; folders are allowed: ablations/wide.")],
    overrides: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(help="What worked on the command line: experiment=digits trainer.max_epochs=50"),
    ] = None,
    run: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--from",
            help="A run to begin with: its id, the beginning of it, @last, @best:METRIC, or its folder.",
        ),
    ] = None,
    description: Annotated[str, typer.Option("--description", "-d", help="One line about it.")] = "",
    project: Project = Path(),
    config_name: ConfigName = "train.yaml",
) -> None:
    """Write configs/experiment/NAME.yaml from overrides, or from a past run."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.errors import ConfigError
    from hydra_lightning.tasks.experiment_from_run import overrides_of_run
    from hydra_lightning.tasks.experiments import new_experiment

    root, typed = nearest_project(project), list(overrides or [])
    if run:
        past = overrides_of_run(root, run, config_name)
        typed = [*past.overrides, *typed]
        description = description or f"As the run {past.run_id}."
        for note in past.notes:
            typer.echo(note, err=True)
    if not typed:
        raise ConfigError("An experiment differs from the defaults: give overrides, or --from RUN.")
    file = new_experiment(root, name, typed, description, config_name)
    typer.echo(file.relative_to(root))
    typer.echo(f"next: train.py experiment={name.removesuffix('.yaml')}")


@app.command(name="list")
def list_(project: Project = Path(), format: Format = "text") -> None:
    """List every experiment with its description."""
    from hydra_lightning.config.experiment_files import experiments
    from hydra_lightning.config.layout import nearest_project

    root = nearest_project(project)
    known = experiments(root)
    if format == "json":
        listed = [{"name": name, "description": text} for name, text in known.items()]
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    if not known:
        typer.echo(f"No experiment in {root / 'configs/experiment'} yet.")
        typer.echo("Write one from overrides: hydra-lightning experiment new NAME trainer.max_epochs=50")
    width = max(map(len, known), default=0)
    for name, text in known.items():
        typer.echo(f"{name:{width}}  {text}".rstrip())


@app.command()
def show(
    names: Annotated[list[str], typer.Argument(help="Several are layered; what comes later wins.")],
    project: Project = Path(),
    config_name: ConfigName = "train.yaml",
    format: Format = "text",
) -> None:
    """Show what an experiment, or several, change against the defaults."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.tasks.experiments import changes

    names = [name for text in names for name in text.split(",")]
    found = changes(nearest_project(project), names, config_name)
    if format == "json":
        typer.echo(json.dumps(_as_json(names, found), indent=2, ensure_ascii=False))
        return
    rows = _rows(found)
    width = max((len(name) for _, name, _ in rows), default=0)
    for mark, name, text in rows:
        typer.echo(f"{mark} {name:{width}}  {text}")
    if not rows:
        typer.echo("It changes nothing.")


def _rows(found: Changes) -> list[tuple[str, str, str]]:
    """Mark (``+`` added, ``-`` removed), name and text of every line."""
    from hydra_lightning.config.experiment_differences import dotted

    keys = found.keys
    return [
        *((" ", group, f"{_option(old)} → {_option(new)}") for group, (old, new) in found.groups.items()),
        *((" ", dotted(path), f"{_short(old)} → {_short(new)}") for path, (old, new) in keys.changed.items()),
        *(("+", dotted(path), _short(value)) for path, value in keys.added.items()),
        *(("-", dotted(path), _short(value)) for path, value in keys.removed.items()),
    ]


def _option(value: Any) -> str:
    return "none" if value is None else _short(value)


def _short(value: Any) -> str:
    """A value in YAML; a whole config of an object by its class."""
    from hydra_lightning.config.yaml_text import as_yaml

    if isinstance(value, dict) and "_target_" in value:
        return f"{value['_target_']}(…)"
    return as_yaml(value)


def _as_json(names: list[str], found: Changes) -> dict[str, Any]:
    from hydra_lightning.config.experiment_differences import dotted

    keys = found.keys
    return {
        "experiment": names,
        "groups": {group: {"from": old, "to": new} for group, (old, new) in found.groups.items()},
        "changed": {dotted(path): {"from": old, "to": new} for path, (old, new) in keys.changed.items()},
        "added": {dotted(path): value for path, value in keys.added.items()},
        "removed": {dotted(path): value for path, value in keys.removed.items()},
    }
