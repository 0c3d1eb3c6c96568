"""A difference is shown at the line of the training that a person would look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.parity.sides import Script
from hydra_lightning.parity.verdict import parity, text

pytestmark = pytest.mark.usefixtures("forked")
LIGHTNING = """import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = torch.nn.Linear(8, 1)

    def training_step(self, batch, index):
        x, y = batch
        return (self.model(x)[:, 0] - y).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.model.parameters(), lr=0.01)

x = torch.ones(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1)), 4)
lightning.Trainer(
    max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
).fit(Module(), loader)
"""


@pytest.mark.parametrize(
    ("old", "new", "what"), [("mean()", "sum()", "loss"), ("0.01", "0.02", "learning rate")]
)
def test_what_lightning_calls_is_shown_at_the_training_step(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    for name, program in (("one.py", LIGHTNING), ("other.py", LIGHTNING.replace(old, new))):
        (tmp_path / name).write_text(program)
    told = text(parity(Script(tmp_path / "one.py"), Script(tmp_path / "other.py")))
    assert f"FAIL at step 0: {what}" in told
    assert "one.py:12 " in told
    assert "other.py:12 " in told
