"""Slow copies of a model that a training keeps and calls, and functions in the function that trains."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_loop import EVALUATION, FILES, LOSS, MODEL, OPTIMIZER, PROGRAM, STEP, converted

from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")

AVERAGE = """class Average:
    def __init__(self, net, decay):
        self.slow = copy.deepcopy(net)
        self.decay = decay

    @torch.no_grad()
    def update(self, net):
        for one, other in zip(self.slow.parameters(), net.parameters()):
            one.mul_(self.decay).add_(other, alpha=1 - self.decay)


average = Average(model, 0.9)
"""
AVERAGED = {
    "import random\n": "import copy\nimport random\n",
    OPTIMIZER: OPTIMIZER + AVERAGE,
    STEP: STEP + "        average.update(model)\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("averages") / "project", "bare").root


def test_an_average_that_nothing_calls_is_updated(project: Path, tmp_path: Path) -> None:
    found = converted(project, tmp_path, AVERAGED)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "        self.average.update(self.net)\n" in found.files[FILES["module"]]


def test_a_copy_in_train_mode_that_is_called_before_the_model(project: Path, tmp_path: Path) -> None:
    wanted = "        with torch.no_grad():\n            wanted = average.slow(xb)\n"
    taught = wanted + LOSS.replace(", yb)", ", yb + wanted)")
    evaluated = EVALUATION.replace("model(xb)", "model(xb) + average.slow(xb)")
    found = converted(
        project,
        tmp_path,
        AVERAGED | {LOSS: taught, EVALUATION: "        average.update(model)\n" + evaluated, STEP: STEP},
    )
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    # Its statistics would change in a sanity check.
    assert "num_sanity_val_steps: 0" in found.files[FILES["experiment"]]


def test_a_function_in_the_function_that_trains_is_a_method(project: Path, tmp_path: Path) -> None:
    head, body = PROGRAM.split("torch.manual_seed(3)\n")
    noisy = body.replace(LOSS, LOSS.replace("xb", "noisy(xb)"))
    noisy = noisy.replace(
        "for epoch", "def noisy(batch):\n    return batch + scale * torch.randn_like(batch)\n\nfor epoch", 1
    )
    main = "".join(f"    {line}\n" if line else "\n" for line in noisy.splitlines())
    changes = {PROGRAM: f"{head}def main(scale):\n    torch.manual_seed(3)\n{main}\n\nmain(0.1)\n"}
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "    def noisy(self, batch):\n" in found.files[FILES["module"]]


def test_a_teacher_that_a_function_makes_is_made_before_the_model(project: Path, tmp_path: Path) -> None:
    layers = "nn.Linear(4, width), nn.BatchNorm1d(width), nn.Linear(width, 1)"
    made = f"def made(width):\n    return nn.Sequential({layers})\n"
    wanted = "        with torch.no_grad():\n            wanted = teacher(xb)\n"
    changes = {
        MODEL: f"{made}\n\nteacher = made(16)\nteacher.eval()\nmodel = made(8)\n",
        LOSS: wanted + LOSS.replace(", yb)", ", yb + wanted)"),
        STEP: STEP + "        schedule.step()\n",
        OPTIMIZER: OPTIMIZER + "schedule = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.01)\n",
    }
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "self.teacher, self.model = nets" in found.files[FILES["module"]]
    assert "_target_: torch.optim.swa_utils.SWALR" in found.files[FILES["model"]]
