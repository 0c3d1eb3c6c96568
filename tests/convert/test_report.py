"""The report has every statement as its author wrote it, and what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.report import Line
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
PROGRAM = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

cfg = {"size": 8, "rate": 0.01, "optimizer": "SGD"}


class Trainer:
    def __init__(self, net, loader):
        self.net = net
        self.loader = loader

    def fit(self, optimizer):
        for epoch in range(3):
            for x, y in self.loader:
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(self.net(x), y)
                loss.backward()
                optimizer.step()


def main():
    x = torch.randn(40, cfg["size"])
    model = nn.Linear(cfg["size"], 1)
    trainer = Trainer(model, DataLoader(TensorDataset(x, x[:, :1]), cfg["size"]))
    optimizer = getattr(torch.optim, cfg["optimizer"])(model.parameters(), lr=cfg["rate"])
    trainer.fit(optimizer)


main()
"""


def lines_of(tmp_path: Path, program: str) -> dict[int, Line]:
    file = tmp_path / "program.py"
    file.write_text(program)
    project = new_project(tmp_path / "project", "bare").root
    found = convert(Script(file), project, prove=False)
    return {int(each.site.rpartition(":")[2]): each for each in found.lines}


def test_every_statement_is_told_as_its_author_wrote_it(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, PROGRAM)
    source = PROGRAM.splitlines()
    assert all(each.code == source[number - 1].strip() for number, each in lines.items())
    untold = [number for number, text in enumerate(source, 1) if text.strip() and number not in lines]
    assert untold == []


def test_what_makes_and_calls_an_object_that_is_taken_apart_was_run(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, PROGRAM)
    told = [(lines[number].what, lines[number].why) for number in (25, 27, 30)]
    assert told == [("converted", "what it calls stands in its place")] * 3


UPLOADED = """import argparse
import os
import torch
from huggingface_hub import HfApi
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LIMIT = 4096
parser = argparse.ArgumentParser()
parser.add_argument("--hub", action="store_true")
parser.add_argument("--out")
parser.add_argument("--task", default="sums")
args = parser.parse_args()
if args.hub:
    api = HfApi()
    repo = api.create_repo(args.out).repo_id
elif args.out is not None:
    os.makedirs(args.out)
x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x[:, :1]), 8)
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for a, b in loader:
        loss = nn.functional.mse_loss(model(a), b)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if args.hub:
        api.upload_folder(repo_id=repo, folder_path=args.out)
if args.task == "pairs":
    for a, b in loader:
        print(model(a).mean())
"""


def test_what_only_an_upload_needs_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(UPLOADED)
    found = convert(Script(file), new_project(tmp_path / "project", "bare").root, prove=False)
    written = "".join(content for path, content in found.files.items() if not path.startswith("docs/"))
    assert "HfApi" not in written
    assert "makedirs" not in written
    assert [line.code for line in found.to_do] == ["if args.hub:"]


def test_what_was_not_come_to_and_what_nobody_uses_is_told(tmp_path: Path) -> None:
    lines = {each.code: (each.what, each.why) for each in lines_of(tmp_path, UPLOADED).values()}
    assert lines['if args.task == "pairs":'] == ("not exercised", "a branch that these settings do not take")
    assert lines["LIMIT = 4096"] == ("dropped", "nothing of the training uses it")
