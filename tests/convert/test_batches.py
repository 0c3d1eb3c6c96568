"""Batches that a function yields and streams without a length train the same, whenever they are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert import kept, roles
from hydra_lightning.convert.convert import Conversion, convert
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
HEAD = """import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

torch.manual_seed(3)
x = torch.randn(50, 4)
"""
TAIL = """

model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(2):
    for number, xb in enumerate(LOADER):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), xb.sum(1, keepdim=True))
        loss.backward()
        optimizer.step()
        if number % 5 == 0:
            print(epoch, number, loss.item())
"""
IN_ORDER = """

def batches(data, size=8):
    for start in range(0, len(data), size):
        yield data[start : start + size]
"""
NOISY = IN_ORDER.replace("data[start : start + size]", "torch.normal(data[start : start + size], 0.1)")
STREAM = """

class Stream(IterableDataset):
    def __init__(self, data):
        self.data = data

    def __iter__(self):
        for row in self.data:
            yield row
"""
NOISY_STREAM = STREAM.replace("yield row", "yield row + 0.1 * torch.randn(4)")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("batches") / "project", "bare").root


def converted(project: Path, folder: Path, source: str, loader: str) -> Conversion:
    (folder / "program.py").write_text(HEAD + source + TAIL.replace("LOADER", loader))
    return convert(Script(folder / "program.py"), project)


@pytest.mark.parametrize(
    ("source", "loader", "step", "given"),
    [
        (IN_ORDER, "batches(x)", "batch: Any, batch_idx: int", "return Batches(lambda: batches(self.x))"),
        (NOISY, "batches(x)", "dataloader_iter: Iterator[Any]", "return Batches(lambda: batches(self.x))"),
        (
            STREAM,
            "DataLoader(Stream(x), 8)",
            "batch: Any, batch_idx: int",
            "return DataLoader(Stream(self.x), 8)",
        ),
        (
            NOISY_STREAM,
            "DataLoader(Stream(x), 8)",
            "dataloader_iter: Iterator[Any]",
            "return DataLoader(Stream(self.x), 8)",
        ),
    ],
    ids=["yielded", "yielded-drawn", "stream", "stream-drawn"],
)
def test_batches_without_a_length_train_the_same(
    project: Path, tmp_path: Path, source: str, loader: str, step: str, given: str
) -> None:
    found = converted(project, tmp_path, source, loader)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert f"def training_step(self, {step})" in found.files["lightning_classes/models/program_module.py"]
    assert given in found.files["lightning_classes/data/program_datamodule.py"]


@pytest.mark.parametrize(
    ("source", "loader"), [(NOISY, "batches(x)"), (NOISY_STREAM, "DataLoader(Stream(x), 8)")]
)
def test_a_batch_that_is_fetched_ahead_is_not_the_same(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, loader: str
) -> None:
    for module in (roles, kept):
        monkeypatch.setattr(module, "is_drawn_late", lambda *of: False)
    with pytest.raises(Refused) as caught:
        converted(project, tmp_path, source, loader)
    assert caught.value.code == "not-the-same"
