"""The arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

Project = Annotated[Path, typer.Option("--project", help="The project, or a folder in it.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="An id, the beginning of it, @last, @best:METRIC, or a folder.")
]
Filters = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(
        metavar="[FILTER]...", help="status=completed tag=baseline 'lr<1e-3' 'val/acc>0.9' 'created>7d'"
    ),
]
Format = Annotated[
    Literal["table", "json", "csv", "markdown"], typer.Option("--format", help="table, json, csv or markdown")
]
FormatOrLatex = Annotated[
    Literal["table", "json", "csv", "markdown", "latex"],
    typer.Option("--format", help="table, json, csv, markdown or latex"),
]
