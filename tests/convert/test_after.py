"""An evaluation after the training is found where the recording ended before it."""

from __future__ import annotations

from pathlib import Path

from hydra_lightning.convert.convert import convert
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

PROGRAM = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.linspace(-1, 1, 320).view(40, 8)
y = x.sum(1, keepdim=True)
loader = DataLoader(TensorDataset(x[:30], y[:30]), batch_size=10, shuffle=True)
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def evaluate(net, inputs, targets):
    net.eval()
    with torch.no_grad():
        error = (net(inputs) - targets).abs().mean()
    print("mean error", error.item())


for epoch in range(3):
    for a, b in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
evaluate(model, x[30:], y[30:])
"""


def test_all_data_as_one_batch_are_evaluated_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    project = new_project(tmp_path / "project", "bare").root
    found = convert(Script(tmp_path / "program.py"), project, static=True)
    module = found.files["lightning_classes/models/program_module.py"]
    assert found.to_do == []
    assert "        with torch.no_grad():\n            error = (self.net(" in module
    assert 'print("mean error", error.item())' in module
