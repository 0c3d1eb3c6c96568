"""The two sides of a comparison: a program, or an experiment of a project; each run in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra_lightning.config.layout import is_chosen
from hydra_lightning.errors import ParityError
from hydra_lightning.parity.notebook import is_notebook, placed_in_cells, program_text
from hydra_lightning.parity.tape import Tape

LARGE = 16 << 20
MANY = 20_000
LEFT_OUT = (
    ".git",
    "__pycache__",
    ".venv",
    "venv",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
    "wandb",
    "mlruns",
)
LINES_SHOWN = 15
NEEDS = (
    (
        re.compile("CUDA|cuda|NVIDIA|HIP|MPS"),
        "  It needs a GPU that is not here: give it the arguments that use the CPU, run this where the GPU is, "
        "or convert with --static, which runs nothing and proves nothing.",
    ),
    (
        re.compile(
            "URLError|HTTPError|gaierror|ConnectionError|ConnectTimeout|MaxRetryError|LocalEntryNotFoundError"
            "|OfflineModeIsEnabled|NewConnectionError"
        ),
        "  It needs the network: fetch the data or the weights first and give it the path, "
        "or convert with --static, which runs nothing and proves nothing.",
    ),
)
OF_PYTHON_2 = re.compile(
    "Missing parentheses in call to|multiple exception types must be|leading zeros in decimal"
)


@dataclass(frozen=True)
class Limits:
    """When a recording is cut; None is no limit.

    Attributes:
        earlier: the lines of trainings that come before the one that the epochs are those of: file, first and last.
    """

    steps: int | None = None
    epochs: int | None = 2
    seconds: float | None = 300.0
    earlier: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Script:
    """A program and its arguments; it runs in a copy of ``folder``, which is left as it is.

    Attributes:
        file: the program, or a notebook.
        arguments: of its command line.
        folder: what is copied and made the working directory; the program's own folder when it is None.
    """

    file: Path
    arguments: tuple[str, ...] = ()
    folder: Path | None = None

    def __str__(self) -> str:
        return " ".join([self.file.name, *self.arguments])


@dataclass(frozen=True)
class Experiment:
    """What ``train.py`` of a project does with some overrides; its run goes to a folder that is thrown away."""

    project: Path
    overrides: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.overrides) or "the project's defaults"


Side = Script | Experiment


def record(side: Side, limits: Limits, seed: int, threads: int = 1) -> Tape:
    """Run one side under the recorder. Of a notebook, its code cells are run.

    Args:
        side: what to run.
        limits: when to cut it.
        seed: of all random number generators before its first statement.
        threads: that torch uses.

    Raises:
        ParityError: there is no such program, it cannot be copied, it failed, asked for input, called
            ``sys.exit`` with a code, was killed, or never called ``backward``. Names the line.
    """
    with tempfile.TemporaryDirectory(prefix="hydra-lightning-") as name:
        scratch = Path(name).resolve()
        program, root, arguments = _placed(side, scratch)
        options = {
            "root": str(root),
            "seed": seed,
            "steps": limits.steps,
            "epochs": limits.epochs,
            "seconds": limits.seconds,
            "earlier": limits.earlier,
            "threads": threads,
            "experiment": isinstance(side, Experiment),
        }
        tape_file, printed = scratch / "tape.json", scratch / "printed.txt"
        arguments = [str(tape_file), json.dumps(options), str(program), *arguments]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONHASHSEED": "0"}
        code = start(arguments, root, environment, printed)
        last = printed.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        if not tape_file.is_file():
            raise ParityError(_without_tape(side, code, last))
        tape = Tape.load(tape_file)
    try:
        _need_a_training(side, tape, last)
    except ParityError as error:
        raise ParityError(in_cells(str(error), side)) from None
    return tape


def in_cells(text: str, side: Side) -> str:
    """``text`` with lines of a notebook's program as lines of its cells."""
    if not isinstance(side, Script) or not is_notebook(side.file):
        return text
    return placed_in_cells(text, side.file, program_text(side.file))


