"""Converts a program: records it, reads it, writes it anew, and keeps what is written only when it trains the same."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra_lightning.convert import left_early
from hydra_lightning.convert.accelerate import without_accelerate
from hydra_lightning.convert.agreement import Logged, logged_as_printed
from hydra_lightning.convert.by_hand import with_optimizers
from hydra_lightning.convert.classes import write_classes
from hydra_lightning.convert.configs import configs_of, seed_of
from hydra_lightning.convert.counted import with_counted
from hydra_lightning.convert.derived import without_derived
from hydra_lightning.convert.devices import with_device_names, with_plain_types
from hydra_lightning.convert.earlier import earlier_trainings, of_the_last
from hydra_lightning.convert.entered import need_none_entered
from hydra_lightning.convert.files import located
from hydra_lightning.convert.flow import Flow, flow_of
from hydra_lightning.convert.folded import without_decided
from hydra_lightning.convert.given import with_parameters
from hydra_lightning.convert.kept import kept_roles
from hydra_lightning.convert.later import with_later
from hydra_lightning.convert.leaving import with_breaks
from hydra_lightning.convert.lookups import without_lookups
from hydra_lightning.convert.measured import without_measuring
from hydra_lightning.convert.modes import without_bound_modes
from hydra_lightning.convert.options import with_single_settings
from hydra_lightning.convert.precision import BFLOAT16, without_autocast
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.reassigned import without_reassigned
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.report import UNVERIFIED, Line, lines_of, report, with_metrics
from hydra_lightning.convert.rest import with_rest
from hydra_lightning.convert.roles import Roles, roles_of
from hydra_lightning.convert.settings import drop_aliases, settings_of
from hydra_lightning.convert.siblings import flattened
from hydra_lightning.convert.source import Source, read_program
from hydra_lightning.convert.stars import without_stars
from hydra_lightning.convert.tuples import without_mixed_tuples
from hydra_lightning.convert.unrun import static_tape
from hydra_lightning.convert.wishes import Wishes, need_wished, wished
from hydra_lightning.errors import ParityError, ProjectError
from hydra_lightning.parity.compare import TOO_FEW
from hydra_lightning.parity.notebook import is_notebook
from hydra_lightning.parity.sides import Experiment, Limits, Script, copy_folder, in_cells, record
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.verdict import Verdict, judge, text
from hydra_lightning.tasks.check import check_overrides

SEED = 42
UNPROVED = ("not-the-same", "does-not-run")
OF_A_PROJECT = ("configs", "lightning_classes", ".project-root", ".env")


@dataclass(frozen=True)
class Conversion:
    """What is written of a program.

    Attributes:
        files: their text, by path in the project.
        lines: what became of each statement.
        keys: the key of each setting, by its option, ``--lr``, or the name of the constant.
        tape: the recording of the program.
        verdict: of the comparison, a PASS; None when nothing was compared.
        experiment: its name.
        roles: who is who in the program.
        metrics: those that are logged, held against what the program prints.
    """

    files: dict[str, str]
    lines: list[Line]
    keys: dict[str, str]
    tape: Tape
    verdict: Verdict | None
    experiment: str
    roles: Roles
    metrics: list[Logged]

    @property
    def to_do(self) -> list[Line]:
        return [line for line in self.lines if line.what == "to do"]

    @property
    def steps(self) -> str:
        """``automatic``, or ``manual`` where the steps stay as they are."""
        return "manual" if self.roles.kept else "automatic"


def convert(
    program: Script,
    project: Path,
    name: str | None = None,
    limits: Limits | None = None,
    force: bool = False,
    wishes: Wishes | None = None,
    prove: bool = True,
    static: bool = False,
) -> Conversion:
    """Convert a program; nothing is written yet.

    Args:
        program: what trains.
        project: the project to convert it into.
        name: of the files and the experiment; the program's own name without it.
        limits: when to cut the recordings.
        force: whether files of that name may be there.
        wishes: what is decided already.
        static: read the program alone and run nothing; ``prove`` is then False.
        prove: whether to train what was written, and refuse it unless it is the same.

    Raises:
        ProjectError: files of that name are there.
        ParityError: the program cannot be recorded.
        ConfigError: a wish cannot be had.
        Refused: it is not converted; names the reason and the line.
    """
    try:
        return _convert(program, project, name, limits or Limits(), force, wishes or Wishes(), prove, static)
    except Refused as error:
        raise Refused(error.code, in_cells(error.site, program), in_cells(error.why, program)) from error


def _convert(
    program: Script,
    project: Path,
    name: str | None,
    limits: Limits,
    force: bool,
    wishes: Wishes,
    prove: bool,
    static: bool,
) -> Conversion:
    if not program.file.is_file():
        raise ParityError(f"{program.file}: no such file.")
    stem = _stem(name or _name(program.file))
    taken = [path for path in _paths(stem).values() if (project / path).exists()]
    if taken and not force:
        raise ProjectError(
            f"Already there: {', '.join(taken)}. Another --name, or --force to overwrite them."
        )
    prove = prove and not static
    folder = (program.folder or program.file.parent).resolve()
    read = read_program(folder, program.file.resolve().relative_to(folder).as_posix())
    stepping = read if is_notebook(program.file) else with_optimizers(read)
    plain = without_decided(without_accelerate(without_measuring(without_stars(stepping))))
    plain = without_mixed_tuples(with_device_names(with_plain_types(plain)))
    sources = without_bound_modes(flattened(plain))
    entry = next(iter(sources))
    guessed = SEED if static else _seed_that_is_read(sources, entry, program.arguments)
    with _as_read(program, folder, read, stepping) as runnable:
        job = _Job(program, runnable, project, stem, folder, read, sources, guessed, wishes, prove, static)
        if static:
            return job.written(static_tape(sources, entry, program.arguments), limits)
        tape = record(runnable, limits, guessed)
        if earlier := earlier_trainings(sources, tape):
            of_all = replace(limits, earlier=earlier)
            whole = record(runnable, of_all, guessed)
            if whole.begins and whole.stacks.get("backward"):
                # Where the earlier ones cannot be taken over, the first is converted alone.
                with contextlib.suppress(Refused):
                    return job.written(whole, of_all)
        return job.written(tape, limits)


@dataclass(frozen=True)
class _Job:
    """A program that is to be written anew.

    Attributes:
        program: as its author wrote it, which what is written has to be equal to.
        runnable: as it is read.
        stem, folder: the name of the files that are written, and the folder of the program.
        original, sources: the files as the author wrote them, and as they are read.
        guessed: the seed that recordings start from.
        autocasts: where there were some that are the Trainer's precision now.
    """

    program: Script
    runnable: Script
    project: Path
    stem: str
    folder: Path
    original: Mapping[str, Source]
    sources: Mapping[str, Source]
    guessed: int
    wishes: Wishes
    prove: bool
    static: bool
    autocasts: Sequence[str] = ()

    def written(self, recorded: Tape, limits: Limits) -> Conversion:
        """What is written of what was recorded within ``limits``."""
        entry, folder, stem, prove = next(iter(self.sources)), self.folder, self.stem, self.prove
        tape = of_the_last(recorded)
        precise = without_autocast(self.sources, tape) if self.prove and not self.autocasts else None
        if precise is not None and self.wishes.steps != "manual":
            # Where steps have to be kept, so are the autocasts in them.
            with contextlib.suppress(Refused):
                wanted = replace(self.wishes, steps="automatic")
                return replace(self, sources=precise.sources, autocasts=precise.sites, wishes=wanted).written(
                    recorded, limits
                )
        sources = with_counted(without_reassigned(with_breaks(self.sources, tape), tape), tape)
        flow = flow_of(sources, entry, tape)
        for written_anew in (without_lookups, without_derived, with_single_settings, with_parameters):
            changed = written_anew(sources, flow, settings_of(flow, tape, folder))
            if any(changed[path] is not source for path, source in sources.items()):
                sources = changed
                flow = flow_of(sources, entry, tape)
        settings = located(wished(settings_of(flow, tape, folder), self.wishes.keys), folder)
        drop_aliases(flow, settings)
        seed = seed_of(flow, settings, tape, {})
        if prove and seed != self.guessed:
            # What the program does not seed itself has to start from the same seed as the experiment.
            recorded = record(self.runnable, limits, seed)
            tape = of_the_last(recorded)
        proof = recorded if self.runnable is self.program or not prove else record(self.program, limits, seed)

        def rewritten(roles: Roles, flow: Flow) -> Conversion:
            parts = Program(
                flow, roles, settings, tape, stem, sources[entry], BFLOAT16 if self.autocasts else None
            )
            written = write_classes(parts)
            need_none_entered(flow.entered, (written.module, written.data))
            files, keys = configs_of(written, parts)
            if written.components:
                files[_paths(stem)["components"]] = written.components
            files |= {
                _paths(stem)["module"]: written.module,
                _paths(stem)["data"]: written.data,
            }
            typed = {settings[code].option or code: key for code, key in keys.items()}
            need_wished(self.wishes.keys, typed)
            if self.static:
                files = {path: _labelled(content, stem) for path, content in files.items()}
                _check(self.program, self.project, files, stem)
            try:
                verdict = (
                    _proved(proof, self.program, self.project, files, stem, limits, seed) if prove else None
                )
            except Refused as error:
                raise left_early.told(error, parts) from error
            metrics = logged_as_printed(proof, verdict.tapes[1], parts.logged) if verdict else []
            told = lines_of(self.original, parts, keys, dict.fromkeys(self.autocasts, "trainer.precision"))
            told = with_metrics(told, metrics)
            lines = [
                replace(line, site=in_cells(line.site, self.program))
                for line in with_later(with_rest(told, self.original, files, tape), self.original, parts)
            ]
            files[_paths(stem)["report"]] = report(tape, verdict, lines, keys, settings, metrics)
            return Conversion(files, lines, typed, proof, verdict, stem, roles, metrics)

        body = flow.body
        if self.wishes.steps == "manual":
            return rewritten(kept_roles(flow, tape, "the plan wants it."), flow)
        try:
            by_trainer = flow.with_evaluation_after_steps()
            return rewritten(roles_of(by_trainer, tape), by_trainer)
        except Refused as error:
            first = error
        if self.wishes.steps == "automatic":
            raise first
        # Steps that automatic optimization would change are kept as they are.
        why = "the losses would differ." if first.code in UNPROVED else first.why
        flow.body = body
        try:
            return rewritten(kept_roles(flow, tape, why), flow)
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


def _seed_that_is_read(sources: Mapping[str, Source], entry: str, arguments: Sequence[str]) -> int:
    """The seed that the program seems to set, so that one recording is enough."""
    try:
        tape = static_tape(sources, entry, arguments)
    except ParityError:
        return SEED
    values = [value for event in tape.events if event.kind == "seed" for value in event.data["values"]]
    return int(values[0]) if values else SEED


def _proved(
    tape: Tape, program: Script, project: Path, files: Mapping[str, str], stem: str, limits: Limits, seed: int
) -> Verdict:
    """Train what was written in a copy of the project; Refused when it is not the same."""
    with _copy(project, files) as copy:
        try:
            verdict = judge(tape, program, Experiment(copy, (f"experiment={stem}",)), limits, seed)
        except ParityError as error:
            told = f"what was written of it does not run.\n{error}"
            missing = re.search(r"No such file or directory: '([^'\n]+)'", told)
            if missing and not Path(missing[1]).is_absolute():
                told += (
                    f"\n{missing[1]} is read from the folder that the program runs in, and a project has another one. "
                    "Give its whole path, or make an option or a constant of it."
                )
            raise Refused("does-not-run", program.file.name, told) from error
    if verdict.status == "ABSTAIN":
        few = len(tape.losses) < TOO_FEW
        raise Refused(
            "too-few-steps" if few else "not-deterministic", program.file.name, "; ".join(verdict.reasons)
        )
    if verdict.status != "PASS":
        raise Refused(
            "not-the-same", program.file.name, f"what was written of it trains differently.\n{text(verdict)}"
        )
    return replace(verdict, names=(verdict.names[0], f"experiment={stem}"))


def _labelled(content: str, stem: str) -> str:
    """A file that says that it is not proved; an experiment gives its runs a tag that does."""
    package = "# @package _global_\n"
    head = package if content.startswith(package) else ""
    content = content.removeprefix(package).replace(f"tags: [{stem}]", f"tags: [{stem}, unverified]")
    return f"{head}# {UNVERIFIED}\n{content}"


def _check(program: Script, project: Path, files: Mapping[str, str], stem: str) -> None:
    """Check the config of what was written in a copy of the project; Refused when it is wrong."""
    with _copy(project, files) as copy:
        problems = check_overrides(copy, [f"experiment={stem}"])
    if problems:
        told = "\n".join(f"{each.key}: {each.message}" for each in problems)
        raise Refused(
            "does-not-check", program.file.name, f"the config that was written of it is wrong.\n{told}"
        )


@contextlib.contextmanager
def _as_read(
    program: Script, folder: Path, read: Mapping[str, Source], changed: Mapping[str, Source]
) -> Iterator[Script]:
    """A program with files that are read as others; itself where there are none."""
    texts = {path: each.text for path, each in changed.items() if each.text != read[path].text}
    if not texts:
        yield program
        return
    with tempfile.TemporaryDirectory(prefix="hydra-lightning-") as name:
        copy = Path(name).resolve() / folder.name
        copy_folder(folder, copy)
        for path, text_ in texts.items():
            (copy / path).write_text(text_, encoding="utf-8")
        yield Script(copy / program.file.resolve().relative_to(folder), program.arguments, copy)


@contextlib.contextmanager
def _copy(project: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """A copy of the project with the files in it."""
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
        yield copy


def _name(file: Path) -> str:
    return file.parent.name if file.stem in ("train", "main", "run") and file.parent.name else file.stem


def _stem(name: str) -> str:
    stem = re.sub(r"\W+", "_", name.removesuffix(".py")).strip("_").lower()
    return stem if stem and not stem[0].isdigit() else f"run_{stem}"
