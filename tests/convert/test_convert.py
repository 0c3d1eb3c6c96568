"""Programs in the styles that people use become projects that train the same; the others are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hydra_lightning.convert.convert import Conversion, convert, write
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.errors import ParityError, ProjectError
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project
from hydra_lightning.tasks.check import check_overrides

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.usefixtures("forked")
# What each becomes: program, arguments, keys of its settings, metrics that validation logs.
CONVERTED = [
    (
        "functions.py",
        ["--epochs", "3", "--no-cuda"],
        {
            "--batch-size": "data.batch_size",
            "--test-batch-size": "data.test_batch_size",
            "--channels": "model.net.channels",
            "--lr": "model.optimizer.lr",
            "--gamma": "model.scheduler.gamma",
            "--epochs": "trainer.max_epochs",
            "--seed": "seed",
        },
        ["val/loss", "val/acc"],
    ),
    (
        "constants.py",
        [],
        {
            "BATCH": "data.batch",
            "WIDTH": "model.net.width",
            "DEPTH": "model.net.depth",
            "EPOCHS": "trainer.max_epochs",
            "MAX_NORM": "trainer.gradient_clip_val",
            "SEED": "seed",
        },
        ["val/acc"],
    ),
    (
        "siblings/train.py",
        [],
        {
            "--bs": "data.bs",
            "--hidden": "model.net.hidden",
            "--lr": "model.optimizer.lr",
            "--momentum": "model.optimizer.momentum",
            "--epochs": "trainer.max_epochs",
        },
        ["val/loss", "val/mae"],
    ),
]
PLAIN = """import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(40, 8)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(8, 4), nn.Dropout(0.1), nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("converted") / "project", "bare").root


def converted(project: Path, folder: Path, text: str) -> Conversion:
    (folder / "program.py").write_text(text)
    return convert(Script(folder / "program.py"), project)


@pytest.mark.parametrize(
    ("name", "arguments", "keys", "metrics"), CONVERTED, ids=[each[0] for each in CONVERTED]
)
def test_a_program_becomes_a_project_that_trains_the_same(
    bare: Path, tmp_path: Path, name: str, arguments: list[str], keys: dict[str, str], metrics: list[str]
) -> None:
    before = {file: file.read_bytes() for file in PROGRAMS.rglob("*.py")}
    found = convert(Script(PROGRAMS / name, tuple(arguments)), bare)
    assert found.verdict.status == "PASS"
    assert found.keys == keys
    assert found.to_do == []
    assert {file: file.read_bytes() for file in PROGRAMS.rglob("*.py")} == before
    module = found.files[f"lightning_classes/models/{found.experiment}_module.py"]
    assert [name for name in metrics if f'self.log("{name}"' in module] == metrics
    for gone in (".to(device)", "zero_grad", ".backward()", "optimizer.step", ".eval()", "print(", "args."):
        assert all(gone not in text for path, text in found.files.items() if path.endswith(".py")), gone

    project = shutil.copytree(bare, tmp_path / "project")
    write(found, project)
    for debug in ([], ["debug=fdr"]):
        assert check_overrides(project, [f"experiment={found.experiment}", *debug]) == []
    with pytest.raises(ProjectError, match="Already there"):
        convert(Script(PROGRAMS / name), project)


@pytest.mark.parametrize(
    ("evaluation", "metric"), [("", "null"), ("if True:", "val/loss"), ("if epoch % 2 == 1:", "null")]
)
def test_what_a_search_looks_at_is_a_metric_of_the_program(
    bare: Path, tmp_path: Path, evaluation: str, metric: str
) -> None:
    every = """
        model.eval()
        with torch.no_grad():
            loss = sum(nn.functional.mse_loss(model(xb), yb).item() for xb, yb in loader)
        print("val loss", loss / len(loader))
        model.train()
"""
    found = converted(bare, tmp_path, PLAIN + (f"    {evaluation}{every}" if evaluation else ""))
    assert f"optimized_metric: {metric}\n" in found.files["configs/experiment/program.yaml"]


def test_a_program_without_evaluation_and_without_seed(bare: Path, tmp_path: Path) -> None:
    found = converted(bare, tmp_path, PLAIN)
    assert found.verdict.status == "PASS"
    assert "seed: 42" in found.files["configs/experiment/program.yaml"]
    assert "validation_step" not in found.files["lightning_classes/models/program_module.py"]
    assert "val_dataloader" not in found.files["lightning_classes/data/program_datamodule.py"]


def test_one_loop_of_steps_is_one_epoch(bare: Path, tmp_path: Path) -> None:
    found = converted(bare, tmp_path, PLAIN.replace("for epoch in range(3):\n", "if True:\n"))
    assert found.verdict.status == "PASS"
    assert "max_epochs: 1" in found.files["configs/experiment/program.yaml"]


