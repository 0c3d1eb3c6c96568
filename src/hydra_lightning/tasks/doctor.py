"""What a bug report needs to know of an installation, a machine and a project, and what is broken there."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hydra_lightning.config.resolvers.machine import cpu_count, device_count
from hydra_lightning.errors import HydraLightningError
from hydra_lightning.runs.environment import python_version
from hydra_lightning.runs.git import git_state

PACKAGE = "hydra-lightning"
ALSO_SHOWN = ("omegaconf", "numpy")
# These extras are for working on the library itself.
NOT_FOR_USERS = frozenset(("dev", "docs"))
LOGGERS = ("tensorboard", "mlflow", "wandb", "trackio", "comet-ml", "aim", "neptune")
PLUGINS = ("hydra-submitit-launcher", "hydra-ray-launcher", "hydra-joblib-launcher", "hydra-optuna-sweeper")
MALICIOUS = {("lightning", "2.6.2"), ("lightning", "2.6.3")}
LITTLE_SPACE = 100 * 1024**2
FOLDERS = {"logs": "paths.log_dir", "data": "paths.data_dir", "model": "paths.model_dir"}
TORCH_BUILDS = "https://pytorch.org/get-started/locally"
NOT_INSTALLED = "not installed"


@dataclass(frozen=True)
class Finding:
    """Something that is broken, and what mends it."""

    problem: str
    remedy: str


@dataclass
class Section:
    """Facts under one heading, by name, and what is broken there."""

    title: str
    facts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def broken(self, problem: str, remedy: str) -> None:
        self.findings.append(Finding(problem, remedy))


@dataclass(frozen=True)
class Diagnosis:
    """All sections. Nothing in it tells the home folder, and no environment variable that may hold a secret."""

    sections: list[Section]

    @property
    def findings(self) -> list[Finding]:
        """What is broken, in the order of the sections; empty when all is well."""
        return [finding for section in self.sections for finding in section.findings]


def diagnose(project: Path | None) -> Diagnosis:
    """Look at the installation, the machine and the project.

    Torch is imported in a process of its own; Lightning, loggers and plugins of Hydra are not imported. In each of
    the project's folders for logs, data and models a small file is written and removed.

    Args:
        project: its root; None outside of one.
    """
    sections = [_versions(), _machine(), _accelerators(), _loggers(), _plugins(), _git(project)]
    sections += (
        [_folders(project), _configs(project)] if project else [Section("project", {"root": "none here"})]
    )
    return Diagnosis([_without_home(section) for section in sections])


def _versions() -> Section:
    section = Section("versions", {PACKAGE: _version(PACKAGE) or NOT_INSTALLED})
    section.facts["python"] = f"{python_version()} ({platform.python_implementation()})"
    section.facts["platform"] = platform.platform()
    for name in [*(each.name for each in _requirements([])), *ALSO_SHOWN]:
        section.facts[name] = _version(name) or NOT_INSTALLED
    metadata = importlib.metadata.metadata(PACKAGE)
    if not SpecifierSet(metadata["Requires-Python"]).contains(python_version()):
        section.broken(
            f"Python {python_version()} is not {metadata['Requires-Python']}",
            "make an environment with one that is",
        )
    extras = set(metadata.get_all("Provides-Extra") or []) - NOT_FOR_USERS
    section.findings += unfit([*_requirements([]), *_requirements(extras)], _version)
    return section


def unfit(requirements: Iterable[Requirement], version_of: Callable[[str], str | None]) -> Iterator[Finding]:
    """The packages whose version is malicious, or not in the required range; those of an extra may be missing."""
    for each in requirements:
        version = version_of(each.name)
        wanted = f"pip install '{each.name}{each.specifier}'"
        if (each.name, version) in MALICIOUS:
            yield Finding(
                f"{each.name} {version} is a malicious release",
                f"{wanted}; do not start Python here before, and replace the passwords and tokens on this machine",
            )
        elif version is None:
            if each.marker is None:
                yield Finding(f"{each.name} is not installed", wanted)
        elif not each.specifier.contains(version, prereleases=True):
            yield Finding(f"{each.name} {version} is not {each.specifier}", wanted)


def _requirements(extras: Iterable[str]) -> list[Requirement]:
    """What this package requires, or what these extras of it require."""
    stated = [Requirement(text) for text in importlib.metadata.requires(PACKAGE) or []]
    if not (extras := list(extras)):
        return [each for each in stated if each.marker is None]
    return [
        each
        for each in stated
        if each.marker and any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine() -> Section:
    section = Section("machine", {"CPU cores": f"{cpu_count()} of {os.cpu_count()} for this process"})
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        section.facts["memory"] = _size(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        if name in os.environ:
            section.facts[name] = os.environ[name]
    return section


def _accelerators() -> Section:
    section = Section("accelerators", {"found": str(device_count()), "driver": _driver() or "none found"})
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        if name in os.environ:
            section.facts[name] = os.environ[name]
    # Not in the project's folder, where a file of the user may have torch's name.
    command = (sys.executable, "-m", "hydra_lightning.tasks.torch_facts")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sys.prefix)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"])[-1]
        section.broken(f"torch cannot be used: {reason}", f"install it anew: {TORCH_BUILDS}")
        return section
    torch = json.loads(done.stdout.splitlines()[-1])
    section.facts |= {"torch build": torch["build"], "torch threads": str(torch["threads"])}
    section.facts |= {key: f"{name}, {_size(memory)}" for key, name, memory in torch["devices"]}
    if device_count() and not torch["devices"]:
        section.broken(
            f"this machine has accelerators ({device_count()}), and torch ({torch['build']} build) can use none",
            f"install the build for your accelerator and driver: {TORCH_BUILDS}",
        )
    return section


def _driver() -> str | None:
    """The version of the kernel's driver for NVIDIA or AMD, where the system says it."""
    for file, pattern in {
        "/proc/driver/nvidia/version": r"Kernel Module.*?\s(\d+\.[\d.]+)",
        "/sys/module/amdgpu/version": r"(\S+)",
    }.items():
        if Path(file).is_file() and (found := re.search(pattern, Path(file).read_text())):
            return found[1]
    return _first_line("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")


