"""``hydra-lightning runs``: what the folders of past runs answer, and what can be done with them again."""

from __future__ import annotations

import typer

from hydra_lightning.commands.runs_aggregate import aggregate
from hydra_lightning.commands.runs_annotate import note, tag
from hydra_lightning.commands.runs_compare import compare
from hydra_lightning.commands.runs_diff import diff
from hydra_lightning.commands.runs_export import export
from hydra_lightning.commands.runs_list import best, list_
from hydra_lightning.commands.runs_remove import prune, rm
from hydra_lightning.commands.runs_report import report
from hydra_lightning.commands.runs_rerun import rerun
from hydra_lightning.commands.runs_resume import resume
from hydra_lightning.commands.runs_show import show

app = typer.Typer(
    help="Past runs: find them, look at one, write a report, repeat one, go on with it, or export its model.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(aggregate)
app.command()(compare)
app.command()(diff)
app.command("list")(list_)
app.command()(show)
app.command()(best)
app.command()(export)
app.command()(note)
app.command()(prune)
app.command()(report)
app.command()(rerun)
app.command()(resume)
app.command()(rm)
app.command()(tag)
