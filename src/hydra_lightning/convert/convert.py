"""Converts a program: records it, reads it, writes it anew, and keeps what is written only when it trains the same."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hydra_lightning.convert.classes import write_classes
from hydra_lightning.convert.configs import configs_of, seed_of
from hydra_lightning.convert.flow import flow_of
from hydra_lightning.convert.kept import kept_roles
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.report import Line, lines_of, report
from hydra_lightning.convert.roles import Roles, roles_of
from hydra_lightning.convert.settings import settings_of
from hydra_lightning.convert.source import read_program
from hydra_lightning.errors import ParityError, ProjectError
from hydra_lightning.parity.sides import Experiment, Limits, Script, record
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.verdict import Verdict, judge, text

SEED = 42
UNPROVED = ("not-the-same", "does-not-run")
OF_A_PROJECT = ("configs", "lightning_classes", ".project-root", ".env")


@dataclass(frozen=True)
class Conversion:
    """What was written of a program.

    Attributes:
        files: their text, by path in the project.
        lines: what became of each statement.
        keys: the key of each setting, by its option, ``--lr``, or the name of the constant.
        tape: the recording of the program.
        verdict: of the comparison, a PASS.
        experiment: its name.
    """

    files: dict[str, str]
    lines: list[Line]
    keys: dict[str, str]
    tape: Tape
    verdict: Verdict
    experiment: str

    @property
    def to_do(self) -> list[Line]:
        return [line for line in self.lines if line.what == "to do"]


def convert(
    program: Script,
    project: Path,
    name: str | None = None,
    limits: Limits | None = None,
    force: bool = False,
) -> Conversion:
    """Convert a program; nothing is written yet.

    Args:
        program: what trains.
        project: the project to convert it into.
        name: of the files and the experiment; the program's own name without it.
        limits: when to cut the recordings.
        force: whether files of that name may be there.

    Raises:
        ProjectError: files of that name are there.
        ParityError: the program cannot be recorded.
        Refused: it is not converted; names the reason and the line.
    """
    limits = limits or Limits()
    stem = _stem(name or _name(program.file))
    taken = [path for path in _paths(stem).values() if (project / path).exists()]
    if taken and not force:
        raise ProjectError(
            f"Already there: {', '.join(taken)}. Another --name, or --force to overwrite them."
        )
    tape = record(program, limits, SEED)
    folder = (program.folder or program.file.parent).resolve()
    sources = read_program(folder, program.file.resolve().relative_to(folder).as_posix())
    entry = next(iter(sources))
    flow = flow_of(sources, entry, tape)
    settings = settings_of(flow, tape)
    seed = seed_of(flow, settings, tape, {})
    recorded: list[Tape] = []

    def rewritten(roles: Roles) -> Conversion:
        if not recorded:
            # What the program does not seed itself has to start from the same seed as the experiment.
            recorded.append(tape if seed == SEED else record(program, limits, seed))
        parts = Program(flow, roles, settings, recorded[0], stem, sources[entry])
        written = write_classes(parts)
        files, keys = configs_of(written, parts)
        files |= {
            _paths(stem)["components"]: written.components,
            _paths(stem)["module"]: written.module,
            _paths(stem)["data"]: written.data,
        }
        verdict = _proved(recorded[0], program, project, files, stem, limits, seed)
        lines = lines_of(sources[entry], flow, parts.kept, keys, settings, recorded[0])
        files[_paths(stem)["report"]] = report(recorded[0], verdict, lines, keys, settings)
        typed = {settings[code].option or code: key for code, key in keys.items()}
        return Conversion(files, lines, typed, recorded[0], verdict, stem)

    try:
        return rewritten(roles_of(flow, tape))
    except Refused as error:
        first = error
    # Steps that automatic optimization would change are kept as they are.
    why = "the losses would differ." if first.code in UNPROVED else first.why
    try:
        return rewritten(kept_roles(flow, tape, why))
    except Refused as error:
        raise (first if first.code in UNPROVED else error) from error


def write(conversion: Conversion, project: Path) -> None:
    """Write the files of a conversion."""
    for path, content in conversion.files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(content, encoding="utf-8")


def _paths(stem: str) -> dict[str, str]:
    """The files of a conversion, by what they are."""
    return {
        "model config": f"configs/model/{stem}.yaml",
        "data config": f"configs/data/{stem}.yaml",
        "experiment": f"configs/experiment/{stem}.yaml",
        "components": f"lightning_classes/models/components/{stem}.py",
        "module": f"lightning_classes/models/{stem}_module.py",
        "data": f"lightning_classes/data/{stem}_datamodule.py",
        "report": f"docs/conversions/{stem}.md",
    }


def _proved(
    tape: Tape, program: Script, project: Path, files: Mapping[str, str], stem: str, limits: Limits, seed: int
) -> Verdict:
    """Train what was written in a copy of the project; Refused when it is not the same."""
    with tempfile.TemporaryDirectory(prefix="hydra-lightning-") as name:
        copy = Path(name).resolve() / "project"
        copy.mkdir()
        for part in OF_A_PROJECT:
            if (project / part).is_dir():
                shutil.copytree(project / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
            elif (project / part).exists():
                shutil.copy2(project / part, copy / part)
        for path, content in files.items():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(content, encoding="utf-8")
        try:
            verdict = judge(tape, program, Experiment(copy, (f"experiment={stem}",)), limits, seed)
        except ParityError as error:
            raise Refused(
                "does-not-run", program.file.name, f"what was written of it does not run.\n{error}"
            ) from error
    if verdict.status != "PASS":
        raise Refused(
            "not-the-same", program.file.name, f"what was written of it trains differently.\n{text(verdict)}"
        )
    return replace(verdict, names=(verdict.names[0], f"experiment={stem}"))


def _name(file: Path) -> str:
    return file.parent.name if file.stem in ("train", "main", "run") and file.parent.name else file.stem


def _stem(name: str) -> str:
    stem = re.sub(r"\W+", "_", name.removesuffix(".py")).strip("_").lower()
    return stem if stem and not stem[0].isdigit() else f"run_{stem}"
