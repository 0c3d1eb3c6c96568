"""``hydra-lightning runs rerun``: a past run once more, and whether it gave the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hydra_lightning.commands.options import RunArgument

if TYPE_CHECKING:
    from hydra_lightning.runs.parting import Parting
    from hydra_lightning.tasks.rerun import Rerun

STDERR = 2
MOST_SHOWN = 12


def rerun(
    run: RunArgument,
    code: Annotated[
        bool, typer.Option("--code", help="With the recorded commit and patch, in a git worktree.")
    ] = False,
    project: Annotated[Path, typer.Option("--project", help="The project, or a folder in it.")] = Path(),
    format: Annotated[Literal["text", "json"], typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Repeat a run with its config and seed; exit with 1 when its metrics are not the same."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.store import find_run
    from hydra_lightning.tasks.log_folder import log_folder
    from hydra_lightning.tasks.rerun import rerun as repeat

    root = nearest_project(project)
    done = repeat(find_run(run, log_folder(root)), root, code, output=STDERR if format == "json" else None)
    typer.echo(json.dumps(_as_json(done), indent=2) if format == "json" else _as_text(done))
    raise typer.Exit(0 if done.equal else 1)


def _as_text(done: Rerun) -> str:
    found = done.comparison
    lines = [f"rerun     {done.original.name} as {done.folder.name}"]
    lines += [f"left out  {each}" for each in done.left_out]
    if done.code is False:
        lines.append("code      not that of the run (--code takes the recorded commit and patch)")
    if done.equal:
        return "\n".join(
            [*lines, f"metrics   equal: {found.metrics} metrics at {found.steps} steps, to the last bit"]
        )
    first = found.partings[0]
    epoch = "" if first.epoch is None else f" (epoch {first.epoch})"
    lines.append(
        f"metrics   part at step {first.step}{epoch}: {len(found.partings)} of {found.metrics} differ"
    )
    lines += [f"  {_shown(each)}" for each in found.partings[:MOST_SHOWN]]
    if len(found.partings) > MOST_SHOWN:
        lines.append(f"  and {len(found.partings) - MOST_SHOWN} more")
    for name, (old, new) in done.facts.items():
        lines.append(f"{name:9} {old} → {new}")
    versions = [f"{name} {old or 'none'} → {new or 'none'}" for name, (old, new) in done.packages.items()]
    lines.append(f"packages  {', '.join(versions) or 'the same'}")
    return "\n".join(lines)


def _shown(each: Parting) -> str:
    old, new = ("none" if value is None else repr(value) for value in (each.first, each.second))
    return f"{each.metric}  step {each.step}  {old} → {new}"


def _as_json(done: Rerun) -> dict[str, Any]:
    return {
        "original": str(done.original),
        "folder": str(done.folder),
        "equal": done.equal,
        "metrics": done.comparison.metrics,
        "steps": done.comparison.steps,
        "partings": [
            {"metric": each.metric, "step": each.step, "epoch": each.epoch}
            | {"original": _number(each.first), "rerun": _number(each.second)}
            for each in done.comparison.partings
        ],
        "packages": {name: {"original": old, "rerun": new} for name, (old, new) in done.packages.items()},
        "facts": {name: {"original": old, "rerun": new} for name, (old, new) in done.facts.items()},
        "same_code": done.code,
        "left_out": done.left_out,
    }


def _number(value: float | None) -> float | str | None:
    """NaN and infinities as in ``run.json``: text, for JSON has no such numbers."""
    return value if value is None or value - value == 0 else str(value)
