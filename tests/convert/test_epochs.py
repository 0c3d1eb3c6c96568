"""The loop over epochs in the ways that people write it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

PROGRAM = """import argparse
import torch
import tqdm
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--start", type=int, default=0)
parser.add_argument("--epochs", type=int, default=4)
args = parser.parse_args()
FIRST, LAST = 2, 5
x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def train(epochs=3):
    for epoch in HEAD:
        for xb, yb in loader:
            if epoch > 1:
                xb = xb * 2
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(xb), yb)
            loss.backward()
            optimizer.step()


train()
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("epochs") / "project", "bare").root


def converted(bare: Path, program: Path, head: str) -> tuple[int, dict[str, str], str]:
    """The number of epochs, the keys, and how the number of the epoch is written."""
    program.write_text(PROGRAM.replace("HEAD", head))
    found = convert(Script(program), bare, prove=False, static=True)
    experiment = yaml.safe_load(found.files["configs/experiment/program.yaml"])
    module = found.files["lightning_classes/models/program_module.py"]
    line = next(line for line in module.splitlines() if "> 1:" in line)
    return (
        experiment["trainer"]["max_epochs"],
        found.keys,
        line.strip().removesuffix(" > 1:").removeprefix("if "),
    )


@pytest.mark.parametrize(
    ("head", "epochs", "key", "counter"),
    [
        ("range(3)", 3, "", "self.current_epoch"),
        ("range(epochs)", 3, "epochs", "self.current_epoch"),
        ("range(1, args.epochs + 1)", 4, "--epochs", "(self.current_epoch + 1)"),
        ("range(args.start, args.epochs)", 4, "--epochs", "self.current_epoch"),
        ("range(FIRST, LAST)", 3, "LAST", "(self.current_epoch + 2)"),
        ("range(args.start, args.start + 200)", 200, "", "self.current_epoch"),
        ("range(FIRST, FIRST + args.epochs)", 4, "--epochs", "(self.current_epoch + 2)"),
        ("range(LAST * 2)", 10, "", "self.current_epoch"),
        ("tqdm.tqdm(range(3), desc='epochs')", 3, "", "self.current_epoch"),
        ("tqdm.trange(1, epochs + 1)", 3, "epochs", "(self.current_epoch + 1)"),
        ("[0, 1, 2]", 3, "", "self.current_epoch"),
        ("(1, 2)", 2, "", "(self.current_epoch + 1)"),
    ],
)
def test_how_many_epochs_and_what_they_are_called(
    bare: Path, tmp_path: Path, head: str, epochs: int, key: str, counter: str
) -> None:
    found, keys, written = converted(bare, tmp_path / "program.py", head)
    assert (found, written) == (epochs, counter)
    assert [each for each, where in keys.items() if where == "trainer.max_epochs"] == [key] * bool(key)


@pytest.mark.parametrize("head", ["[0, 2, 4]", "range(len(loader))", "itertools.count()"])
def test_what_does_not_count_epochs_is_refused(bare: Path, tmp_path: Path, head: str) -> None:
    with pytest.raises(Refused, match=r"program.py:19: .* the number of epochs") as caught:
        converted(bare, tmp_path / "program.py", head)
    assert caught.value.code == "epochs"
