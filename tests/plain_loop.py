"""A plain training loop, parts of which tests write otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hydra_lightning.convert.convert import Conversion, convert
from hydra_lightning.parity.sides import Script

PROGRAM = """import random

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
x = torch.randn(48, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:32], y[:32]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[32:], y[32:]), batch_size=8)
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    model.train()
    for i, (xb, yb) in enumerate(train_loader):
        loss = nn.functional.mse_loss(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            total += nn.functional.mse_loss(model(xb), yb).item()
    print(f"epoch {epoch} val loss {total / len(val_loader):.4f}")
"""
FILES = {
    "module": "lightning_classes/models/row_module.py",
    "data": "lightning_classes/data/row_datamodule.py",
    "model": "configs/model/row.yaml",
    "experiment": "configs/experiment/row.yaml",
}
LOSS = "        loss = nn.functional.mse_loss(model(xb), yb)\n"
STEP = "        optimizer.step()\n"
EPOCH = "    model.train()\n"
BODY = LOSS + "        optimizer.zero_grad()\n        loss.backward()\n" + STEP
EVALUATION = PROGRAM.partition(STEP)[2]
LOADER = PROGRAM[PROGRAM.index("train_loader") : PROGRAM.index("val_loader")]
MODEL = PROGRAM[PROGRAM.index("model = ") : PROGRAM.index("optimizer = ")]
OPTIMIZER = PROGRAM[PROGRAM.index("optimizer = ") : PROGRAM.index("for epoch")]


def converted(project: Path, folder: Path, changes: Mapping[str, str]) -> Conversion:
    """The conversion of the loop in which each text, that is once in it, is another one."""
    program = PROGRAM
    for old, new in changes.items():
        assert program.count(old) == 1, f"{old!r} is {program.count(old)} times in\n{program}"
        program = program.replace(old, new)
    (folder / "row.py").write_text(program)
    return convert(Script(folder / "row.py"), project)
