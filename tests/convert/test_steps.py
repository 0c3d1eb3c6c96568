"""Trainings that end with a number of steps, in the middle of an epoch too."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hydra_lightning.convert.convert import Conversion, convert
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")

TRAINED = """import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--max-steps", type=int, default={most})
args = parser.parse_args()
torch.manual_seed(3)
x = torch.randn(60, 8)
y = x.sum(1, keepdim=True)
train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=8, shuffle=True)
val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def evaluate():
    model.eval()
    with torch.no_grad():
        total = sum(nn.functional.mse_loss(model(xb), yb).item() for xb, yb in val_loader)
    print(f"val loss {{total / len(val_loader):.4f}}")


{loop}"""
STEP = """
loss = nn.functional.mse_loss(model(xb), yb)
optimizer.zero_grad()
loss.backward()
optimizer.step()
step += 1
"""
LEFT = "if step >= args.max_steps:\n    break\n"
IS_EVALUATED = "self.trainer.should_stop = True"


def loop(
    *body: str, head: str = "for epoch in range(args.epochs):", then: tuple[str, ...] = ("evaluate()", LEFT)
) -> str:
    batches = "for xb, yb in train_loader:\n" + textwrap.indent("\n".join(body).strip(), "    ")
    inside = "\n".join(("model.train()", batches, *then))
    return f"step = 0\n{head}\n" + textwrap.indent(inside, "    ") + "\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("steps") / "project", "bare").root


@pytest.fixture
def converted(bare: Path, tmp_path: Path) -> Callable[..., Conversion]:
    def make(text: str, *arguments: str, most: int | None = 8) -> Conversion:
        file = tmp_path / "train.py"
        file.write_text(TRAINED.format(loop=text, most=most))
        return convert(Script(file, arguments), bare, name="train")

    return make


def trainer_of(made: Conversion) -> dict[str, object]:
    return yaml.safe_load(made.files["configs/experiment/train.yaml"])["trainer"]


@pytest.mark.parametrize(
    ("text", "arguments", "trainer", "is_evaluated"),
    [
        pytest.param(loop(STEP, LEFT), (), {"max_epochs": 3, "max_steps": 8}, True, id="behind the step"),
        pytest.param(loop(LEFT, STEP), (), {"max_epochs": 3, "max_steps": 8}, True, id="before the step"),
        pytest.param(
            loop(STEP, LEFT), ("--max-steps", "4"), {"max_epochs": 3, "max_steps": 4}, True, id="first epoch"
        ),
        pytest.param(
            loop(STEP, LEFT, then=(LEFT, "evaluate()")),
            (),
            {"max_epochs": 3, "max_steps": 8},
            False,
            id="left before the evaluation",
        ),
        pytest.param(
            loop(STEP, LEFT, head="while step < args.max_steps:", then=("evaluate()",)),
            (),
            {"max_epochs": -1, "max_steps": 8},
            True,
            id="while there are steps",
        ),
        pytest.param(
            loop(
                STEP,
                LEFT,
                head="needed = math.ceil(args.max_steps / len(train_loader))\nfor epoch in range(needed):",
                then=("evaluate()",),
            ),
            (),
            {"max_epochs": -1, "max_steps": 8},
            True,
            id="as many epochs as the steps need",
        ),
        pytest.param(
            loop(STEP, LEFT).replace("args.max_steps", "7"),
            (),
            {"max_epochs": 3, "max_steps": 7},
            True,
            id="a number",
        ),
        pytest.param(
            "def train():\n"
            + textwrap.indent(loop(STEP, LEFT.replace("break", "return step"), then=("evaluate()",)), "    ")
            + "    return step\n\n\ntrain()\n",
            (),
            {"max_epochs": 3, "max_steps": 8},
            False,
            id="a function that returns",
        ),
    ],
)
def test_a_training_ends_with_a_step(converted, text, arguments, trainer, is_evaluated):
    made = converted(text, *arguments)
    assert made.verdict.status == "PASS"
    assert not made.to_do
    found = trainer_of(made)
    assert {key: found[key] for key in trainer} == trainer
    assert (IS_EVALUATED in made.files["lightning_classes/models/train_module.py"]) is is_evaluated
    assert [each.differs for each in made.metrics] == [None] * len(made.metrics)
    if "args.max_steps" in text:
        assert made.keys["--max-steps"] == "trainer.max_steps"


def test_a_limit_that_is_not_asked_for_has_a_key_too(converted):
    asked = "if args.max_steps is not None and step >= args.max_steps:\n    break\n"
    made = converted(loop(STEP, asked, then=("evaluate()", asked)), most=None)
    assert made.verdict.status == "PASS"
    assert trainer_of(made)["max_steps"] == -1
    assert made.keys["--max-steps"] == "trainer.max_steps"


def test_epochs_that_go_on_with_one_batch_each_are_no_end_of_the_training(converted):
    with pytest.raises(Refused, match="an epoch is left here before its last batch"):
        converted(loop(STEP, LEFT, then=("evaluate()",)))


def test_batches_of_which_several_make_a_step_are_no_steps(converted):
    every_other = STEP.replace(
        "optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
        "(loss / 2).backward()\nif (step + 1) % 2 == 0:\n    optimizer.step()\n    optimizer.zero_grad()",
    )
    try:
        made = converted(loop(every_other, LEFT), "--max-steps", "40")
    except Refused:
        return
    assert "max_steps" not in trainer_of(made)


ACCELERATED = """import argparse
import math

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--updates", type=int, default=None)
    parser.add_argument("--accumulate", type=int, default=2)
    opts = parser.parse_args()
    accelerator = Accelerator(gradient_accumulation_steps=opts.accumulate)
    torch.manual_seed(3)
    x = torch.randn(60, 8)
    y = x.sum(1, keepdim=True)
    train_loader = DataLoader(TensorDataset(x[:40], y[:40]), batch_size=5, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[40:], y[40:]), batch_size=10)
    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    by_rounds = False
    a_round = math.ceil(len(train_loader) / opts.accumulate)
    if opts.updates is None:
        opts.updates = opts.rounds * a_round
        by_rounds = True
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=opts.updates)
    model, optimizer, train_loader, val_loader, scheduler = accelerator.prepare(
        model, optimizer, train_loader, val_loader, scheduler
    )
    a_round = math.ceil(len(train_loader) / opts.accumulate)
    if by_rounds:
        opts.updates = opts.rounds * a_round
    opts.rounds = math.ceil(opts.updates / a_round)
    done = 0
    for turn in range(opts.rounds):
        model.train()
        for xb, yb in train_loader:
            with accelerator.accumulate(model):
                loss = nn.functional.mse_loss(model(xb), yb)
                accelerator.backward(loss)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            if accelerator.sync_gradients:
                done += 1
            if done >= opts.updates:
                break
        model.eval()
        losses = []
        for xb, yb in val_loader:
            with torch.no_grad():
                loss = nn.functional.mse_loss(model(xb), yb)
            losses.append(accelerator.gather_for_metrics(loss.repeat(len(xb))))
        print(f"round {turn}: loss {torch.cat(losses).mean():.4f}")


