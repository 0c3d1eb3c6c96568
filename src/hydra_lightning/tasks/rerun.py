"""A past run once more: the same config and seed in a new folder, and whether it gave the same metrics."""

from __future__ import annotations

import contextlib
import os
import pickle
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf

from hydra_lightning.errors import RunError
from hydra_lightning.runs.code import same_code
from hydra_lightning.runs.environment import COMMAND_VARIABLE
from hydra_lightning.runs.folder import claim, is_run_id
from hydra_lightning.runs.parting import Comparison, compare_metrics, package_differences
from hydra_lightning.runs.store import read_run
from hydra_lightning.runs.worktree import code_of, left_out
from hydra_lightning.tasks.saved import moved, read_saved

FACTS = ("python", "host", "devices")
# Hydra says that overrides have no effect on a repeated run; there are none, but for those of Lightning's ranks.
QUIET = (
    "ignore:Experimental rerun CLI option:UserWarning,ignore:Config overrides are not supported:UserWarning"
)


@dataclass(frozen=True)
class Rerun:
    """What came of it.

    Attributes:
        original: the folder of the run that was repeated.
        folder: that of the new run.
        comparison: of the metrics.
        packages: version then and now, where they differ; None for a package that was not installed.
        facts: Python, host and devices then and now, where they differ.
        code: commit and patch then and now are the same; None where one of them is not known.
        left_out: new files that the run had, and that neither its commit nor its patch holds.
    """

    original: Path
    folder: Path
    comparison: Comparison
    packages: dict[str, tuple[str | None, str | None]]
    facts: dict[str, tuple[Any, Any]]
    code: bool | None
    left_out: list[str]

    @property
    def equal(self) -> bool:
        """Whether every metric is equal at every step."""
        return not self.comparison.partings


def rerun(original: Path, project: Path, code: bool = False, output: int | None = None) -> Rerun:
    """Run again what the run in ``original`` was, by the project's own script, and compare the metrics.

    The config is the saved one, with the seed that was used. Only its places are new: the run's folder, its id, and
    the project's folder where that was moved.

    Args:
        original: the run folder.
        project: the project that it is of.
        code: take the recorded commit and patch, in a git worktree, instead of the code as it is now.
        output: a file descriptor for what the script prints; None prints it here.

    Raises:
        RunError: the run is still running, logged nothing or was not started by a script; its config, commit or
            patch cannot be had; the new run did not end well.
    """
    original, project = original.absolute(), project.absolute()
    record, saved = read_run(original), read_saved(original)
    if record["status"] == "running":
        raise RunError(f"{original} is still running. Repeat it when it has ended.")
    compare_metrics(
        original, original
    )  # Metrics that cannot be read are said before hours of training, not after.
    hydra = _saved_hydra(original, record)
    old_root = str(saved["paths"]["root_dir"])
    saved = moved(saved, old_root, str(project))
    with code_of(original, record, project) if code else contextlib.nullcontext(project) as root:
        script = _script(record, hydra, Path(old_root), root)
        folder = claim(Path(saved["paths"]["log_dir"]) / str(saved["task_name"]) / "runs")
        _copy_hydra(original, folder, str(saved["paths"]["output_dir"]))
        config = _with_new_places(saved, record, folder)
        if root != project:
            config = _in_worktree(config, project, root)
            config["paths"]["root_dir"] = str(root)
        started_in = _there(Path(moved(str(hydra.runtime.cwd), old_root, str(project))), project, root)
        exit_code = _run(
            script, config, _hydra_of_new(hydra, folder, started_in), _environment(record, code), output
        )
    if exit_code:
        kept = f": {folder}" if folder.exists() else ", and wrote nothing"
        raise RunError(f"The new run ended with exit code {exit_code}{kept}\nThere is nothing to compare.")
    new = read_run(folder)
    return Rerun(
        original=original,
        folder=folder,
        comparison=compare_metrics(original, folder, whole=record["status"] == "completed"),
        packages=package_differences(original, folder),
        facts={name: (record[name], new[name]) for name in FACTS if record[name] != new[name]},
        code=same_code((original, record), (folder, new)),
        left_out=left_out(original) if code else [],
    )


def _saved_hydra(folder: Path, record: Mapping[str, Any]) -> DictConfig:
    file = folder / ".hydra" / "hydra.yaml"
    if not file.is_file():
        raise RunError(
            f"{folder} has no .hydra/hydra.yaml, so it was not started by a script of a project "
            f"({record['command']}).\nRepeat it with the program that started it."
        )
    hydra: DictConfig = OmegaConf.structured(HydraConf)
    OmegaConf.set_struct(hydra, False)
    hydra.merge_with(OmegaConf.load(file).hydra)
    return hydra


