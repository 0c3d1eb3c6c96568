"""Loops that count by hand go over a range; the others stay as they are."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.counted import with_counted
from hydra_lightning.convert.source import Source
from hydra_lightning.parity.sides import Script
from hydra_lightning.parity.tape import Tape
from hydra_lightning.scaffold.new import new_project

DRAWN = """import torch
from torch import nn

STEPS, BATCH = 12, 8
torch.manual_seed(3)
x = torch.randn(100, 4)
y = x.sum(1, keepdim=True)


def get_batch():
    ix = torch.randint(len(x), (BATCH,))
    return x[ix], y[ix]


model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
step = 0
while step < STEPS:
    xb, yb = get_batch()
    loss = nn.functional.mse_loss(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    step += 1
    if step % 4 == 0:
        print(f"step {step} loss {loss.item():.4f}")
"""


COUNTING = """
class Trainer:
    def __init__(self, n):
        self.n = n
        self.done = 0

    def restore(self):
        self.done = 7

    def test(self):
        print(self.done, evaluate())

    def run(self):
        while self.done < self.n:
            train(self.done)
            self.done += 1
            self.test()
            show(self.done)
"""


def rewritten(code: str, without: int = 0) -> str:
    text = textwrap.dedent(code).strip()
    tape = Tape("completed", ["train.py"], "")
    tape.lines["train.py"] = [line for line in range(1, text.count("\n") + 2) if line != without]
    return with_counted({"train.py": Source("train.py", text)}, tape)["train.py"].text


@pytest.mark.parametrize(
    "code",
    [
        "step = 0\nwhile step < n:\n    train()",
        "step = 0\nwhile step < n:\n    n -= 1\n    step += 1",
        "step = 0\nwhile step < n:\n    if odd():\n        continue\n    step += 1",
        "step = 0\nwhile step < n:\n    if good():\n        step += 1",
        "step = 0\nwhile step < n:\n    step += 1\n    step *= 2",
        "step = first()\nwhile step < n:\n    step += 1",
        "step = 0\nif late:\n    step = saved['step']\nwhile step < n:\n    step += 1",
        "step = 0\nwhile step < limit():\n    step += 1",
        "step = 0\ndef rate():\n    return 1 / step\nwhile step < n:\n    step += 1",
        "def train():\n    global step\n    step = 0\n    while step < n:\n        step += 1",
        "step = 0\nwhile True:\n    step += 1\n    if step > n:\n        break\n    train()",
        "step = 0\nwhile True:\n    train()\n    if loss < best:\n        break\n    step += 1",
        "step = 0\nwhile step < n:\n    step += 1\nelse:\n    done()",
        "step = 0\nwhile True:\n    train()\n    step += 1\n    if bad and step >= n:\n        break",
    ],
)
def test_other_loops_are_left_alone(code: str) -> None:
    assert rewritten(code) == code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "step = 0\nwhile step < n:\n    train(step)\n    step += 1",
            "pass\nfor step in range(n):\n    train(step)\n    pass",
        ),
        (
            "step = 1\nwhile (step <= args.n):\n    train()\n    step = step + 1",
            "pass\nfor step in range(1, args.n + 1):\n    train()\n    pass",
        ),
        (
            "i = 0\nwhile i < len(x):\n    train(x[i : i + size])\n    i += size",
            "pass\nfor i in range(0, len(x), size):\n    train(x[i : i + size])\n    pass",
        ),
        (
            "step = args.first\nprint(step)\nwhile step < 9:\n    step += 1",
            "step = args.first\nprint(step)\nfor step in range(args.first, 9):\n    pass",
        ),
        (
            "it = 0\nwhile True:\n    train()\n    it += 1\n    if it > 30:\n        break",
            "pass\nfor it in range(31):\n    train()\n    pass\n    if False:\n        break",
        ),
        (
            "it = 0\nwhile True:\n    train()\n    it += 1\n    if n > 0 and it >= n:\n        break",
            "pass\nfor it in range(n):\n    train()\n    pass\n    if False:\n        break",
        ),
        (
            "it = 0\nwhile 1:\n    if it >= n:\n        print('done')\n        break\n    train()\n    it += 1",
            "pass\nfor it in range(n):\n    if False:\n        print('done')\n        break\n    train()\n    pass",
        ),
    ],
)
def test_a_loop_that_counts_goes_over_a_range(before: str, after: str) -> None:
    assert rewritten(before) == after


def test_a_counter_is_one_more_after_it_was_increased() -> None:
    before = "step = 0\nwhile step < n:\n    train(step)\n    step += 1\n    show(step)\nprint(step)"
    assert rewritten(before).endswith("train(step)\n    pass\n    show((step + 1))\nprint((step + 1))")


def test_a_counter_that_would_be_restored_begins_where_it_did() -> None:
    code = "step = 0\nif late:\n    step = saved['step']\nwhile step < n:\n    step += 1"
    assert "for step in range(n)" in rewritten(code, without=3)


@pytest.mark.usefixtures("forked")
def test_drawn_batches_train_the_same(tmp_path: Path) -> None:
    (tmp_path / "drawn.py").write_text(DRAWN)
    project = new_project(tmp_path / "project", "bare").root
    found = convert(Script(tmp_path / "drawn.py"), project)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "return range(self.hparams.steps)" in found.files["lightning_classes/data/drawn_datamodule.py"]
    module = found.files["lightning_classes/models/drawn_module.py"]
    assert "xb, yb = self.get_batch()" in module


IMPORTS = "import nn\nfrom itertools import cycle\nfrom torch.utils.data import DataLoader, TensorDataset\n"
CYCLED = DRAWN.replace(
    "def get_batch():\n    ix = torch.randint(len(x), (BATCH,))\n    return x[ix], y[ix]\n",
    "loader = DataLoader(TensorDataset(x, y), BATCH, shuffle=True)\n",
).replace(
    "import nn\n",
    "import nn\nfrom itertools import cycle\nfrom torch.utils.data import DataLoader, TensorDataset\n",
)
CYCLED = CYCLED.replace("step = 0\n", "batches = cycle(loader)\nstep = 0\n").replace(
    "get_batch()", "next(batches)"
)
EPOCHS = """import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 4)
y = x.sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def batches():
    order = torch.randperm(len(x))
    for i in range(0, len(x), 8):
        yield x[order[i : i + 8]], y[order[i : i + 8]]


