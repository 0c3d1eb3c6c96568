"""Weights that are changed by hand are changed by SGD: the text before and after, and a rate that is divided."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert.by_hand import with_optimizers
from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.source import Source
from hydra_lightning.parity.sides import Limits, Script
from hydra_lightning.scaffold.new import new_project

HEAD = "import torch\n\nnet = torch.nn.Linear(2, 1)\n"
UPDATE = "for p in net.parameters():\n    p.data.add_(p.grad, alpha=-lr)\n"
DIVIDED = """if best is None or loss < best:
    torch.save(net.state_dict(), "best.pt")
    best = loss
else:
    lr /= 4.0
"""


def after(text: str) -> str:
    """What a program is read as, without the lines that are left empty."""
    (source,) = with_optimizers({"train.py": Source("train.py", text)}).values()
    return squeezed(source.text)


def squeezed(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if line.strip())


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "lr = 0.1\nfor p in net.parameters():\n    p.data -= lr * p.grad\n",
        HEAD + "opt = torch.optim.SGD(net.parameters(), 0.1)\nlr = 0.1\n" + UPDATE,
        HEAD + "lr = 0.1\n" + UPDATE + "lr = lr * 0.9\n",
        HEAD + "lr, best = 0.1, None\n" + UPDATE + DIVIDED,
        HEAD + "lr = 0.1\nbest = None\n" + UPDATE + DIVIDED.replace("4.0", "10.0"),
        "import torch\n\nlr = 0.1\nnet = torch.nn.Linear(2, 1)\n" + UPDATE,
    ],
    ids=[
        "two roundings",
        "an optimizer",
        "another rule",
        "in one statement",
        "not to the last bit",
        "too early",
    ],
)
def test_what_is_not_sgd_for_certain_stays(text: str) -> None:
    assert after(text) == squeezed(text)


def test_an_update_is_a_step() -> None:
    assert after(HEAD + "lr = 0.1  # high\n" + UPDATE + "print(lr)\n") == (
        squeezed(HEAD) + "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # high\n"
        'optimizer.step()\nprint(optimizer.param_groups[0]["lr"])\n'
    )


def test_every_statement_stays_in_its_line() -> None:
    text = HEAD + "lr = 0.1\nbest = None\n" + UPDATE + DIVIDED + "print(1)\n"
    (source,) = with_optimizers({"train.py": Source("train.py", text)}).values()
    assert source.text.count("\n") == text.count("\n")
    assert (
        "scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.25, patience=0"
        in source.text
    )
    assert source.text.splitlines()[7] == "scheduler.step(loss)"


PROGRAM = """import torch
from torch import nn

torch.manual_seed(2)
x = torch.linspace(-1, 1, 320).view(40, 8)
y = x.sum(1, keepdim=True)
net = nn.Linear(8, 1)
lr = 0.5
best = None
for epoch in range(8):
    net.train()
    for i in range(0, 30, 10):
        net.zero_grad()
        loss = nn.functional.mse_loss(net(x[i : i + 10]), y[i : i + 10])
        loss.backward()
        for p in net.parameters():
            p.data.add_(p.grad, alpha=-lr)
    net.eval()
    total = 0.0
    with torch.no_grad():
        for i in range(30, 40, 5):
            total += nn.functional.mse_loss(net(x[i : i + 5]), y[i : i + 5]).item()
    loss = total / 2
    print(f"val loss {loss}")
    if best is None or loss < best:
        best = loss
    else:
        lr /= 4.0
"""


@pytest.mark.usefixtures("forked")
def test_a_rate_that_is_divided_is_that_of_a_scheduler(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    project = new_project(tmp_path / "project", "bare").root
    found = convert(Script(tmp_path / "program.py"), project, limits=Limits(epochs=None))
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "  lr: 0.5\n" in found.files["configs/model/program.yaml"]
    rates = {event.data["lr"][0] for event in found.verdict.tapes[1].events if event.kind == "step"}
    assert len(rates) > 1, "the rate was never divided"
    module = found.files["lightning_classes/models/program_module.py"]
    assert "self.lr_schedulers().step(loss)" in module