def _script(record: Mapping[str, Any], hydra: DictConfig, old_root: Path, root: Path) -> Path:
    """The script that the run was started with, in the project at ``root``."""
    typed = [word for word in shlex.split(record["command"]) if word.endswith(".py")]
    if typed:
        script = Path(hydra.runtime.cwd) / typed[0]
        candidates = [root / script.relative_to(old_root) if script.is_relative_to(old_root) else script]
    else:
        name = f"{hydra.job.name}.py"
        candidates = [root / name, *sorted(root.glob(f"*/{name}"))]
    found = next((script for script in candidates if script.is_file()), None)
    if found is None:
        raise RunError(
            f"{candidates[0]}: no such script, and the run was started with it ({record['command']})."
        )
    return found


def _with_new_places(saved: Any, record: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The saved config in the folder of the new run, with its id in place of the old one."""
    config: dict[str, Any] = moved(saved, str(saved["paths"]["output_dir"]), str(folder))
    for old in (record["id"], (record["sweep"] or {}).get("id")):
        if old and is_run_id(old):
            config = _renamed(config, old, folder.name)
    return config


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


def _in_worktree(value: Any, project: Path, root: Path) -> Any:
    """``value`` with the files of the project that git tracks taken from the worktree; data and logs stay."""
    if isinstance(value, dict):
        return {key: _in_worktree(item, project, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_worktree(item, project, root) for item in value]
    if isinstance(value, str) and value.startswith(f"{project}/"):
        there = root / value[len(f"{project}/") :]
        return str(there) if there.is_file() else value
    return value


def _there(folder: Path, project: Path, root: Path) -> Path:
    """The working directory of the run, in the worktree when there is one; the project's folder when it is gone."""
    there = root / folder.relative_to(project) if folder.is_relative_to(project) else folder
    return there if there.is_dir() else root


def _copy_hydra(original: Path, folder: Path, old_folder: str) -> None:
    """What Hydra wrote of the start: which overrides and options this config came from."""
    (folder / ".hydra").mkdir()
    for file in (original / ".hydra").glob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace(old_folder, str(folder))
        (folder / ".hydra" / file.name).write_text(text, encoding="utf-8")


def _hydra_of_new(hydra: DictConfig, folder: Path, started_in: Path) -> DictConfig:
    """Hydra's own config for the new run: a single one, composed of nothing but the saved config."""
    hydra = hydra.copy()
    hydra.mode = "RUN"
    hydra.run.dir = str(folder)
    hydra.runtime.output_dir = str(folder)
    hydra.runtime.cwd = str(started_in)
    hydra.runtime.config_sources = []
    return hydra


def _environment(record: Mapping[str, Any], code: bool) -> dict[str, str]:
    """That of this process, with the recorded number of threads, on which the last bits of sums depend."""
    quiet = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), QUIET)))
    command = f"hydra-lightning runs rerun {record['id']}{' --code' if code else ''}"
    threads = (record["devices"] or {}).get("threads")
    more = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return {**os.environ, COMMAND_VARIABLE: command, "PYTHONWARNINGS": quiet, **more}


def _run(
    script: Path, config: dict[str, Any], hydra: DictConfig, environment: dict[str, str], output: int | None
) -> int:
    """Run the script on a composed config, as ``--experimental-rerun`` of Hydra does, and return its exit code."""
    composed = OmegaConf.create({**config, "hydra": hydra})
    with tempfile.TemporaryDirectory(prefix="rerun-") as place:
        file = Path(place) / "config.pickle"
        file.write_bytes(pickle.dumps(composed))
        arguments = ["--experimental-rerun", str(file)]
        return start(script, arguments, Path(hydra.runtime.cwd), environment, output)


def start(
    script: Path, arguments: list[str], folder: Path, environment: dict[str, str], output: int | None
) -> int:
    """Run ``python SCRIPT ARGUMENTS`` in ``folder`` to its end, and return its exit code."""
    command = [sys.executable, str(script), *arguments]
    child = subprocess.Popen(command, env=environment, stdout=output, cwd=folder)
    with _interrupts_go_to(child):
        return child.wait()


@contextlib.contextmanager
def _interrupts_go_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let the run end by itself when this process is told to; a terminal's Ctrl-C reaches it without us."""
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda *_: None)
        before[signal.SIGTERM] = signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGTERM))
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
