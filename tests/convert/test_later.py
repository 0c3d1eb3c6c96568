"""A branch that trains and that comes later than the recording is no branch that was left out in silence."""

from pathlib import Path

import pytest
from plain_loop import EPOCH, EVALUATION, STEP, converted

from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
RATES = "    if epoch {0}:\n        for group in optimizer.param_groups:\n            group['lr'] /= 10\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("later") / "project", "bare").root


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({EVALUATION: EVALUATION + RATES.format("== 2")}, "if epoch == 2:"),
        ({STEP: STEP + RATES.format("> 1")}, "if epoch > 1:"),
        (
            {STEP: STEP + "        if epoch and i == 5:\n            model[0].requires_grad_(False)\n"},
            "if epoch and i == 5:",
        ),
    ],
)
def test_it_is_to_be_done(project: Path, tmp_path: Path, changes: dict[str, str], line: str) -> None:
    found = converted(project, tmp_path, changes)
    assert [(each.code, "more --epochs" in each.why) for each in found.to_do] == [(line, True)]


def test_a_branch_that_only_tells_is_not(project: Path, tmp_path: Path) -> None:
    tells = "    if epoch == 2:\n        print('last')\n        torch.save(model.state_dict(), 'last.pt')\n"
    assert converted(project, tmp_path, {EPOCH: EPOCH + tells}).to_do == []
