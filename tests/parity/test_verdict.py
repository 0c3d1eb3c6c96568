"""Two programs, or a program and an experiment, get the answer that is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hydra_lightning.parity.sides import Limits, Script
from hydra_lightning.parity.verdict import parity, save, text

TRAIN = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
x = torch.randn(40, 8)
data = TensorDataset(x, x.sum(1).gt(0).long())
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    model.train()
    for xb, yb in DataLoader(data, 8, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        print(sum(criterion(model(a), b).item() for a, b in DataLoader(data, 8)))
"""
pytestmark = pytest.mark.usefixtures("forked")


def write(folder: Path, text: str, name: str = "train.py") -> Script:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return Script(folder / name)


def against(tmp_path: Path, old: str, new: str, **settings: object) -> str:
    """The verdict on TRAIN with one piece of it replaced."""
    assert TRAIN.count(old) == 1
    one, other = write(tmp_path / "one", TRAIN), write(tmp_path / "other", TRAIN.replace(old, new))
    return text(parity(one, other, **settings))  # type: ignore[arg-type]


def test_a_program_is_the_same_as_itself(tmp_path: Path) -> None:
    script = write(tmp_path / "one", TRAIN)
    verdict = parity(script, script)
    assert verdict.status == "PASS"
    assert verdict.code == 0
    assert "10/10 losses" in text(verdict)
    assert "2 epochs, 10 evaluated batches equal to the last bit; 9 final weights equal" in text(verdict)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("momentum=0.9", "momentum=0.8", ["FAIL at step 2: loss", "SGD with momentum=0.9 against 0.8"]),
        ("    scheduler.step()\n", "", ["FAIL at step 5: learning rate", "the other run never"]),
        (
            "        optimizer.step()",
            "        nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n        optimizer.step()",
            [
                "FAIL at step 0: gradient",
                "the other run clips gradients once (train.py:18), the original never",
            ],
        ),
        (
            "    model.train()",
            "    next(iter(DataLoader(data, 8)))\n    model.train()",
            [
                "FAIL at step 0: random numbers",
                "the other run starts a data loader twice",
                "the original once",
            ],
        ),
        (
            "    model.eval()\n",
            "",
            ["FAIL at step 5: evaluation", "in eval mode in the original and in train mode"],
        ),
        ("nn.Dropout(0.2)", "nn.Dropout(0.3)", ["FAIL at step 0: loss", "the batch is the same"]),
        (
            "range(3)",
            "range(1)",
            ["FAIL at step 5: number of steps", "only the original trains on from here"],
        ),
        ("torch.manual_seed(3)", "torch.manual_seed(4)", ["FAIL at step 0: random numbers"]),
        (
            "        optimizer.step()",
            "        if len(xb) == 8 and epoch == 0: optimizer.step()",
            ["FAIL at step 5: optimizer steps", "only the original steps its optimizer here"],
        ),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    told = against(tmp_path, old, new)
    for words in expected:
        assert words in told, told


def test_an_evaluation_with_gradients_is_one_too(tmp_path: Path) -> None:
    assert "10 evaluated batches" in against(tmp_path, "with torch.no_grad()", "with torch.enable_grad()")


def test_a_program_that_differs_from_itself_proves_nothing(tmp_path: Path) -> None:
    own = TRAIN.replace(
        "torch.manual_seed(3)", "import os; torch.manual_seed(int.from_bytes(os.urandom(4), 'big'))"
    )
    script = write(tmp_path / "one", own)
    verdict = parity(script, script)
    assert verdict.status == "ABSTAIN"
    assert verdict.code == 3
    assert "two runs of the original differ: random numbers at step 0 (train.py:17)" in text(verdict)


def test_too_few_steps_prove_nothing(tmp_path: Path) -> None:
    script = write(tmp_path / "one", TRAIN)
    verdict = parity(script, script, Limits(steps=3))
    assert verdict.status == "ABSTAIN"
    assert "calls backward 3 times" in text(verdict)


def test_a_long_training_is_cut(tmp_path: Path) -> None:
    script = write(tmp_path / "one", TRAIN.replace("range(3)", "range(100_000)"))
    assert "10/10 losses" in text(parity(script, script))
    assert "7/7 losses" in text(parity(script, script, Limits(steps=7)))


def test_a_loop_without_epochs_is_cut_too(tmp_path: Path) -> None:
    loop = "import itertools\nif True:\n    for xb, yb in itertools.cycle(DataLoader(data, 8)):"
    head, _, tail = TRAIN.partition("for epoch in range(3):\n")
    endless = head + loop + tail.partition("shuffle=True):")[2]
    script = write(tmp_path / "one", endless)
    assert "204/204 losses" in text(parity(script, script))


def test_a_mean_and_a_sum_of_losses_are_the_same_evaluation(tmp_path: Path) -> None:
    old = "sum(criterion(model(a), b).item()"
    assert (
        against(tmp_path, old, "sum(nn.functional.cross_entropy(model(a), b, reduction='sum').item()")[:4]
        == "PASS"
    )


def test_what_is_within_the_tolerance_passes(tmp_path: Path) -> None:
    old, new = (
        "nn.Dropout(0.2), nn.Linear(16, 2))",
        "nn.Dropout(0.2), nn.Linear(16, 2))\nmodel[4].weight.data *= 1.0001",
    )
    assert "FAIL at step 0: loss" in against(tmp_path, old, new)
    assert "equal within 0.01" in against(tmp_path, old, new, tolerance=0.01)


def test_imports_that_draw_random_numbers_change_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "drawing.py").write_text("import random, torch; random.random(); torch.rand(1)")
    early = f"import sys; sys.path.append({str(folder)!r}); import drawing\n" + TRAIN.replace(
        "torch.manual_seed(3)", ""
    )
    late = TRAIN.replace("torch.manual_seed(3)", f"import sys; sys.path.append({str(folder)!r})").replace(
        "    model.train()", "    import drawing; model.train()"
    )
    verdict = parity(write(tmp_path / "early", early), write(tmp_path / "late", late))
    assert verdict.status == "PASS", text(verdict)


def test_the_answer_is_written_for_tools(tmp_path: Path) -> None:
    one = write(tmp_path / "one", TRAIN)
    other = write(tmp_path / "other", TRAIN.replace("momentum=0.9", "momentum=0.8"))
    save(parity(one, other), tmp_path / "parity.json")
    data = json.loads((tmp_path / "parity.json").read_text())
    assert data["status"] == "FAIL"
    assert data["difference"]["what"] == "loss"
    assert data["difference"]["original"]["site"] == "train.py:17"
    assert [side["status"] for side in data["sides"]] == ["cut", "cut"]
    assert (data["steps"], data["equal"]) == (10, 2)
