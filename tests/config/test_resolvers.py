"""The resolvers of the library, in real composed configs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_lightning.config.resolved import resolved
from hydra_lightning.config.resolvers import RESOLVERS, machine
from hydra_lightning.errors import ConfigError
from hydra_lightning.tasks.compose import compose

PAGE = Path(__file__).parents[2] / "docs/reference/resolvers.md"


@pytest.fixture(scope="module")
def value_of(shared_project: Path) -> Callable[[str], Any]:
    """What ``answer: {here: TEXT}`` in the composed config of a project gives."""
    config = compose(shared_project, ["paths.output_dir=out", "paths.work_dir=work"])
    OmegaConf.set_struct(config, False)

    def value(text: str) -> Any:
        return resolved(OmegaConf.merge(config, {"answer": {"here": text}}))["answer"]["here"]

    return value


CALCULATIONS = {
    "${mul:${data.batch_size},4}": 256,
    "${mul:2,3,4}": 24,
    "${mul:${model.optimizer.lr},2}": 0.002,
    "${mul:2,0.5}": 1.0,
    "${mul:1e-3,10}": 0.01,
    "${add:1,2,3}": 6,
    "${add:0.1,0.2,0.3}": 0.1 + 0.2 + 0.3,
    "${sub:10,${add:1,2}}": 7,
    "${div:4,2}": 2.0,
    "${div:1,4}": 0.25,
    "${floordiv:7,2}": 3,
    "${floordiv:-7,2}": -4,
    "${min:8,${data.batch_size},32}": 8,
    "${max:1,0.5}": 1,
    "${round:${mul:0.29,100}}": 29,
    "${round:2.5}": 2,
    "w${mul:2,4}": "w8",
}


@pytest.mark.parametrize(("text", "number"), CALCULATIONS.items())
def test_numbers_are_calculated_and_whole_ones_stay_whole(
    value_of: Callable[[str], Any], text: str, number: Any
) -> None:
    found = value_of(text)
    assert found == number
    assert type(found) is type(number)


MISTAKES = {
    "${mul:abc,2}": "'abc' is text and no number. Right: ${mul:${data.batch_size},4}",
    '${mul:"4",2}': "'4' is text and no number; take its quotes away",
    "${add:1,null}": "None is no number",
    "${add:1,true}": "True is no number",
    "${add:1,[1]}": "[1] is no number",
    "${add:1}": "missing a required argument: 'second'. Right: ${add:",
    "${sub:1,2,3}": "too many positional arguments. Right: ${sub:",
    "${div:1,0}": "division by zero",
    "${round:${div:1e308,1e-308}}": "infinity",
    "${cpu_count:0}": "0 is no whole number from 1 on. Right: ${cpu_count:}",
    "${device_count:3}": "too many positional arguments. Right: ${device_count:}",
    "${git_commit:2}": "the length 2 is no whole number from 4 on",
    "${env:}": "missing a required argument: 'name'. Right: ${env:NAME}",
    "${env:3}": "3 is not the name of an environment variable",
    "${env:HL_BATCHES}": "has no HL_BATCHES. Did you mean HL_BATCH? Set it, or give a default. Right: ${env:",
    "${env:HL_WORD,8}": "HL_WORD is 'word' in the environment, which is no int as its default is",
    "${env:HL_WORD,0.5}": "which is no float",
    "${env:HL_WORD,true}": "which is no bool",
    "${env:HL_BROKEN}": "HL_BROKEN cannot be read as YAML. With a default that is text, even ''",
    "${env:HL_WORD,{a:1}}": "the default {'a': 1} is neither text",
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items())
def test_a_mistake_names_the_key_what_is_written_and_what_is_right(
    value_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    _environment(monkeypatch)
    with pytest.raises(ConfigError) as raised:
        value_of(text)
    assert str(raised.value).startswith(f"answer.here: {text}: ")
    assert message in str(raised.value)
    assert "s3cret" not in str(raised.value)


ENVIRONMENT = {
    "${env:HL_BATCH}": 64,
    "${env:HL_RATE}": 1e-3,
    "${env:HL_DEBUG}": 1,
    "${env:HL_YES}": True,
    "${env:HL_WORD}": "word",
    "${env:HL_EMPTY}": None,
    "${env:HL_LIST}": [1, "b"],
    "${env:HL_DAY}": "2026-01-02",
    "${env:HL_BATCH,8}": 64,
    "${env:HL_BATCH,0.5}": 64.0,
    "${env:HL_BATCH,x}": "64",
    "${env:HL_BATCH,''}": "64",
    "${env:HL_BATCH,null}": 64,
    "${env:HL_BATCH,[]}": [64],
    "${env:HL_RATE,1.0}": 1e-3,
    "${env:HL_DEBUG,false}": True,
    "${env:HL_YES,false}": True,
    "${env:HL_LIST,[0]}": [1, "b"],
    "${env:HL_COMMAS,[0]}": [1, "b"],
    "${env:HL_EMPTY,[0]}": [],
    "${env:HL_BROKEN,x}": "[s3cret: {",
    "${env:HL_DOLLAR,x}": "${seed}",
    "${env:HL_NOWHERE,8}": 8,
    "${env:HL_NOWHERE,null}": None,
    "${env:HL_NOWHERE,[1,2]}": [1, 2],
    "${env:HL_NOWHERE,${data.batch_size}}": 64,
    "${mul:${env:HL_BATCH},2}": 128,
}


@pytest.mark.parametrize(("text", "value"), ENVIRONMENT.items())
def test_the_environment_is_read_as_the_default_is(
    value_of: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, text: str, value: Any
) -> None:
    _environment(monkeypatch)
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "HL_BATCH": "64",
        "HL_RATE": "1e-3",
        "HL_DEBUG": "1",
        "HL_YES": "yes",
        "HL_WORD": "word",
        "HL_EMPTY": "",
        "HL_LIST": "[1, b]",
        "HL_COMMAS": "1, b",
        "HL_DAY": "2026-01-02",
        "HL_BROKEN": "[s3cret: {",
        "HL_DOLLAR": "${seed}",
    }.items():
        monkeypatch.setenv(name, text)


@pytest.fixture
def machine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Files and variables of a machine; what this one has is not looked at."""
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in ("SLURM_CPUS_PER_TASK", *(f"{kind}_VISIBLE_DEVICES" for kind in ("CUDA", "HIP", "ROCR"))):
        monkeypatch.delenv(name, raising=False)

    def make(files: dict[str, str] | None = None, **variables: str) -> None:
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for name, text in variables.items():
            monkeypatch.setenv(name, text)

    return make


