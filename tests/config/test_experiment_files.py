from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.config.experiment_files import (
    experiment_name,
    experiments,
    known_experiment,
)
from hydra_lightning.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wide", "wide"),
        ("wide.yaml", "wide"),
        ("ablations/wide-2", "ablations/wide-2"),
        ("v1.2", "v1.2"),
        ("_a/b_", "_a/b_"),
    ],
)
def test_a_name_may_have_folders(text: str, name: str) -> None:
    assert experiment_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".yaml",
        "two words",
        "..",
        "../x",
        "a/../b",
        "/abs",
        "a/",
        "a//b",
        "null",
        "true",
        "7",
        "a,b",
        "a=b",
        "é",
        "~",
    ],
)
def test_a_name_that_hydra_could_not_choose_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no name for an experiment"):
        experiment_name(text)


def test_experiments_are_listed_with_their_first_line_of_comment(tmp_path: Path) -> None:
    folder = tmp_path / "configs" / "experiment"
    (folder / "ablations").mkdir(parents=True)
    (folder / "b.yaml").write_text(
        "# @package _global_\n\n# Two lines,\n# of which this is not shown\na: 1\n"
    )
    (folder / "a.yaml").write_text("# No package\n")
    (folder / "c.yaml").write_text("# @package _global_\na: 1\n# too late\n")
    (folder / "ablations" / "d.yaml").write_text("# @package _global_\n# Deep: é\n")
    (folder / ".gitkeep").touch()
    assert experiments(tmp_path) == {"a": "No package", "ablations/d": "Deep: é", "b": "Two lines,", "c": ""}
    assert known_experiment(tmp_path, "ablations/d.yaml") == "ablations/d"
    with pytest.raises(ConfigError, match=r"no experiment 'ablation/d'.*Did you mean ablations/d\?"):
        known_experiment(tmp_path, "ablation/d")