def test_data_that_are_made_after_the_model_stay_there(bare: Path, tmp_path: Path) -> None:
    head, model, rest = PLAIN.partition("model = ")
    line, _, rest = rest.partition("\n")
    moved = head.replace("x = torch", f"{model}{line}\nx = torch") + rest
    found = converted(bare, tmp_path, moved)
    assert found.verdict.status == "PASS"
    assert "def setup(self, stage" in found.files["lightning_classes/data/program_datamodule.py"]


def test_a_model_that_is_changed_after_it_is_made(bare: Path, tmp_path: Path) -> None:
    start = "model[0].bias.data.zero_()\nmodel.apply(lambda each: each.requires_grad_(True))\n"
    changed = PLAIN.replace("optimizer =", f"{start}optimizer =")
    found = converted(bare, tmp_path, changed)
    assert found.verdict.status == "PASS"
    assert "return model" in found.files["lightning_classes/models/components/program.py"]


def test_what_follows_the_training_is_a_to_do(bare: Path, tmp_path: Path) -> None:
    found = converted(bare, tmp_path, PLAIN + "import subprocess\nsubprocess.run(['true'])\n")
    assert [(line.site, line.code[:14]) for line in found.to_do] == [("program.py:16", "subprocess.run")]
    assert "program.py:16 | to do" in found.files["docs/conversions/program.md"]


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        (
            "        optimizer.step()\n",
            "        if len(xb) == 8 and epoch: optimizer.step()\n",
            "if len(xb) == 8 and self.current_epoch: optimizer.step()",
        ),
        (
            "        loss.backward()\n",
            "        loss.backward(retain_graph=True)\n",
            "self.manual_backward(loss, retain_graph=True)",
        ),
        (
            "        optimizer.step()\n",
            "        optimizer.step()\n        for group in optimizer.param_groups: group['lr'] *= 0.9\n",
            "for group in optimizer.param_groups: group['lr'] *= 0.9",
        ),
        (
            "        loss.backward()\n",
            "        loss.backward()\n        model(xb).mean().backward()\n",
            "self.manual_backward(self.net(xb).mean())",
        ),
        (
            "for epoch",
            "other = torch.optim.Adam(model.parameters())\nfor epoch",
            "return [optimizer, other]",
        ),
    ],
)
def test_steps_that_automatic_optimization_would_change_are_kept(
    bare: Path, tmp_path: Path, old: str, new: str, written: str
) -> None:
    assert PLAIN.count(old) == 1
    found = converted(bare, tmp_path, PLAIN.replace(old, new))
    module = found.files["lightning_classes/models/program_module.py"]
    assert found.verdict.status == "PASS"
    assert found.to_do == []
    assert "self.automatic_optimization = False" in module
    assert written in module


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        (
            "optimizer = torch.optim.SGD(model.parameters()",
            "optimizer = torch.optim.SGD([*model.parameters()]",
            "self.hparams.optimizer([*self.net.parameters()])",
        ),
        ("lr=0.01", "lr=float(x.std()) / 100", "lr=float(self.trainer.datamodule.x.std()) / 100"),
    ],
)
def test_what_an_optimizer_is_made_of_stays_with_automatic_optimization(
    bare: Path, tmp_path: Path, old: str, new: str, written: str
) -> None:
    found = converted(bare, tmp_path, PLAIN.replace(old, new))
    module = found.files["lightning_classes/models/program_module.py"]
    assert found.verdict.status == "PASS"
    assert "self.automatic_optimization = False" not in module
    assert written in module


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        (
            "for epoch",
            "before = model(x).mean()\nfor epoch",
            "not-the-same",
            None,
        ),
        (
            "    for xb, yb in loader:",
            "    for xb, yb in [(x, x.sum(1, keepdim=True))] * 5:",
            "no-loader",
            10,
        ),
        ("for epoch in range(3):", "for epoch in map(int, '012'):", "epochs", 9),
        ("nn.Linear(8, 4)", "nn.Linear(8, max(4, round(float(x.std()))))", "model-needs-data", 5),
        (
            "for epoch in range(3):\n",
            "for epoch in range(3):\n    other = torch.optim.Adam(model.parameters())\n",
            "optimizer-place",
            10,
        ),
    ],
)
def test_what_is_not_converted_is_refused_with_its_line(
    bare: Path, tmp_path: Path, old: str, new: str, code: str, line: int | None
) -> None:
    assert PLAIN.count(old) == 1
    before = sorted(bare.rglob("*"))
    with pytest.raises(Refused) as caught:
        converted(bare, tmp_path, PLAIN.replace(old, new))
    assert caught.value.code == code, caught.value
    if line is not None:
        assert caught.value.site == f"program.py:{line}", caught.value
    assert sorted(bare.rglob("*")) == before


def test_a_program_that_fails_by_itself_is_no_refusal(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(ParityError, match=r"program\.py:6: .*NameError"):
        converted(bare, tmp_path, PLAIN.replace("x.sum", "y.sum"))
