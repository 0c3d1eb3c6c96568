"""What is logged of what a program prints, and which of its evaluations are a test."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from plain_loop import BODY, EVALUATION, FILES, LOSS, MODEL, OPTIMIZER, PROGRAM, converted

from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")

BOTH = """import os

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 3
FOLDER = "saved"


def run(model, loader, optimizer=None):
    is_trained = optimizer is not None
    model.train(is_trained)
    total = 0.0
    with torch.set_grad_enabled(is_trained):
        for xb, yb in loader:
            loss = nn.functional.mse_loss(model(xb), yb)
            if is_trained:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item()
    return total / len(loader)


torch.manual_seed(3)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:32], y[:32]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[32:48], y[32:48]), batch_size=8)
test_loader = DataLoader(TensorDataset(x[48:], y[48:]), batch_size=8)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
os.makedirs(FOLDER, exist_ok=True)
for epoch in range(EPOCHS):
    train_loss = run(model, train_loader, optimizer)
    val_loss = run(model, val_loader)
    print(f"epoch {epoch + 1}/{EPOCHS} train loss {train_loss:.4f} val loss {val_loss:.4f}")
test_loss = run(model, test_loader)
print(f"test loss {test_loss:.4f}")
"""
LOADERS = """val_loader = DataLoader(TensorDataset(rest, y[32:40]), args.batch)
other_loader = DataLoader(TensorDataset(others, y[40:]), args.batch)
"""
TWICE = """    model.eval()
    bank = []
    with torch.no_grad():
        for xb, yb in val_loader:
            bank.append(model(xb))
    mean = torch.cat(bank).mean()
    total = 0.0
    with torch.no_grad():
        for xb, yb in other_loader:
            total += (model(xb) - mean).abs().mean().item()
    print(f"epoch {epoch} val error {total / len(other_loader):.4f}")
"""
FULL = """import torch
from torch import nn

torch.manual_seed(3)
x = torch.randn(48, 4)
y = x.sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(12):
    model.train()
    optimizer.zero_grad()
    guess = model(x)
    loss = nn.functional.mse_loss(guess[:32], y[:32])
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        guess = model(x)
    val_loss = nn.functional.mse_loss(guess[32:], y[32:])
    print(f"epoch {epoch} loss {loss.item():.4f}", "val loss: {:.4f}".format(val_loss.item()))
"""
WHOLE = """    model.eval()
    with torch.no_grad():
        guess = model(x[32:])
    error = nn.functional.mse_loss(guess, y[32:])
    print(f"epoch {epoch} val error {error:.4f}")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("told") / "project", "bare").root


def test_a_function_that_trains_and_evaluates_tests_too(project: Path, tmp_path: Path) -> None:
    found = converted(project, tmp_path, {PROGRAM: BOTH})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    module = found.files[FILES["module"]]
    # Neither the number of epochs nor a folder that nothing is saved in.
    assert re.findall(r'self\.log\("(.*?)"', module) == ["train/loss", "val/loss", "test/loss"]
    assert "folder" not in module + found.files[FILES["model"]]
    assert "test: true" in found.files[FILES["experiment"]]


def test_two_loops_of_an_evaluation_have_their_loaders(project: Path, tmp_path: Path) -> None:
    changes = {
        "import random\n": "import argparse\nimport random\n",
        "torch.manual_seed": 'parser = argparse.ArgumentParser()\nparser.add_argument("--batch", type=int, default=8)\n'
        "args = parser.parse_args()\ntorch.manual_seed",
        "y = x.sum(1, keepdim=True)\n": "y = x.sum(1, keepdim=True)\nrest, others = torch.split(x[32:], [8, 8])\n",
        "val_loader = DataLoader(TensorDataset(x[32:], y[32:]), batch_size=8)\n": LOADERS,
        EVALUATION: TWICE,
    }
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert 'self.log("val/error"' in found.files[FILES["module"]]
    assert found.keys["--batch"] == "data.batch"


