"""A program that trains more than once is converted whole: the last training, and those before it where they stood."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.earlier import earlier_trainings
from hydra_lightning.convert.source import Source
from hydra_lightning.convert.unrun import static_tape
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

DATA = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(5)
x = torch.linspace(-1, 1, 720).view(60, 12)
y = (x.sum(1) > 0).long()
loader = DataLoader(TensorDataset(x[:40], y[:40]), 10, shuffle=True)
test_loader = DataLoader(TensorDataset(x[40:], y[40:]), 20)
"""
FIT = """model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2))
criterion = nn.CrossEntropyLoss()


def fit(params, lr, epochs):
    optimizer = torch.optim.SGD(params, lr=lr)
    for epoch in range(epochs):
        model.train()
        for a, b in loader:
            optimizer.zero_grad()
            loss = criterion(model(a), b)
            loss.backward()
            optimizer.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for a, b in test_loader:
                correct += (model(a).argmax(1) == b).sum().item()
        print(f"epoch {epoch} accuracy {correct / 20:.3f}")


fit(model[3].parameters(), 0.05, 3)
fit(model.parameters(), 0.01, 4)
"""
PRETRAIN = """LR = 0.01


def pretrain(epochs, lr, device):
    encoder = nn.Linear(12, 6).to(device)
    decoder = nn.Linear(6, 12).to(device)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=lr)
    for epoch in range(epochs):
        for a, _ in loader:
            a = a.to(device)
            loss = ((decoder(encoder(a)) - a) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("pretraining", epoch, loss.item())
    return encoder


encoder = pretrain(1, LR, torch.device("cpu"))
model = nn.Sequential(encoder, nn.Dropout(0.1), nn.Linear(6, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(3):
    for a, b in loader:
        loss = nn.functional.cross_entropy(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def lines(text: str) -> list[tuple[int, int]]:
    sources = {"train.py": Source("train.py", text)}
    return [
        (first, last) for _, first, last in earlier_trainings(sources, static_tape(sources, "train.py", ()))
    ]


def test_calls_that_train_follow_one_another() -> None:
    first = DATA.count("\n") + FIT.count("\n") - 1
    assert lines(DATA + FIT) == [(first, first)]


def test_one_training_has_none_before_it() -> None:
    assert lines(DATA + FIT.rpartition("fit(")[0]) == []


def test_gradients_without_steps_are_no_training() -> None:
    attack = "def attack():\n    loss = model(x).sum()\n    loss.backward()\n\n\n"
    text = DATA + attack + FIT.rpartition("fit(")[0] + "attack()\n"
    assert lines(text) == []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("earlier") / "project", "bare").root


@pytest.mark.usefixtures("forked")
def test_a_function_that_trains_twice_trains_before_the_optimizer_is_made(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "twice.py").write_text(DATA + FIT)
    found = convert(Script(tmp_path / "twice.py"), project)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    # Three epochs of the first training and two of the last.
    assert len(found.tape.losses) == 5 * 4
    module = found.files["lightning_classes/models/twice_module.py"]
    assert (
        "test_loader = self.trainer.datamodule.val_dataloader()\n        fit(self.net[3].parameters()"
        in module
    )
    assert "            self.first_training()\n            self.net.train()\n" in module


@pytest.mark.usefixtures("forked")
def test_a_function_that_pretrains_is_called_where_the_model_is_made(project: Path, tmp_path: Path) -> None:
    (tmp_path / "pretrained.py").write_text(DATA + PRETRAIN)
    found = convert(Script(tmp_path / "pretrained.py"), project)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    components = found.files["lightning_classes/models/components/pretrained.py"]
    assert "            a = a.to(device)\n" in components
    assert '    encoder = pretrain(1, lr, torch.device("cpu"), loader=loader)\n' in components
    assert found.keys["LR"] == "model.net.lr"


@pytest.mark.usefixtures("forked")
def test_what_a_second_training_needs_of_drawn_data_is_to_do(project: Path, tmp_path: Path) -> None:
    drawn = DATA.replace("TensorDataset(x[:40], y[:40])", "random_split(TensorDataset(x, y), [40, 20])[0]")
    (tmp_path / "drawn.py").write_text(drawn + PRETRAIN.replace("pretrain(1,", "pretrain(3,"))
    found = convert(Script(tmp_path / "drawn.py"), project)
    assert [line.code for line in found.to_do][-1] == "for epoch in range(3):"
