"""Every config of the project composes."""

from pathlib import Path

import hydra_lightning
import pytest

ROOT = Path(__file__).parent.parent
OPTIONS = [
    f"{group.name}={option.stem}"
    for group in sorted((ROOT / "configs").iterdir())
    if group.is_dir() and group.name not in ("local", "hydra", "paths", "extras")
    for option in sorted(group.glob("*.yaml"))
]


@pytest.mark.parametrize("override", OPTIONS)
def test_every_option_composes(override: str) -> None:
    config = hydra_lightning.compose(ROOT, [override])
    assert config.task_name


def test_evaluation_composes() -> None:
    assert hydra_lightning.compose(ROOT, config_name="eval.yaml").mode == "test"
