"""The project root is found from its configs, importable, and known to child processes."""

import os
import sys
from pathlib import Path

import pytest

from hydra_lightning.config.project import enter_project


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PROJECT_ROOT", "/another/project")


def test_the_root_is_the_folder_above_configs(tmp_path: Path) -> None:
    assert enter_project(tmp_path / "configs") == tmp_path
    assert sys.path[0] == str(tmp_path)
    assert os.environ["PROJECT_ROOT"] == str(tmp_path)


def test_the_project_entered_last_comes_first(tmp_path: Path) -> None:
    for name in ("one", "other", "one"):
        enter_project(tmp_path / name / "configs")
    assert sys.path[:2] == [str(tmp_path / "one"), str(tmp_path / "other")]
    assert sys.path.count(str(tmp_path / "one")) == 1


def test_a_project_root_file_further_up_wins(tmp_path: Path) -> None:
    (tmp_path / ".project-root").touch()
    assert enter_project(tmp_path / "src" / "configs") == tmp_path


def test_dotenv_fills_what_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET_BEFORE", "kept")
    monkeypatch.delenv("NEW_NAME", raising=False)
    (tmp_path / ".env").write_text('# a comment\nNEW_NAME="from file"\nSET_BEFORE=ignored\n')
    enter_project(tmp_path / "configs")
    assert os.environ.pop("NEW_NAME") == "from file"
    assert os.environ["SET_BEFORE"] == "kept"
