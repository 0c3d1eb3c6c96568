"""Evaluations that come again after so many steps or epochs are the Trainer's, where it counts as the program does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hydra_lightning.convert.convert import convert
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

PROGRAM = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS, EVERY = 4, 3
torch.manual_seed(3)
x = torch.randn(40, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:32], y[:32]), batch_size=4, shuffle=True)
val_loader = DataLoader(TensorDataset(x[32:], y[32:]), batch_size=4)
model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)


def evaluate():
    model.eval()
    total = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            total += nn.functional.mse_loss(model(xb), yb).item()
    model.train()
    return total / len(val_loader)


done = 0
for epoch in range(EPOCHS):
    for i, (xb, yb) in enumerate(train_loader):
        loss = nn.functional.mse_loss(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        done += 1
{in_step}
{in_epoch}
"""


def converted(tmp_path: Path, in_step: str = "", in_epoch: str = "") -> tuple[dict[str, object], str]:
    """The ``trainer`` of the experiment, and the LightningModule, of a program that is proved."""
    file = tmp_path / "regular.py"
    indented = {
        "in_step": "\n".join(f"        {line}" for line in in_step.splitlines()),
        "in_epoch": "\n".join(f"    {line}" for line in in_epoch.splitlines()),
    }
    text = PROGRAM
    for name, code in indented.items():
        text = text.replace(f"{{{name}}}", code)
    file.write_text(text)
    found = convert(Script(file), new_project(tmp_path / "project", "bare").root)
    assert found.verdict is not None
    assert found.verdict.status == "PASS"
    assert not found.to_do
    trainer = yaml.safe_load(found.files["configs/experiment/regular.yaml"])["trainer"]
    return trainer, found.files["lightning_classes/models/regular_module.py"]


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("condition", "through_epochs"),
    [("done % EVERY == 0", True), ("(i + 1) % EVERY == 0", False), ("not done % EVERY", True)],
)
def test_an_evaluation_after_every_n_steps_is_the_trainers(
    tmp_path: Path, condition: str, through_epochs: bool
) -> None:
    trainer, module = converted(
        tmp_path, f'if {condition}:\n    print(f"step {{done}} val loss {{evaluate():.4f}}")'
    )
    assert trainer["val_check_interval"] == 3
    assert ("check_val_every_n_epoch" in trainer) is through_epochs
    assert 'self.log("val/loss"' in module
    assert "manual" not in module


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    "condition", ["i % EVERY == 0", "(done + 1) % EVERY == 0", "done % EVERY == 0 or i == 7"]
)
def test_an_evaluation_that_is_counted_otherwise_stays_in_the_step(tmp_path: Path, condition: str) -> None:
    trainer, module = converted(tmp_path, f'if {condition}:\n    print(f"val loss {{evaluate():.4f}}")')
    assert "val_check_interval" not in trainer
    assert "if " in module


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("condition", ["(epoch + 1) % 2 == 0", "epoch % 2 == 2 - 1", "epoch % 2 == 1"])
def test_an_evaluation_after_every_n_epochs_is_the_trainers(tmp_path: Path, condition: str) -> None:
    trainer, module = converted(
        tmp_path, in_epoch=f'if {condition}:\n    print(f"val loss {{evaluate():.4f}}")'
    )
    assert trainer["check_val_every_n_epoch"] == 2
    assert "def validation_step" in module
    assert "if " not in module


@pytest.mark.usefixtures("forked")
def test_an_evaluation_after_the_first_epoch_and_every_n_stays_under_its_condition(tmp_path: Path) -> None:
    trainer, module = converted(
        tmp_path, in_epoch='if epoch % 2 == 0:\n    val = evaluate()\n    print(f"val loss {val:.4f}")'
    )
    assert "check_val_every_n_epoch" not in trainer
    assert "if self.current_epoch % 2 == 0:" in module
