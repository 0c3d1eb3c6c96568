"""Every config of the project composes."""

from pathlib import Path

import hydra_lightning
import pytest

ROOT = Path(__file__).parent.parent
OPTIONS = [
    f"{group.relative_to(ROOT / 'configs').as_posix()}={option.stem}"
    for group in sorted(path for path in (ROOT / "configs").rglob("*") if path.is_dir())
    if group.name not in ("local", "hydra", "paths", "extras")
    for option in sorted(group.glob("*.yaml"))
]


@pytest.mark.parametrize("override", OPTIONS)
def test_every_option_composes(override: str) -> None:
    config = hydra_lightning.compose(ROOT, [override])
    assert config.task_name


def test_evaluation_composes() -> None:
    assert hydra_lightning.compose(ROOT, config_name="eval.yaml").mode == "test"