def test_times_of_kept_steps_are_not_logged(project: Path, tmp_path: Path) -> None:
    told = EVALUATION.replace(':.4f}"', ':.4f} in {time.time() - began:.1f}s"')
    often = "        if i % 2 == 0:\n" + textwrap.indent(told, "        ") + "            model.train()\n"
    changes = {
        "import random\n": "import random\nimport time\n",
        OPTIMIZER: OPTIMIZER + "began = time.time()\n",
        BODY + EVALUATION: often + BODY,
    }
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    module = found.files[FILES["module"]]
    assert re.findall(r'self\.log\("(.*?)"', module) == ["val/loss", "train/loss"]
    assert "began" not in module


def test_full_batches_log_each_step_and_their_evaluation(project: Path, tmp_path: Path) -> None:
    found = converted(project, tmp_path, {PROGRAM: FULL})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    module = found.files[FILES["module"]]
    assert 'self.log("train/loss", loss.detach(), prog_bar=True, batch_size=1)' in module
    assert 'self.log("val/loss", val_loss.item(), batch_size=1)' in module


@pytest.mark.parametrize(
    "step", ["optimizer.zero_grad()", "optimizer.zero_grad()\n        optimizer.zero_grad()"]
)
def test_what_is_computed_of_an_evaluation_without_a_loop_is_logged(
    project: Path, tmp_path: Path, step: str
) -> None:
    found = converted(project, tmp_path, {EVALUATION: WHOLE, "optimizer.zero_grad()": step})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert 'self.log("val/error", error, prog_bar=True)' in found.files[FILES["module"]]


def test_a_loss_that_a_target_network_tells_is_no_metric_of_an_evaluation(
    project: Path, tmp_path: Path
) -> None:
    late = "target = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))\n"
    copied = "target.load_state_dict(model.state_dict())\n"
    program = FULL.replace("optimizer = ", f"{late}{copied}optimizer = ", 1)
    program = program.replace("nn.Dropout(0.2), ", "")
    program = program.replace(
        "    loss = ", "    with torch.no_grad():\n        wanted = target(x[:32])\n    loss = "
    )
    program = program.replace("[:32], y[:32])", "[:32], y[:32] + 0.1 * wanted)")
    program = program[: program.index("    model.eval()")] + f"    if epoch % 4 == 0:\n        {copied}"
    program += '    print(f"epoch {epoch} loss {loss.item():.4f}")\n'
    found = converted(project, tmp_path, {PROGRAM: program})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    module = found.files[FILES["module"]]
    assert re.findall(r'self\.log\("(.*?)"', module) == ["train/loss"]
    assert "self.target.load_state_dict(self.net.state_dict())" in module


def test_rates_that_are_told_beside_an_evaluation_are_not_logged(project: Path, tmp_path: Path) -> None:
    rate = EVALUATION.replace("    print(", '    lr = optimizer.param_groups[0]["lr"]\n    print(').replace(
        ':.4f}"', ':.4f} lr {lr}"'
    )
    found = converted(project, tmp_path, {EVALUATION: rate})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert re.findall(r'self\.log\("(.*?)"', found.files[FILES["module"]]) == ["train/loss", "val/loss"]


def test_functions_of_what_is_told_of_yielded_batches(project: Path, tmp_path: Path) -> None:
    drawn = "def drawn(x):\n    for at in torch.randperm(4):\n        yield x[at * 8 : at * 8 + 8] + torch.randn(1)\n"
    told = "def in_percent(part):\n    return 100 * part\n\n\n"
    changes = {
        MODEL: f"{drawn}\n\n{told}{MODEL}",
        "for i, (xb, yb) in enumerate(train_loader)": "for xb in drawn(x)",
        LOSS: LOSS.replace(", yb)", ", xb.sum(1, keepdim=True))"),
        EVALUATION: WHOLE.replace("{error:.4f}", "{in_percent(error.item()):.4f}"),
    }
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    module = found.files[FILES["module"]]
    assert 'self.log("val/error", in_percent(error.item()), prog_bar=True, batch_size=1)' in module
