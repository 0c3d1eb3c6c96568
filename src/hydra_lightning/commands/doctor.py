"""``hydra-lightning doctor``: the text to paste into a bug report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import typer

if TYPE_CHECKING:
    from hydra_lightning.tasks.doctor import Diagnosis


def doctor(
    project: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--project", help="The project, or a folder in it; else the one around this folder."),
    ] = None,
    format: Annotated[Literal["text", "json"], typer.Option("--format", help="text or json")] = "text",
) -> None:
    """Show versions, hardware and project for a bug report; exit with 1 when something is broken."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.errors import ProjectError
    from hydra_lightning.tasks.doctor import diagnose

    try:
        root = nearest_project(project or Path.cwd())
    except ProjectError:
        if project is not None:
            raise
        root = None
    diagnosis = diagnose(root)
    typer.echo(_as_json(diagnosis) if format == "json" else _as_text(diagnosis))
    raise typer.Exit(1 if diagnosis.findings else 0)


def _as_text(diagnosis: Diagnosis) -> str:
    lines: list[str] = []
    width = max(len(name) for section in diagnosis.sections for name in section.facts)
    for section in diagnosis.sections:
        lines += [
            section.title,
            *(f"  {name:<{width}}  {value}" for name, value in section.facts.items()),
            "",
        ]
    for finding in diagnosis.findings:
        lines += [f"problem: {finding.problem}", f"   mend: {finding.remedy}"]
    return "\n".join(lines if diagnosis.findings else [*lines, "no problems"])


def _as_json(diagnosis: Diagnosis) -> str:
    data = {section.title: section.facts for section in diagnosis.sections}
    problems = [{"problem": finding.problem, "remedy": finding.remedy} for finding in diagnosis.findings]
    return json.dumps(data | {"problems": problems}, indent=2, ensure_ascii=False)
