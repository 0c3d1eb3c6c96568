"""A model that is given all settings in one object is given an object of those that it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hydra_lightning.convert.convert import convert
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

PROGRAM = """import argparse
import dataclasses
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

{made}
torch.manual_seed(3)
x = torch.randn(32, 4)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)


class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        {read}
        self.layers = nn.Sequential(nn.Linear(4, cfg.width), nn.Dropout(cfg.drop), nn.Linear(cfg.width, 1))

    def forward(self, x):
        return self.layers(x)


net = Net(cfg)
optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr)
for epoch in range(cfg.epochs):
    for inputs, targets in loader:
        loss = nn.functional.mse_loss(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
OPTIONS = """parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=8)
parser.add_argument("--drop", type=float, default=0.1)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=2)
cfg = parser.parse_args()"""
FIELDS = """@dataclasses.dataclass
class Config:
    width: int = 8
    drop: float = 0.1
    lr: float = 0.01
    epochs: int = 2


cfg = Config(width=6)"""
VALUES = """class Config:
    width = 8
    drop = 0.1
    lr = 0.01
    epochs: int = 2


cfg = Config()"""
NAMESPACE = """from types import SimpleNamespace

cfg = SimpleNamespace(width=8, drop=0.1, lr=0.01, epochs=2)"""


def net_config(tmp_path: Path, made: str, read: str = "pass") -> dict[str, object]:
    file = tmp_path / "whole.py"
    file.write_text(PROGRAM.replace("{made}", made).replace("{read}", read))
    found = convert(Script(file), new_project(tmp_path / "project", "bare").root)
    assert found.verdict is not None
    assert found.verdict.status == "PASS"
    assert not found.to_do
    net: dict[str, dict[str, object]] = yaml.safe_load(found.files["configs/model/whole.yaml"])["net"]
    return net["cfg"]


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("made", "target", "width"),
    [
        (OPTIONS, "lightning_classes.models.components.whole.Options", 8),
        (FIELDS, "lightning_classes.models.components.whole.Config", 6),
    ],
)
def test_it_holds_what_the_model_reads(tmp_path: Path, made: str, target: str, width: int) -> None:
    assert net_config(tmp_path, made) == {"_target_": target, "width": width, "drop": 0.1}


@pytest.mark.usefixtures("forked")
def test_it_holds_all_where_the_model_reads_it_whole(tmp_path: Path) -> None:
    found = net_config(tmp_path, FIELDS, "self.told = dataclasses.asdict(cfg)")
    assert found["lr"] == "${model.optimizer.lr}"
    assert found["epochs"] == "${trainer.max_epochs}"


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("made", [VALUES, NAMESPACE], ids=["a class of values", "a namespace"])
def test_values_without_a_dataclass_are_settings(tmp_path: Path, made: str) -> None:
    program = (
        PROGRAM.replace("{made}", made)
        .replace("{read}", "pass")
        .replace("Net(cfg)", "Net(cfg.width, cfg.drop)")
    )
    program = program.replace("self, cfg", "self, width, drop").replace("self.cfg = cfg", "pass")
    program = (
        program.replace("(4, cfg.width)", "(4, width)")
        .replace("(cfg.drop)", "(drop)")
        .replace("(cfg.width, 1)", "(width, 1)")
    )
    file = tmp_path / "whole.py"
    file.write_text(program)
    found = convert(Script(file), new_project(tmp_path / "project", "bare").root)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert found.keys == {
        "cfg.epochs": "trainer.max_epochs",
        "cfg.width": "model.net.width",
        "cfg.drop": "model.net.drop",
        "cfg.lr": "model.optimizer.lr",
    }


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("made", [VALUES, NAMESPACE], ids=["a class of values", "a namespace"])
def test_values_without_a_dataclass_can_be_given_whole(tmp_path: Path, made: str) -> None:
    target = "lightning_classes.models.components.whole.Options"
    assert net_config(tmp_path, made) == {"_target_": target, "width": 8, "drop": 0.1}
