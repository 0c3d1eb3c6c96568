from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from hydra_lightning.runs.rank import global_rank, launch

VARIABLES = (
    *("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"),
    *("SLURM_PROCID", "SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS", "SLURM_JOB_START_TIME"),
    "JSM_NAMESPACE_RANK",
)
SLURM = {
    "SLURM_JOB_ID": "12",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_JOB_START_TIME": "1764000000",
}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("env", "rank"),
    [
        ({}, 0),
        ({"LOCAL_RANK": "1"}, 1),
        ({"RANK": "5", "LOCAL_RANK": "1", "GROUP_RANK": "2"}, 5),
        ({"SLURM_PROCID": "3"}, 3),
        ({"SLURM_PROCID": "0", "LOCAL_RANK": "1"}, 1),
        ({"JSM_NAMESPACE_RANK": "2"}, 2),
        ({"NODE_RANK": "0", "LOCAL_RANK": "0"}, 0),
    ],
)
def test_the_rank_is_the_first_that_is_set(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], rank: int
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert global_rank() == rank


def test_the_first_process_of_a_later_node_is_not_rank_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_RANK", "1")
    assert global_rank() != 0


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"LOCAL_RANK": "1", "WORLD_SIZE": "2"},
        {"RANK": "0", "WORLD_SIZE": "1"},
        {"SLURM_PROCID": "0", "SLURM_JOB_ID": "12"},
        SLURM | {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"},
    ],
)
def test_a_process_alone_or_of_lightning_has_no_launch(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str]
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert launch() is None


SHOW = """
import json
from omegaconf import OmegaConf
from hydra_lightning.runs.folder import register_run_id
register_run_id()
print(json.dumps(OmegaConf.to_container(OmegaConf.create(["${run_id:}", "${run_id:1}"]), resolve=True)))
"""


def ids(*argument: str, **env: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    command = [sys.executable, "-c", SHOW, *argument]
    shown: list[str] = json.loads(subprocess.check_output(command, env=clean | env))
    return shown


def test_children_of_one_launcher_agree_on_ids() -> None:
    first, second = (ids(RANK=rank, WORLD_SIZE="2") for rank in "01")
    assert first == second
    assert first[0] != first[1], "another one for every argument"
    assert ids(RANK="0", WORLD_SIZE="2", TORCHELASTIC_RESTART_COUNT="1") != first
    assert ids()[0] != ids()[0]


def test_tasks_of_one_slurm_step_agree_on_ids_whatever_their_parents() -> None:
    step = {"RANK": "0", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "TZ": "UTC"} | SLURM
    direct = ids(**step)
    shell = ["sh", "-c", f"'{sys.executable}' -c '{SHOW}'; true"]
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    assert json.loads(subprocess.check_output(shell, env=clean | step | {"RANK": "3"})) == direct
    assert direct[0].startswith("2025-11-24_16-00-00_")
    assert ids(**(step | {"SLURM_STEP_ID": "1"})) != direct
    assert ids("x=1", **step) != direct, "another command in the same step"