def start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], printed: Path) -> int:
    """Run the recorder in a process of its own, its output in ``printed``; returns its exit code."""
    with printed.open("wb") as output:
        return subprocess.run(
            [sys.executable, "-m", "hydra_lightning.parity.record", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def _placed(side: Side, scratch: Path) -> tuple[Path, Path, Sequence[str]]:
    """The program, the folder that it runs in, and its arguments."""
    if isinstance(side, Script):
        if not side.file.is_file():
            raise ParityError(f"{side.file}: no such file.")
        file = side.file.resolve()
        folder = (side.folder or file.parent).resolve()
        if not file.is_relative_to(folder):
            raise ParityError(f"{side.file} is not in {folder}, the folder that it was to run in.")
        copy = scratch / folder.name
        copy_folder(folder, copy)
        if is_notebook(file):
            (copy / file.relative_to(folder)).write_text(program_text(file), encoding="utf-8")
        return copy / file.relative_to(folder), copy, side.arguments
    program = side.project / "lightning_classes" / "train.py"
    if not program.is_file():
        raise ParityError(f"{program}: no such file; a project's trainings start there.")
    quiet = [f"paths.log_dir={scratch}/logs"]
    typed = any(override.lstrip("+~").startswith("logger") for override in side.overrides)
    if is_chosen(side.project / "configs", "logger") and not typed:
        quiet.append("~logger")
    return program.resolve(), side.project.resolve(), [*quiet, *side.overrides]


def copy_folder(folder: Path, copy: Path) -> None:
    """Copy a folder for a program to run in; files of more than 16 MB become links to the originals.

    What the copy is in is left out, where the folder holds it, as that of all temporary files does.

    Raises:
        ParityError: it has more than 20,000 files.
    """
    count = 0
    around = {copy.resolve(), *copy.resolve().parents}
    for path, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in LEFT_OUT and Path(path, name).resolve() not in around
        ]
        below = copy / Path(path).relative_to(folder)
        below.mkdir(parents=True, exist_ok=True)
        for name in files:
            count += 1
            if count > MANY:
                raise ParityError(
                    f"{folder} has more than {MANY} files, too many to copy before the program runs. "
                    "Move the program and what it imports to a folder of their own."
                )
            source = Path(path, name)
            if source.is_file() and source.stat().st_size <= LARGE:
                shutil.copy2(source, below / name)
            elif source.exists():
                (below / name).symlink_to(source)


def old_python(place: str, name: str, message: str) -> str:
    """What is told of a program that Python 3 cannot read, where it looks like Python 2."""
    if not OF_PYTHON_2.search(message):
        return f"{place}: {name} is no Python: {message}"
    return f"{place}: {name} is written in Python 2: {message}. Port it to Python 3 first."


def _without_tape(side: Side, code: int, last: Sequence[str]) -> str:
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    return "\n".join([f"{side}: its process {how} before the recording was written. It printed last:", *last])


def _need_a_training(side: Side, tape: Tape, last: Sequence[str]) -> None:
    error = tape.error or {}
    place = error.get("site") or str(side)
    line = f"\n  {error['line']}" if error.get("line") else ""
    if error.get("type") == "SyntaxError" and OF_PYTHON_2.search(error["message"]):
        raise ParityError(old_python(place, str(side), error["message"]))
    if tape.status == "failed":
        failed = f"{place}: {side} fails by itself: {error['type']}: {error['message']}{line}"
        raise ParityError("\n".join([failed, *(hint for words, hint in NEEDS if words.search(failed))]))
    if tape.status == "input":
        raise ParityError(f"{place}: {side} asks for input, and nobody is there to type.{line}")
    if tape.status == "exited":
        told = [f"{place}: {side} ends itself with sys.exit({error['message']}). It printed last:", *last]
        raise ParityError("\n".join(told))
    if not tape.losses and tape.processes:
        raise ParityError(
            f"{tape.processes[0]}: {side} starts processes and trains in them; only a training in its own process is "
            "recorded. Give it the arguments that train in one process."
        )
    if not tape.losses:
        raise ParityError(f"{side}: it ran to its end and never called backward, so nothing was trained.")
