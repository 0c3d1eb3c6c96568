"""The recorder counts the epochs of training, whatever is evaluated in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.parity.sides import Limits, Script, record

pytestmark = pytest.mark.usefixtures("forked")
EVALUATES_BEFORE_STEPS = """import torch
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 8)
data, held_out = TensorDataset(x, x.sum(1)), TensorDataset(x[:20], x[:20].sum(1))
loader, test_loader = DataLoader(data, 4, shuffle=True), DataLoader(held_out, 10)
model = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for number, (a, b) in enumerate(loader):
        if number % 3 == 0:
            with torch.no_grad():
                for c, d in test_loader:
                    model(c)
        optimizer.zero_grad()
        (model(a)[:, 0] - b).square().mean().backward()
        optimizer.step()
"""


def test_an_evaluation_between_a_batch_and_its_step_is_no_epoch(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(EVALUATES_BEFORE_STEPS)
    tape = record(Script(tmp_path / "train.py"), Limits(epochs=2), 42)
    assert len(tape.losses) == 20
    assert tape.facts["epochs"] == 2
    assert {event.about for event in tape.losses} == {"loader0"}


TRAINS_TWICE = """import torch
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1)), 10, shuffle=True)
model = torch.nn.Linear(8, 1)


def fit(epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        for a, b in loader:
            optimizer.zero_grad()
            (model(a)[:, 0] - b).square().mean().backward()
            optimizer.step()


fit(3)
fit(4)
"""


def test_epochs_are_those_of_the_training_after_the_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINS_TWICE)
    tape = record(Script(tmp_path / "train.py"), Limits(epochs=2, earlier=(("train.py", 18, 18),)), 42)
    assert (len(tape.losses), tape.facts["epochs"]) == (5 * 4, 2)
    # The ways to its steps are those of the last training alone.
    assert tape.stacks["backward"] == {"train.py:14": ["train.py:19", "train.py:14"]}
    assert [each.kind for each in tape.events[tape.begins :]][:1] == ["optimizer"]


def test_a_copy_of_a_loader_is_a_loader(tmp_path: Path) -> None:
    text = EVALUATES_BEFORE_STEPS.replace("model =", "loader = copy.copy(loader)\nmodel =")
    (tmp_path / "train.py").write_text(f"import copy\n{text}")
    tape = record(Script(tmp_path / "train.py"), Limits(epochs=2), 42)
    assert tape.error is None
    assert len(tape.losses) == 20
    assert tape.facts["epochs"] == 2
