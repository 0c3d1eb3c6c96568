"""The numbers that a program prints, or gives to a logger, are on its tape, and the metrics of a Trainer."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.parity.sides import Limits, Script, record
from hydra_lightning.parity.watch.told import numbers_in

pytestmark = pytest.mark.usefixtures("forked")
PROGRAM = """import logging
import torch
from accelerate import Accelerator
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

logging.basicConfig(level=logging.INFO)
log, writer, accelerator = logging.getLogger("train"), SummaryWriter("runs"), Accelerator(cpu=True)
net = torch.nn.Linear(4, 1)
bar = tqdm(range(2))

def tell(loss):
    print("epoch", 1, "loss", loss)

for step in bar:
    net(torch.ones(2, 4)).mean().backward()
    tell(torch.tensor(0.25))
    log.info("step %d, acc %.2f", step, 0.5)
    log.debug("nobody sees %f", 0.1)
    writer.add_scalar("loss", torch.tensor(0.75), step)
    accelerator.log({"a": 0.125, "b": {"c": 2}, "name": "7"}, step=step)
    bar.write(f"share {0.5:.0%}")
    print("no number")
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("loss=0.52, acc 97%", ["0.52", "97%"]),
        ("epoch 3/10: tensor(0.1234, grad_fn=<MeanBackward0>)", ["3", "10", "0.1234"]),
        ("1,234.5 1e-3 -0.25 nan .5", ["1234.5", "1e-3", "-0.25", "nan", ".5"]),
        ("f1 v2 took 0.83s, 12x", []),
        ("It is 0.5.", ["0.5"]),
        ("[0.1,0.2] {'a': 0.5, 'b': 3}", ["0.1", "0.2", "0.5", "3"]),
    ],
)
def test_numbers_in_a_text(text: str, found: list[str]) -> None:
    assert numbers_in(text) == found


def test_what_is_told_is_noted_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    tape = record(Script(tmp_path / "train.py"), Limits(), 1)
    told = [(sites, numbers) for steps, sites, numbers in tape.told if steps == 2]
    assert told == [
        (["train.py:13", "train.py:17"], ["1", "0.2500"]),
        (["train.py:18"], ["1", "0.50"]),
        (["train.py:20"], ["0.75"]),
        (["train.py:21"], ["0.125", "2.0"]),
        (["train.py:22"], ["50%"]),
    ]
    assert len(tape.told) == 10
