"""``hydra-lightning convert``: what is told, written and answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from notebooks import notebook
from typer.testing import CliRunner

from hydra_lightning.cli import app

PROGRAM = """import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1, help="step size")
args = parser.parse_args()
x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
"""
pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "old" / "linear.py"
    file.parent.mkdir()
    file.write_text(PROGRAM)
    return file


def convert(project: Path, *arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["convert", "--into", str(project), *map(str, arguments)])
    told = done.output if isinstance(done.exception, SystemExit) else f"{done.output}{done.exception or ''}"
    return done.exit_code, told


def test_a_conversion_is_told_and_runs(project: Path, program: Path) -> None:
    code, told = convert(project, program, "--", "--lr", "0.02")
    assert code == 0, told
    for words in (
        "recorded  10 steps, 2 epochs  (SGD; 1 loader)",
        "lightning_classes/models/linear_module.py",
        "--lr → model.optimizer.lr",
        "parity    PASS  10/10 losses",
        "next: python lightning_classes/train.py experiment=linear",
    ):
        assert words in told, told
    assert "lr: 0.02 # step size" in (project / "configs/model/linear.yaml").read_text()
    assert [file.name for file in program.parent.iterdir()] == ["linear.py"]

    code, told = convert(project, program)
    assert code == 1
    assert "Already there: configs/model/linear.yaml" in told
    code, told = convert(project, program, "--force", "--format", "json")
    assert code == 0, told
    assert json.loads(told)["keys"] == {"--lr": "model.optimizer.lr"}
    assert "lr: 0.1 # step size" in (project / "configs/model/linear.yaml").read_text()


def test_a_program_that_is_not_there_is_told(project: Path, tmp_path: Path) -> None:
    code, told = convert(project, tmp_path / "gone.py")
    assert code == 4
    assert "gone.py: no such file." in told


def test_a_dry_run_prints_and_writes_nothing(project: Path, program: Path) -> None:
    before = sorted(project.rglob("*"))
    code, told = convert(project, program, "--dry-run", "--name", "other")
    assert code == 0, told
    assert "--- /dev/null\n+++ b/lightning_classes/models/other_module.py\n@@ -0,0" in told
    assert "+class OtherModule(LightningModule):" in told
    assert "would write configs" in told
    assert sorted(project.rglob("*")) == before


def test_to_dos_refusals_and_failures_have_codes_of_their_own(project: Path, program: Path) -> None:
    before = sorted(project.rglob("*"))
    program.write_text(
        PROGRAM.replace("for epoch in range(3)", "for epoch, rate in enumerate([0.1, 0.05, 0.01])")
    )
    code, told = convert(project, program)
    assert code == 6
    assert "refused (epochs)  linear.py:14" in told
    assert "nothing was written" in told
    code, told = convert(project, program, "--format", "json")
    assert (code, json.loads(told)["code"]) == (6, "epochs")

    program.write_text(PROGRAM.replace("model = nn", "raise ValueError('no data')\nmodel = nn"))
    code, told = convert(project, program)
    assert code == 4
    assert "linear.py:12: linear.py fails by itself: ValueError: no data" in told
    assert sorted(project.rglob("*")) == before

    program.write_text(PROGRAM + "import subprocess\nsubprocess.run(['true'])\n")
    code, told = convert(project, program)
    assert code == 5
    assert "to do     linear.py:21" in told


def test_a_plan_is_printed_edited_and_carried_out(project: Path, program: Path, tmp_path: Path) -> None:
    before = sorted(project.rglob("*"))
    code, told = convert(project, program, "--plan", "--name", "planned", "--", "--lr", "0.02")
    assert code == 0, told
    assert sorted(project.rglob("*")) == before
    plan = yaml.safe_load(told)
    assert (plan["arguments"], plan["name"], plan["steps"]) == (["--lr", "0.02"], "planned", "automatic")
    assert plan["settings"] == {"--lr": "model.optimizer.lr"}
    assert plan["roles"]["loss"].startswith("linear.py:")

    file = tmp_path / "plan.yaml"
    file.write_text(told.replace("steps: automatic", "steps: manual"))
    code, told = convert(project, file)
    assert code == 0, told
    assert "PASS" in told
    module = (project / "lightning_classes/models/planned_module.py").read_text()
    assert "self.automatic_optimization = False" in module
    assert "lr: 0.02" in (project / "configs/model/planned.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: x", "plan.yaml is not a plan: it has no key program"),
        ("program: linear.py\nstep: manual", "plan.yaml: step: a plan has no such key. Did you mean steps?"),
        ("program: linear.py\nsteps: both", "plan.yaml: steps: automatic or manual, not 'both'"),
        ("program: gone.py", "gone.py: no such file, neither from here nor beside the plan"),
        ("program: linear.py\nsettings: [a]", "plan.yaml: settings: wants a key for each setting"),
        ("program: [", "plan.yaml is not YAML"),
        (
            "program: linear.py\nsettings: {--rate: model.rate}",
            "a setting --rate that the program has not: --lr",
        ),
        ("program: linear.py\nsettings: {--lr: model.optimizer.rate}", "it is the key model.optimizer.lr"),
    ],
)
def test_a_wrong_plan_is_told_with_its_key(project: Path, program: Path, text: str, told: str) -> None:
    file = program.with_name("plan.yaml")
    file.write_text(text)
    code, printed = convert(project, file, "--static")
    assert code == 1
    assert told in printed


def test_a_notebook_is_converted_and_its_lines_are_named_by_cells(project: Path, tmp_path: Path) -> None:
    head, _, loop = PROGRAM.partition("for epoch")
    head = head.replace("parser.parse_args()", "parser.parse_args([])")
    file = notebook(
        tmp_path / "study.ipynb", "# A study", "%matplotlib inline\n" + head, f"for epoch{loop}", "weight = 1"
    )
    before = file.read_bytes()
    code, told = convert(project, file)
    assert code in (0, 5), told
    assert "parity    PASS" in told
    assert "study.ipynb cell 3:1" in (project / "docs/conversions/study.md").read_text()
    assert file.read_bytes() == before