main()
"""


@pytest.mark.parametrize(
    ("arguments", "trainer", "total"),
    [
        ((), {"max_epochs": 2}, "updates"),
        (("--updates", "3"), {"max_epochs": -1, "max_steps": 3}, "self.trainer.max_steps"),
        (("--updates", "6"), {"max_epochs": -1, "max_steps": 6}, "self.trainer.max_steps"),
    ],
)
def test_steps_or_epochs_as_scripts_of_accelerate_take_them(bare, tmp_path, arguments, trainer, total):
    file = tmp_path / "train.py"
    file.write_text(ACCELERATED)
    made = convert(Script(file, arguments), bare, name="train")
    assert made.verdict.status == "PASS"
    assert not made.to_do
    found = trainer_of(made)
    assert {key: found.get(key) for key in ("max_epochs", "max_steps") if key in found} == trainer
    files = "\n".join(made.files.values())
    assert f"total_iters={total}" in files or f"total_iters: ${{{total.removeprefix('self.')}}}" in files


def test_a_limit_that_is_computed_and_not_come_to_is_no_key(converted):
    asked = "if most and step >= most:\n    break\n"
    made = converted("most = 5 * len(train_loader)\n" + loop(STEP, asked, then=("evaluate()", asked)))
    assert made.verdict.status == "PASS"
    assert "max_steps" not in trainer_of(made)


def test_nothing_is_left_to_do_of_a_training_of_one_epoch(converted):
    made = converted(loop(STEP, then=("evaluate()",)), "--epochs", "1")
    assert made.verdict.status == "PASS"
    assert not made.to_do