def test_cores_are_those_that_this_process_is_bound_to(
    value_of: Callable[[str], Any], machine_of: Callable[..., None]
) -> None:
    machine_of()
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert value_of("${cpu_count:}") == bound
    assert value_of("${cpu_count:1}") == 1
    assert value_of("${cpu_count:100000}") == bound


GROUPS = {
    "none": ({}, 8),
    "no limit": ({"proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": "max 100000\n"}, 8),
    "own": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 2),
    "parent": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        },
        3,
    ),
    "of a container": (
        {"proc/self/cgroup": "0::/docker/x\n", "sys/fs/cgroup/cpu.max": "400000 100000\n"},
        4,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "3:memory:/\n2:cpu,cpuacct:/x\n1:cpuset:/\n",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "version 1 without limit": (
        {
            "proc/self/cgroup": "2:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
        8,
    ),
}


@pytest.mark.parametrize("group", GROUPS)
def test_cores_are_limited_by_the_control_group(
    machine_of: Callable[..., None], monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    files, cores = GROUPS[group]
    machine_of(files)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert machine.cpu_count() == cores


def test_cores_are_limited_by_slurm(machine_of: Callable[..., None]) -> None:
    machine_of(SLURM_CPUS_PER_TASK="1")
    assert machine.cpu_count() == 1


FOUR = {f"dev/nvidia{index}": "" for index in range(4)} | {"dev/nvidiactl": "", "dev/nvidia-uvm": ""}
AMD = {
    "dev/kfd": "",
    "sys/class/kfd/kfd/topology/nodes/0/gpu_id": "0\n",
    "sys/class/kfd/kfd/topology/nodes/1/gpu_id": "5555\n",
    "sys/class/kfd/kfd/topology/nodes/2/gpu_id": "6666\n",
}
DEVICES: list[tuple[dict[str, str], dict[str, str], int]] = [
    ({}, {}, 0),
    ({}, {"CUDA_VISIBLE_DEVICES": "0,1"}, 0),
    (FOUR, {}, 4),
    (FOUR, {"CUDA_VISIBLE_DEVICES": ""}, 0),
    (FOUR, {"CUDA_VISIBLE_DEVICES": "-1"}, 0),
    (FOUR, {"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, 0),
    (FOUR, {"CUDA_VISIBLE_DEVICES": "2, 3"}, 2),
    (FOUR, {"CUDA_VISIBLE_DEVICES": "0,9,1"}, 1),
    (FOUR, {"CUDA_VISIBLE_DEVICES": "GPU-1a,GPU-2b"}, 2),
    ({"proc/driver/nvidia/gpus/0000:01:00.0/information": ""}, {}, 1),
    (AMD, {}, 2),
    (AMD, {"HIP_VISIBLE_DEVICES": "1"}, 1),
    (AMD, {"ROCR_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "0,1"}, 1),
]


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac counts as one")
@pytest.mark.parametrize(("files", "variables", "devices"), DEVICES)
def test_devices_are_counted_without_torch(
    machine_of: Callable[..., None], files: dict[str, str], variables: dict[str, str], devices: int
) -> None:
    machine_of(files, **variables)
    assert machine.device_count() == devices


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac counts as one")
def test_devices_are_asked_of_nvidia_smi_where_there_are_no_files(
    value_of: Callable[[str], Any], machine_of: Callable[..., None], tmp_path: Path
) -> None:
    program = "#!/bin/sh\necho 'GPU 0: A (UUID: GPU-1)'\necho '  MIG 1g (UUID: MIG-2)'\necho 'GPU 1: A'\n"
    machine_of({"bin/nvidia-smi": program})
    (tmp_path / "bin/nvidia-smi").chmod(0o755)
    assert value_of("${device_count:}") == 2


def test_the_commit_is_that_of_the_project(project: Path) -> None:
    git = ("git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run([*git, "init", "-q"], check=True)
    asked = ["+a=${git_commit:}", "+b=${git_commit:8}", "+c=${git_commit:null,none}"]
    with pytest.raises(ConfigError, match=r"a: \$\{git_commit:\}: .* has no commit"):
        resolved(compose(project, asked))
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    config = compose(project, asked)
    assert (config.a, config.b, config.c) == (commit.strip(), commit[:8], commit.strip())


def test_a_project_without_a_repository_has_no_commit_but_may_say_what_to_take(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert compose(project, ["+a=${git_commit:8,none}"]).a == "none"
    with pytest.raises(ConfigError, match=r"not a git repository.*, and no value is given"):
        resolved(compose(project, ["+a=${git_commit:8}"]))


def test_a_resolver_of_the_project_wins(shared_project: Path) -> None:
    code = (
        "from omegaconf import OmegaConf\n"
        "from hydra_lightning.tasks.compose import compose\n"
        "OmegaConf.register_new_resolver('mul', lambda a, b: f'{a} times {b}')\n"
        "for _ in range(2):\n"
        f"    print(compose({str(shared_project)!r}, ['+x=${{mul:2,3}}', '+y=${{add:2,3}}']).x)\n"
        "OmegaConf.register_new_resolver('add', lambda a, b: 'theirs', replace=True)\n"
        f"print(compose({str(shared_project)!r}, ['+y=${{add:2,3}}']).y)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2 times 3", "2 times 3", "theirs"]


def test_registering_imports_nothing_heavy() -> None:
    code = (
        "import sys; from hydra_lightning.config.resolvers import register_resolvers as r; r(); r()\n"
        "print([name for name in ('torch', 'lightning', 'numpy', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_page_has_exactly_the_resolvers_and_its_examples_resolve(
    value_of: Callable[[str], Any],
) -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\$[^`]+)`", PAGE.read_text(), re.MULTILINE)
    assert {name for name, _ in rows} == set(RESOLVERS) | {"run_id"}
    for name, example in rows:
        assert value_of(example) is not None, (name, example)
