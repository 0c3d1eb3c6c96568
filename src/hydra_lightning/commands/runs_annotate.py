"""``hydra-lightning runs tag`` and ``note``: what is said about a run after it began."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from hydra_lightning.commands.options import Project, RunArgument


def tag(
    run: RunArgument,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words to find the run by.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take them away.")] = False,
    project: Project = Path(),
) -> None:
    """Give a run tags, also while it is running; they come to those of its config."""
    from hydra_lightning.runs.annotate import add_tags, remove_tags
    from hydra_lightning.runs.store import read_run

    folder = _found(run, project)
    (remove_tags if remove else add_tags)(folder, tags)
    typer.echo(f"{folder.name}  tags: {', '.join(read_run(folder)['tags']) or 'none'}")


def note(
    run: RunArgument,
    text: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="The new note; '' takes it away; without it the note is shown."),
    ] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Write it in $EDITOR.")] = False,
    project: Project = Path(),
) -> None:
    """Write down what a run is about, also while it is running, or show it."""
    from hydra_lightning.errors import RunError
    from hydra_lightning.runs.annotate import set_note
    from hydra_lightning.runs.store import read_run

    if edit and text is not None:
        raise RunError("--edit and a text: give one of them.")
    folder = _found(run, project)
    before = read_run(folder)["note"] or ""
    if edit:
        set_note(folder, _edited(before), instead_of=before)
    elif text is not None:
        set_note(folder, text)
    else:
        typer.echo(before or f"{folder.name} has no note.", err=not before)


def _edited(text: str) -> str:
    import os
    import shlex
    import subprocess
    import tempfile

    from hydra_lightning.errors import RunError

    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="note-") as place:
        file = Path(place, "note.txt")
        file.write_text(text + "\n" if text else "", encoding="utf-8")
        try:
            done = subprocess.run([*editor, str(file)], check=False)
        except OSError as error:
            raise RunError(
                f"The editor {editor[0]} (from $VISUAL or $EDITOR) cannot be started: {error}"
            ) from error
        if done.returncode:
            raise RunError(f"The editor {editor[0]} ended with {done.returncode}. The note was not changed.")
        return file.read_text(encoding="utf-8")


def _found(run: str, project: Path) -> Path:
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.store import find_run
    from hydra_lightning.tasks.log_folder import log_folder

    return find_run(run, log_folder(nearest_project(project)))
