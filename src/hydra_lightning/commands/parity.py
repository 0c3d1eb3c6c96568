"""``hydra-lightning parity``: are two trainings the same?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hydra_lightning.parity.sides import Side

AGAINST = "vs"


def parity(
    program: Annotated[Path, typer.Argument(help="The training that is right.")],
    rest: Annotated[
        list[str],
        typer.Argument(
            metavar="-- [ARGUMENTS] vs OTHER",
            help="Its arguments, the word vs, and overrides of train.py (experiment=NAME) or another program.",
        ),
    ],
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Cut both after so many epochs.")] = 2,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="And after so many backward calls.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="And cut the program after this time.")] = 300.0,
    tolerance: Annotated[
        float,
        typer.Option("--tolerance", min=0.0, help="Relative difference that passes; 0 wants equal bits."),
    ] = 0.0,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="For both, before their first statement; that of the experiment."),
    ] = None,
    threads: Annotated[int, typer.Option("--threads", min=1, help="That torch uses in both.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="What is copied for the program to run in; its own folder."),
    ] = None,
    project: Annotated[Path, typer.Option("--project", help="A folder in the project.")] = Path(),
    output: Annotated[Path, typer.Option("--output", help="Where the answer is written.")] = Path(
        "parity.json"
    ),
    test: Annotated[
        Path | None,
        typer.Option("--test", help="Write a pytest that repeats the check without the original."),
    ] = None,
) -> None:
    """Run two trainings and compare every loss, random state, learning rate, gradient and weight."""
    from hydra_lightning.errors import ParityError
    from hydra_lightning.parity import verdict
    from hydra_lightning.parity.replay import place_for_test, write_test
    from hydra_lightning.parity.sides import Experiment, Limits, Script

    try:
        arguments, other = _sides(rest, project)
        if test is not None:
            if not isinstance(other, Experiment):
                raise ParityError(
                    "--test: it repeats the training of a project; the other side is a program."
                )
            test = place_for_test(other, test)
        found = verdict.parity(
            Script(program, arguments, folder),
            other,
            Limits(steps, epochs, seconds),
            _seed(seed, other),
            tolerance,
            threads,
        )
    except ParityError as error:
        typer.echo(f"ERROR  {error}", err=True)
        verdict.save_error(str(error), output)
        raise typer.Exit(verdict.EXIT_CODES["ERROR"]) from error
    typer.echo(verdict.text(found))
    verdict.save(found, output)
    if test is not None and isinstance(other, Experiment) and found.status == "PASS":
        write_test(found, other, test)
        typer.echo(f"wrote {test}")
    raise typer.Exit(found.code)


def _sides(rest: list[str], project: Path) -> tuple[tuple[str, ...], Side]:
    """The program's arguments, and what stands after the last ``vs``."""
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.errors import ParityError
    from hydra_lightning.parity.sides import Experiment, Script

    if AGAINST not in rest:
        raise ParityError(
            "Against what? After the program and its arguments: vs experiment=NAME, or vs another.py\n"
            "  hydra-lightning parity train.py -- --lr 0.1 vs experiment=digits"
        )
    place = len(rest) - 1 - rest[::-1].index(AGAINST)
    other = rest[place + 1 :]
    if other and other[0].endswith((".py", ".ipynb")):
        return tuple(rest[:place]), Script(Path(other[0]), tuple(other[1:]))
    return tuple(rest[:place]), Experiment(nearest_project(project), tuple(other))


def _seed(typed: int | None, other: Side) -> int:
    """The seed of the experiment, which its training sets too, where none was typed."""
    from hydra_lightning.parity.sides import Experiment
    from hydra_lightning.tasks.compose import compose

    if typed is not None or not isinstance(other, Experiment):
        return 42 if typed is None else typed
    seed = compose(other.project, other.overrides).get("seed")
    return 42 if seed is None else int(seed)
