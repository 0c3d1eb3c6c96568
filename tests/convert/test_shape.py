"""What is written reads as one would write it by hand; nothing is run."""

from __future__ import annotations

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

PROGRAM = """import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

train_set = datasets.MNIST("data", train=True, download=True, transform=transforms.ToTensor())
train_loader = DataLoader(train_set, batch_size=8, shuffle=True)
test_loader = DataLoader(datasets.MNIST("data", train=False, transform=transforms.ToTensor()), batch_size=8)
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    model.train()
    for images, labels in train_loader:
        optimizer.zero_grad()
        scores = model(images)
        loss = criterion(scores, labels)
        loss.backward()
        optimizer.step()
    model.eval()
    total, hits = 0.0, 0
    with torch.no_grad():
        for images, labels in test_loader:
            scores = model(images)
            total += criterion(scores, labels).item()
            hits += (scores.argmax(1) == labels).sum().item()
    print("test loss", total / len(test_loader), "accuracy", hits / len(test_loader.dataset))
"""
DATA = """    def prepare_data(self) -> None:
        datasets.MNIST("data", train=True, download=True)

    def setup(self, stage: str | None = None) -> None:
        self.train_set = datasets.MNIST("data", train=True, download=False, transform=transforms.ToTensor())

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train_set, batch_size=8, shuffle=True)
"""
MODULE = """    def model_step(self, batch: Any) -> tuple[torch.Tensor, Any, Any]:
        images, labels = batch
        scores = self.net(images)
        loss = self.criterion(scores, labels)
        return loss, scores, labels

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        loss, _, _ = self.model_step(batch)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        self.total, self.hits = 0.0, 0

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss, scores, labels = self.model_step(batch)
        self.total += loss.item()
        self.hits += (scores.argmax(1) == labels).sum().item()

    def on_validation_epoch_end(self) -> None:
        self.log("val/loss", self.total / len(self.trainer.val_dataloaders), prog_bar=True)
        self.log("val/acc", self.hits / len(self.trainer.val_dataloaders.dataset), prog_bar=True)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("shape")
    (folder / "program.py").write_text(PROGRAM)
    project = new_project(folder / "project", "bare").root
    return convert(Script(folder / "program.py"), project, static=True).files


def test_what_training_and_evaluation_share_is_model_step(written: dict[str, str]) -> None:
    module = written["lightning_classes/models/program_module.py"]
    assert MODULE in module, module


def test_downloads_are_prepare_data_and_the_sets_are_made_in_setup(written: dict[str, str]) -> None:
    data = written["lightning_classes/data/program_datamodule.py"]
    assert DATA in data, data


def test_an_evaluation_after_the_training_is_the_test(tmp_path_factory: pytest.TempPathFactory) -> None:
    function = """def evaluate(net, loader):
    net.eval()
    hits = 0
    with torch.no_grad():
        for images, labels in loader:
            hits += (net(images).argmax(1) == labels).sum().item()
    return hits / len(loader.dataset)


for epoch"""
    end = "accuracy = evaluate(model, test_loader)\nprint('test accuracy', accuracy)\n"
    folder = tmp_path_factory.mktemp("tested")
    (folder / "program.py").write_text(PROGRAM.replace("for epoch", function) + end)
    project = new_project(folder / "project", "bare").root
    found = convert(Script(folder / "program.py"), project, static=True)
    module = found.files["lightning_classes/models/program_module.py"]
    assert found.to_do == []
    assert "test: true" in found.files["configs/experiment/program.yaml"]
    assert "self.hits += (self.net(images).argmax(1) == labels).sum().item()" in module
    assert 'self.log("test/acc", accuracy, prog_bar=True)' in module
