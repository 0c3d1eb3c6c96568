"""``hydra-lightning check``: everything that is wrong with a project's configs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hydra_lightning.config.problems import Problem


def check(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="As for train.py: experiment=NAME key=value.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every main config, with every experiment, debug option and search.")
    ] = False,
    config_name: Annotated[str, typer.Option("--config-name", "-cn", help="The main config.")] = "train.yaml",
    project: Annotated[Path, typer.Option("--project", help="A folder in the project.")] = Path(),
    form: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Check the configs without running anything: keys, targets, arguments and their types."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.config.problems import as_data, stopping
    from hydra_lightning.errors import ConfigError
    from hydra_lightning.tasks.check import check_everything, check_overrides

    if form not in ("text", "json"):
        raise ConfigError(f"--format {form}: text or json.")
    if every and overrides:
        raise ConfigError(
            "check --all takes no overrides: it composes every experiment, debug option and search."
        )
    root = nearest_project(project)
    if every:
        found = check_everything(root)
    else:
        found = {
            " ".join([config_name, *(overrides or [])]): check_overrides(root, overrides or [], config_name)
        }
    if form == "json":
        data = [{"composed": name, "problems": as_data(problems)} for name, problems in found.items()]
        typer.echo(json.dumps(data if every else data[0]["problems"], indent=2))
    else:
        for name, problems in found.items():
            typer.echo(_text(name, problems, headed=every))
    if any(stopping(problems) for problems in found.values()):
        raise typer.Exit(1)


def _text(name: str, problems: list[Problem], headed: bool) -> str:
    from hydra_lightning.config.problems import report

    if not problems:
        return f"{name}: no problems"
    return f"{name}: {report(problems)}\n" if headed else report(problems)
