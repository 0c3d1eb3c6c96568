"""Evaluations, what they decide, and what is done beside the steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert.convert import Conversion, convert
from hydra_lightning.parity.sides import Limits, Script
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
HEAD = """import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(60, 8)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:50], y[40:50]), batch_size=5)
test_loader = DataLoader(TensorDataset(x[50:], y[50:]), batch_size=5)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
"""
TRAIN = """    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
"""
EVALUATE = """    model.eval()
    val_loss = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            val_loss += criterion(model(xb), yb).item()
    val_loss /= len(val_loader)
    print(f"epoch {epoch} val loss {val_loss:.4f}")
"""
TEST = """model.eval()
error = 0.0
with torch.no_grad():
    for xb, yb in test_loader:
        error += (model(xb) - yb).abs().sum().item()
print("test mae", error / 10)
"""
# What is checked: the program, and what is in its module or its experiment.
PROGRAMS = {
    "a training that ends itself, and a plateau": (
        HEAD.replace("lr=0.01", "lr=0.4")
        + """scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
best, bad = float("inf"), 0
for epoch in range(9):
"""
        + TRAIN
        + EVALUATE
        + """    scheduler.step(val_loss)
    if val_loss < best:
        best, bad = val_loss, 0
        torch.save(model.state_dict(), "best.pt")
    else:
        bad += 1
        if bad >= 2:
            print("no better")
            break
""",
        [
            '"monitor": "val/loss"',
            "return self.criterion(self.net(xb), yb)",
            "loss = self.model_step(batch)",
            "self.val_loss += loss.item()",
        ],
        ["early_stopping:", "monitor: val/loss", "mode: min", "patience: 2", "test: false"],
    ),
    "a meter made before the training, the best by min(), and the time": (
        """import time


class Meter:
    def __init__(self):
        self.clear()

    def clear(self):
        self.sum, self.n = 0.0, 0

    def add(self, value, n):
        self.sum += value * n
        self.n += n


"""
        + HEAD
        + """meter = Meter()
epochs, lowest, vain = 4, float("inf"), 0
for epoch in range(epochs):
    started = time.time()
"""
        + TRAIN
        + """    model.eval()
    meter.clear()
    with torch.no_grad():
        for xb, yb in val_loader:
            meter.add(criterion(model(xb), yb).item(), len(xb))
    val_loss = meter.sum / meter.n
    vain = 0 if val_loss < lowest else vain + 1
    lowest = min(lowest, val_loss)
    took = time.time() - started
    print(f"epoch {epoch} val loss {val_loss:.4f} {took:.1f}s")
    if vain >= 2:
        break
""",
        [
            "        self.meter.clear()",
            "        self.meter.add(loss.item(), len(xb))",
            "        self.vain = 0 if val_loss < self.lowest else self.vain + 1\n"
            "        self.lowest = min(self.lowest, val_loss)\n",
        ],
        ["  max_epochs: 4\n"],
    ),
    "metrics made before the training, and a tensor printed of each batch": (
        "import torchmetrics\n"
        + HEAD
        + """near = torchmetrics.MeanAbsoluteError()
scores = torchmetrics.MetricCollection({"mse": torchmetrics.MeanSquaredError()})
for epoch in range(2):
"""
        + TRAIN
        + """    model.eval()
    with torch.no_grad():
        for xb, yb in val_loader:
            guess = model(xb)
            print("guesses", guess)
            near.update(guess, yb)
            scores.update(guess, yb)
    found = scores.compute()
    print("near", near.compute(), "all", found, "again", found["mse"])
    near.reset()
    scores.reset()
""",
        [
            "        self.near.update(guess, yb)",
            "        self.scores.update(guess, yb)",
            'self.log("val/near", self.near.compute(), prog_bar=True)',
            'self.log_dict({f"val/{name}": value for name, value in found.items()}, prog_bar=True)',
            "        self.near.reset()",
        ],
        ["test: false", "monitor: val/near"],
    ),
    "a sum of the training that is set back after it was told": (
        HEAD
        + "running = 0.0\nfor epoch in range(2):\n"
        + TRAIN
        + "        running += loss.item()\n"
        + EVALUATE.replace("epoch} val loss {val_loss", "epoch} error {running / 5:.4f} val loss {val_loss")
        + "    running = 0.0\n",
        ['_dataloaders)\n        self.log("val/loss", self.val_loss, prog_bar=True)\n\n    def configure'],
        ["monitor: val/loss"],
    ),
    "a test of the last weights": (
        HEAD + "for epoch in range(2):\n" + TRAIN + TEST,
        ["def test_step", 'self.log("test/mae", self.error / 10'],
        ["test: true", "monitor: null"],
    ),
    "an average of the weights, and a look at it after each epoch": (
        HEAD
        + """average = copy.deepcopy(model).requires_grad_(False)
for epoch in range(2):
"""
        + TRAIN.rstrip("\n")
        + """
        for mean, weight in zip(average.parameters(), model.parameters()):
            mean.mul_(0.9).add_(weight.data, alpha=0.1)
    with torch.no_grad():
        score = average(x[40:]).mean().item()
    print("score", score)
""",
        ["def on_train_batch_end", "def on_train_epoch_end", 'self.log("val/score", score'],
        [],
    ),
    "something else evaluated before training": (
        HEAD
        + """with torch.no_grad():
    print("untrained", model(x).mean().item())
for epoch in range(2):
"""
        + TRAIN
        + EVALUATE,
        ["def on_fit_start", "self.net(self.trainer.datamodule.x).mean()"],
        ["num_sanity_val_steps: 0"],
    ),
    "so many steps, with an evaluation now and then": (
        HEAD
        + """def score():
    model.eval()
    with torch.no_grad():
        total = sum(criterion(model(xb), yb).item() for xb, yb in val_loader)
    model.train()
    return total


step = 0
while step < 9:
    for xb, yb in train_loader:
        if step % 4 == 0:
            print("val loss", score())
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        step += 1
        if step >= 9:
            break
""",
        ["def score(self)", "if self.global_step % 4 == 0:", 'self.log("val/loss", self.score())'],
        ["max_epochs: -1", "max_steps: 9"],
    ),
}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("evaluated") / "project", "bare").root


def converted(project: Path, folder: Path, text: str) -> Conversion:
    (folder / "program.py").write_text(text)
    # Long enough for the training that ends itself.
    return convert(Script(folder / "program.py"), project, limits=Limits(epochs=9))


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_trains_and_evaluates_the_same(bare: Path, tmp_path: Path, name: str) -> None:
    program, in_module, in_experiment = PROGRAMS[name]
    found = converted(bare, tmp_path, program)
    assert found.verdict.status == "PASS"
    assert found.to_do == []
    module = found.files["lightning_classes/models/program_module.py"]
    experiment = found.files["configs/experiment/program.yaml"]
    assert "automatic_optimization" not in module
    assert [each for each in in_module if each not in module] == [], module
    assert [each for each in in_experiment if each not in experiment] == [], experiment
