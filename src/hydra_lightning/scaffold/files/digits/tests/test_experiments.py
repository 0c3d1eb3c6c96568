"""What every experiment describes can be built."""

from pathlib import Path

import hydra_lightning
import pytest

ROOT = Path(__file__).parent.parent
EXPERIMENTS = sorted(file.stem for file in (ROOT / "configs/experiment").glob("*.yaml"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_can_be_built(experiment: str) -> None:
    config = hydra_lightning.compose(ROOT, [f"experiment={experiment}"])
    assert hydra_lightning.instantiate(config, "data").batch_size == config.data.batch_size
    assert hydra_lightning.instantiate(config, "model").net is not None
