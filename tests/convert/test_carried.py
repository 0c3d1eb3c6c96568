"""A variable that is changed after an epoch, and read in the next one, is not lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
PROGRAM = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 4)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
lr, best = 0.01, None
for epoch in range(3):
    for group in optimizer.param_groups:
        group["lr"] = lr
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        worst = 0.0
        for xb, yb in loader:
            worst = max(worst, nn.functional.mse_loss(model(xb), yb).item())
    print("worst loss", worst)
    if best is None or worst < best:
        best = worst
    else:
        lr /= 4
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("carried") / "project", "bare").root


@pytest.mark.parametrize("prove", [True, False])
def test_a_rate_that_an_evaluation_changes_is_refused(project: Path, tmp_path: Path, prove: bool) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with pytest.raises(Refused) as caught:
        convert(Script(tmp_path / "program.py"), project, prove=prove)
    assert (caught.value.code, caught.value.site) == ("carried", "program.py:23")


def test_what_only_remembers_is_no_loss(project: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM.replace("    else:\n        lr /= 4\n", ""))
    found = convert(Script(tmp_path / "program.py"), project)
    assert found.verdict is not None
    assert found.verdict.status == "PASS"
