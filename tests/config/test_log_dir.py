from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.config.log_dir import plain_log_dir
from hydra_lightning.scaffold.new import new_project
from hydra_lightning.tasks.compose import compose
from hydra_lightning.tasks.log_folder import log_folder


@pytest.mark.parametrize("example", ["digits", "text", "bare"])
def test_a_new_project_is_plain(tmp_path: Path, example: str) -> None:
    root = new_project(tmp_path / "project", example).root.resolve()
    assert plain_log_dir(root) == root / "logs"
    assert Path(compose(root).paths.log_dir) == root / "logs"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("local/default.yaml", "", "# @package _global_\npaths:\n  log_dir: ELSE\n"),
        ("train.yaml", "task_name: train", "task_name: train\npaths: {log_dir: ELSE}"),
        ("paths/default.yaml", "${paths.root_dir}/logs", "${oc.env:PLACE}"),
        ("paths/default.yaml", "log_dir: ${paths.root_dir}/logs", "log_dir: ELSE"),
        (
            "trainer/default.yaml",
            "_target_",
            "# @package _global_\npaths:\n  log_dir: ELSE\ntrainer:\n  _target_",
        ),
    ],
)
def test_any_other_place_is_composed(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, old: str, new: str
) -> None:
    place = tmp_path / "else"
    monkeypatch.setenv("PLACE", str(place))
    path = project / "configs" / file
    text = path.read_text() if path.exists() else ""
    path.write_text(
        text.replace(old, new.replace("ELSE", str(place)), 1) if old else new.replace("ELSE", str(place))
    )
    assert plain_log_dir(project.resolve()) is None
    if file not in ("trainer/default.yaml", "train.yaml"):
        assert log_folder(project) == place