epoch = 0
while epoch < 3:
    model.train()
    for xb, yb in batches():
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print("val loss", nn.functional.mse_loss(model(x), y).item())
    epoch += 1
"""


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(
    ("program", "written"),
    [
        (CYCLED, "self.batches = cycle(self.trainer.datamodule.loader)"),
        (EPOCHS, "def training_step(self, dataloader_iter: Iterator[Any])"),
    ],
    ids=["cycled", "epochs"],
)
def test_other_counted_loops_train_the_same(tmp_path: Path, program: str, written: str) -> None:
    (tmp_path / "counted.py").write_text(program)
    found = convert(Script(tmp_path / "counted.py"), new_project(tmp_path / "project", "bare").root)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert written in found.files["lightning_classes/models/counted_module.py"]


def test_an_attribute_that_counts_goes_over_a_range() -> None:
    written = rewritten(COUNTING, without=7).splitlines()
    assert written[3] == "        pass"
    assert [each.strip() for each in written[-5:]] == [
        "for self.done in range(self.n):",
        "train(self.done)",
        "pass",
        "self.test()",
        "show((self.done + 1))",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.done = 0", "self.done = first()"),
        ("self.n = n", "self.n = n\n        self.restore()"),
        ("print(self.done, evaluate())", "evaluate(self.done)"),
        ("train(self.done)", "self.n -= 1"),
        ("self.n = n", "self.n = n or self.done"),
    ],
)
def test_an_attribute_that_may_be_another_number_is_left_alone(old: str, new: str) -> None:
    code = COUNTING.replace(old, new)
    assert rewritten(code, without=0 if "self.restore" in new else 7) == code.strip()
