"""A program that is not run is read as a recording would show it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.report import UNVERIFIED
from hydra_lightning.convert.source import Source
from hydra_lightning.convert.unrun import static_tape
from hydra_lightning.errors import ParityError
from hydra_lightning.parity.sides import Script
from hydra_lightning.parity.tape import Tape
from hydra_lightning.scaffold.new import new_project
from hydra_lightning.tasks.check import check_overrides

CORPUS = Path(__file__).parent.parent / "corpus/scripts"
HEAD = """import argparse
import torch
from torch import nn, optim
from torch.utils.data import DataLoader
"""
TRAINING = """
net = nn.Linear(4, 2)
optimizer = optim.SGD(net.parameters(), lr=0.1)
loader = DataLoader(list(range(8)), batch_size=2, shuffle=True)
for epoch in range(3):
    for batch in loader:
        optimizer.zero_grad()
        net(batch).sum().backward()
        optimizer.step()
"""


def read(text: str, *arguments: str, **others: str) -> Tape:
    sources = {"train.py": Source("train.py", HEAD + text)}
    sources |= {f"{name}.py": Source(f"{name}.py", code) for name, code in others.items()}
    return static_tape(sources, "train.py", arguments)


def counts(tape: Tape) -> dict[str, int]:
    return dict(Counter(event.kind for event in tape.events))


def test_each_loop_is_followed_twice() -> None:
    tape = read(TRAINING)
    assert counts(tape) == {"optimizer": 1, "iter": 2, "zero": 4, "forward": 4, "backward": 4, "step": 4}
    assert tape.objects["optimizer0"]["class"] == "torch.optim.SGD"
    assert tape.objects["loader0"] | {"class": "", "site": ""} == {
        "class": "",
        "site": "",
        "batch_size": 2,
        "workers": 0,
        "sampler": "RandomSampler",
        "drop_last": False,
        "generator": False,
    }


def test_functions_and_methods_are_followed_into_other_files() -> None:
    text = """
from engine import Trainer
net = nn.Linear(4, 2)
Trainer(net, optim.Adam(net.parameters())).fit(DataLoader([1]))
"""
    engine = """class Trainer:
    def __init__(self, net, optimizer):
        self.net = net
        self.optimizer = optimizer

    def step(self, batch):
        loss = self.net(batch).sum()
        loss.backward()
        self.optimizer.step()

    def fit(self, loader):
        for batch in loader:
            self.step(batch)
"""
    tape = read(text, engine=engine)
    assert counts(tape) == {"optimizer": 1, "iter": 1, "forward": 2, "backward": 2, "step": 2}
    assert tape.stacks["backward"]["engine.py:8"] == ["train.py:8", "engine.py:13", "engine.py:8"]


def test_a_branch_is_taken_as_the_options_decide() -> None:
    text = """
parser = argparse.ArgumentParser()
parser.add_argument("--adam", action="store_true", help="not SGD")
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
torch.manual_seed(7)
net = nn.Linear(4, 2)
if args.adam:
    optimizer = optim.Adam(net.parameters(), lr=args.lr)
else:
    optimizer = optim.SGD(net.parameters(), lr=args.lr)
net(1).backward()
optimizer.step()
"""
    assert read(text).objects["optimizer0"]["class"] == "torch.optim.SGD"
    tape = read(text, "--adam", "--lr", "0.5")
    assert tape.objects["optimizer0"]["class"] == "torch.optim.Adam"
    options = {each["name"]: each["value"] for each in tape.arguments[0]["options"]}
    assert options == {"adam": True, "lr": 0.5}
    assert [event.data["values"] for event in tape.events if event.kind == "seed"] == [[7]]
    with pytest.raises(ParityError, match="invalid float value"):
        read(text, "--lr", "fast")


def test_steps_in_a_branch_that_counts_are_fewer_than_losses() -> None:
    text = TRAINING.replace("in loader", "in enumerate(loader)").replace("for batch", "for i, batch")
    tape = read(
        text.replace("        optimizer.step()", "        if (i + 1) % 2 == 0:\n            optimizer.step()")
    )
    assert (counts(tape)["backward"], counts(tape)["step"]) == (4, 2)


def test_calls_without_gradients_or_in_eval_mode_are_evaluations() -> None:
    text = TRAINING + "with torch.no_grad():\n    net(1)\nnet.eval()\nnet(2)\n"
    assert [event.is_evaluation for event in read(text).events if event.kind == "forward"] == [False] * 4 + [
        True
    ] * 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1", "no call of backward is found by reading alone"),
        ("print 'x'", "train.py:5: Missing parentheses"),
    ],
)
def test_what_trains_nothing_is_told(text: str, told: str) -> None:
    with pytest.raises(ParityError, match=told):
        read(text)


def test_what_is_written_says_that_it_is_not_proved(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", "bare").root
    script = Script(CORPUS / "digits_classic/main.py", ("--lr", "0.5"))
    found = convert(script, project, name="digits", static=True)
    assert found.verdict is None
    assert all(UNVERIFIED in text for text in found.files.values())
    assert "tags: [digits, unverified]" in found.files["configs/experiment/digits.yaml"]
    assert found.keys["--lr"] == "model.optimizer.lr"
    assert "lr: 0.5" in found.files["configs/model/digits.yaml"]
    for path, text in found.files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    assert check_overrides(project, ["experiment=digits"]) == []
