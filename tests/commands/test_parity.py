"""``hydra-lightning parity``: what is typed, what is answered, and the test that it writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import environment
from typer.testing import CliRunner

from hydra_lightning.cli import app

RUNNER = CliRunner()
# The digits example, as its user would have written it before.
ORIGINAL = """import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_classes.data.digits_datamodule import DigitsDataModule
from lightning_classes.models.components.mlp import MLP

data = DigitsDataModule(batch_size=256)
data.setup("fit")
net = MLP()
optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
for epoch in range(3):
    net.train()
    for images, labels in data.train_dataloader():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        print(sum(nn.functional.cross_entropy(net(x), y).item() for x, y in data.val_dataloader()))
"""
SMALL = [
    "data.batch_size=256",
    "trainer.max_epochs=3",
    "callbacks=none",
    "test=false",
    "optimized_metric=null",
]


@pytest.fixture
def original(project: Path) -> Path:
    file = project / "old" / "train.py"
    shutil.copytree(project / "lightning_classes", file.parent / "lightning_classes")
    file.write_text(ORIGINAL)
    return file


def parity(*arguments: object) -> tuple[int, str]:
    done = RUNNER.invoke(app, ["parity", *map(str, arguments)])
    return done.exit_code, done.output


def test_an_experiment_is_the_program_that_it_was_made_from(
    project: Path, original: Path, tmp_path: Path
) -> None:
    answer = tmp_path / "parity.json"
    test = project / "tests" / "test_parity.py"
    code, told = parity(
        original, "--output", answer, "--test", test, "--project", project, "--epochs", 2, "vs", *SMALL
    )
    assert code == 0, told
    assert told.startswith("PASS  10/10 losses")
    assert json.loads(answer.read_text())["status"] == "PASS"
    assert not list((project / "logs").glob("train/*"))

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout
    config = project / "configs" / "model" / "digits.yaml"
    config.write_text(config.read_text().replace("lr: 0.001", "lr: 0.002"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "FAIL at step 0: learning rate" in done.stdout, done.stdout


@pytest.mark.usefixtures("forked")
def test_a_difference_has_an_exit_code_and_a_place(project: Path, original: Path, tmp_path: Path) -> None:
    code, told = parity(
        original,
        "--output",
        tmp_path / "p.json",
        "--project",
        project,
        "vs",
        *SMALL,
        "model.optimizer.lr=0.01",
    )
    assert code == 1
    assert "FAIL at step 0: learning rate" in told
    assert "train.py:18" in told
    assert "lightning_classes/models/digits_module.py" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train.py"], "Missing argument"),
        (["train.py", "--", "--lr", "1"], "Against what?"),
        (["lost.py", "vs", "other.py"], "lost.py: no such file"),
    ],
)
def test_what_cannot_be_compared_is_told(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = parity(*arguments)
    assert code in (2, 4)
    assert told in output
    if code == 4:
        assert json.loads((tmp_path / "parity.json").read_text())["status"] == "ERROR"


@pytest.mark.usefixtures("forked")
def test_a_test_is_not_overwritten_nor_written_elsewhere(
    project: Path, original: Path, tmp_path: Path
) -> None:
    taken = project / "tests" / "test_taken.py"
    taken.write_text("mine")
    for file, told in ((taken, "is there already"), (tmp_path / "test_out.py", "not in the project")):
        code, output = parity(
            original, "--output", tmp_path / "p", "--test", file, "--project", project, "vs", *SMALL
        )
        assert code == 4, output
        assert told in output
    assert taken.read_text() == "mine"
