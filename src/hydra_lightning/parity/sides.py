"""The two sides of a comparison: a program, or an experiment of a project; each run in a process of its own."""

from __future__ import annotations

import json
import os
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


@dataclass(frozen=True)
class Limits:
    """When a recording is cut; None is no limit."""

    steps: int | None = None
    epochs: int | None = 2
    seconds: float | None = 300.0


@dataclass(frozen=True)
class Script:
    """A program and its arguments; it runs in a copy of ``folder``, which is left as it is.

    Attributes:
        file: the program.
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
    """Run one side under the recorder.

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
            "threads": threads,
        }
        tape_file, printed = scratch / "tape.json", scratch / "printed.txt"
        arguments = [str(tape_file), json.dumps(options), str(program), *arguments]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONHASHSEED": "0"}
        code = start(arguments, root, environment, printed)
        last = printed.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        if not tape_file.is_file():
            raise ParityError(_without_tape(side, code, last))
        tape = Tape.load(tape_file)
    _need_a_training(side, tape, last)
    return tape


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

    Raises:
        ParityError: it has more than 20,000 files.
    """
    count = 0
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
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


def _without_tape(side: Side, code: int, last: Sequence[str]) -> str:
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    return "\n".join([f"{side}: its process {how} before the recording was written. It printed last:", *last])


def _need_a_training(side: Side, tape: Tape, last: Sequence[str]) -> None:
    error = tape.error or {}
    place = error.get("site") or str(side)
    line = f"\n  {error['line']}" if error.get("line") else ""
    if tape.status == "failed":
        raise ParityError(f"{place}: {side} fails by itself: {error['type']}: {error['message']}{line}")
    if tape.status == "input":
        raise ParityError(f"{place}: {side} asks for input, and nobody is there to type.{line}")
    if tape.status == "exited":
        told = [f"{place}: {side} ends itself with sys.exit({error['message']}). It printed last:", *last]
        raise ParityError("\n".join(told))
    if not tape.losses:
        raise ParityError(f"{side}: it ran to its end and never called backward, so nothing was trained.")