def _loggers() -> Section:
    section = Section("loggers", {"csv": "always there"})
    section.facts |= {name: _version(name) or NOT_INSTALLED for name in LOGGERS}
    return section


def _plugins() -> Section:
    """Hydra's plugins, found by their distributions and folders: importing one may import all that it runs on."""
    section = Section("launchers and sweepers", {name: _version(name) or NOT_INSTALLED for name in PLUGINS})
    spec = importlib.util.find_spec("hydra_plugins")
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = {
        item.stem
        for folder in folders
        for item in Path(folder).iterdir()
        if not item.name.startswith((".", "_"))
    }
    others = found - {name.replace("-", "_") for name in PLUGINS}
    if others:
        section.facts["others"] = ", ".join(sorted(others))
    return section


def _git(project: Path | None) -> Section:
    section = Section(
        "git", {"version": (_first_line("git", "--version") or NOT_INSTALLED).removeprefix("git version ")}
    )
    if project is None:
        return section
    try:
        state, _ = git_state(project, skip=project / "logs")
    except HydraLightningError as error:
        section.broken(str(error), "let git work there: a run records its commit, and does not start without")
        return section
    section.facts["repository"] = _repository(state) if state else "none with a commit"
    return section


def _repository(state: dict[str, Any]) -> str:
    changes = "with changes that are not committed" if state["dirty"] else "clean"
    return f"{state['commit'][:8]} on {state['branch'] or 'no branch'}, {changes}"


def _folders(project: Path) -> Section:
    section = Section("project", {"root": str(project)})
    for name, folder in _places(project).items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        shown = folder.relative_to(project) if folder.is_relative_to(project) else folder
        try:
            with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-") as file:
                file.write(b"written to see whether it can be")
                file.flush()
            free = shutil.disk_usage(there).free
        except OSError as error:
            section.facts[name] = f"{shown}, not writable"
            section.broken(
                f"{folder} cannot be written: {error.strerror}",
                f"make room or give access there, or choose another place with {FOLDERS[name]}=/a/folder/of/yours",
            )
            continue
        section.facts[name] = f"{shown}, writable, {_size(free)} free"
        if free < LITTLE_SPACE:
            section.broken(
                f"{folder} has only {_size(free)} free",
                f"make room, or choose another place with {FOLDERS[name]}=/a/folder/of/yours",
            )
    return section


def _places(project: Path) -> dict[str, Path]:
    """Where logs, data and models go: as the training config says, else in the project."""
    from omegaconf import OmegaConf

    from hydra_lightning.tasks.compose import compose

    try:
        config = compose(project)
        return {name: Path(OmegaConf.select(config, key) or project / name) for name, key in FOLDERS.items()}
    except HydraLightningError:
        # The section on configs says what is wrong with them.
        return {name: project / name for name in FOLDERS}


def _configs(project: Path) -> Section:
    """Whether every main config is right, alone and with each experiment, debug option and search."""
    from hydra_lightning.config.problems import report, stopping
    from hydra_lightning.tasks.check import check_everything

    checked = check_everything(project)
    section = Section("configs", {"combinations checked": str(len(checked))})
    first_with: dict[str, str] = {}
    for composed, problems in checked.items():
        if stopping(problems):
            first_with.setdefault(report(problems), composed)
    for told, composed in first_with.items():
        section.broken(f"{composed}: {told}", f"change what is named, then: {PACKAGE} check --all")
    return section


def _first_line(*command: str) -> str | None:
    """The first line that a program prints; None when it is not there or fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[0] if lines and not done.returncode else None


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"


def _without_home(section: Section) -> Section:
    """The section with ``~`` for the home folder."""
    home = re.compile(re.escape(str(Path.home())) + r"(?![\w.-])")

    def hidden(text: str) -> str:
        return home.sub("~", text)

    facts = {name: hidden(value) for name, value in section.facts.items()}
    return Section(
        section.title,
        facts,
        [Finding(hidden(each.problem), hidden(each.remedy)) for each in section.findings],
    )
