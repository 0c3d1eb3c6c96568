"""Every broken config gets its message: what is wrong, where it was written, what would be right."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydra_lightning.config.problems import Problem
from hydra_lightning.scaffold.new import new_project
from hydra_lightning.tasks.check import check_overrides

CORPUS = Path(__file__).parent.parent / "fixtures" / "broken_configs.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(CORPUS.read_text())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("broken") / "project", "digits").root


@pytest.fixture
def configs(root: Path, tmp_path: Path) -> Iterator[Path]:
    """The project's configs, as they were before afterwards."""
    shutil.copytree(root / "configs", tmp_path / "before")
    yield root / "configs"
    shutil.rmtree(root / "configs")
    shutil.copytree(tmp_path / "before", root / "configs")


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_it_is_told(case: dict[str, Any], configs: Path) -> None:
    for name, text in case.get("write", {}).items():
        (configs / name).write_text(text)
    problems = check_overrides(configs.parent, case["overrides"], case.get("config_name", "train.yaml"))
    assert [told(problem, configs.parent) for problem in problems] == case["expect"]


def test_there_are_many_cases_and_each_expects_something() -> None:
    assert len(CASES) >= 60
    assert all(case["expect"] for case in CASES)


def told(problem: Problem, root: Path) -> str:
    """A problem in one line: place, key, message, and the target whose signature is shown."""
    place = problem.override or f"{problem.file}:{problem.line}"
    level = "warning: " if problem.level == "warning" else ""
    shown = f" | it takes {problem.signature}" if problem.signature else ""
    shown = shown if len(shown) < 200 else f"{shown.partition('(')[0]}(...)"
    message = problem.message.replace("\n", " / ").replace(str(root), "ROOT")
    return f"{place} {problem.key}: {level}{message}{shown}"
