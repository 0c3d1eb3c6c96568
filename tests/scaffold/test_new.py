"""``new`` writes the whole project, or nothing."""

from pathlib import Path

import pytest

from hydra_lightning.errors import ProjectError
from hydra_lightning.scaffold.new import BARE, EXAMPLES, new_project

GROUPS = {
    "callbacks",
    "data",
    "debug",
    "experiment",
    "extras",
    "hparams_search",
    "hydra",
    "local",
    "logger",
    "model",
    "paths",
    "trainer",
}


@pytest.mark.parametrize("example", [*EXAMPLES, BARE])
def test_every_row_of_the_layout_is_there(tmp_path: Path, example: str) -> None:
    project = new_project(tmp_path / "vision", example)
    assert set(project.groups) == GROUPS
    for name in (
        "configs/train.yaml",
        "configs/eval.yaml",
        "data/.gitkeep",
        "model/.gitkeep",
        "logs/.gitkeep",
        "lightning_classes/data/__init__.py",
        "lightning_classes/models/components/__init__.py",
        "lightning_classes/utils/__init__.py",
        "lightning_classes/train.py",
        "lightning_classes/eval.py",
        "requirements.txt",
        ".gitignore",
        ".project-root",
    ):
        assert (project.root / name).is_file(), name
    assert list((project.root / "tests").glob("test_*.py"))
    assert list((project.root / "notebooks").glob("1.0-*.ipynb"))
    assert (project.root / "README.md").read_text().startswith("# vision\n")
    assert "{{" not in (project.root / "requirements.txt").read_text()
    assert not list(project.root.rglob("dot_*"))


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert (new_project(tmp_path / "empty").root / "configs" / "train.yaml").is_file()


def test_a_folder_that_is_not_empty_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ProjectError, match="exists and is not empty"):
        new_project(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep")
    with pytest.raises(ProjectError, match="exists and is not empty"):
        new_project(tmp_path / "file")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep")
    with pytest.raises(ProjectError, match="cannot be written"):
        new_project(tmp_path / "file" / "project")


def test_an_unknown_example_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"Did you mean digits\?"):
        new_project(tmp_path / "project", "digit")
    assert not (tmp_path / "project").exists()
