"""An autocast around all that models compute is the Trainer's precision; any other one stays where it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_loop import FILES, LOSS, OPTIMIZER, converted

from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
TRAINED = "        with torch.autocast({}):\n    " + LOSS
SUMMED = "            total += nn.functional.mse_loss(model(xb), yb).item()\n"
EVALUATED = "            with torch.autocast({}):\n    " + SUMMED
PLAIN = '"cpu", dtype=torch.bfloat16'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("precision") / "project", "bare").root


def with_autocasts(trained: str, evaluated: str) -> dict[str, str]:
    return {LOSS: TRAINED.format(trained), SUMMED: EVALUATED.format(evaluated)}


@pytest.mark.parametrize(
    "how",
    [PLAIN, '"cpu"', "device_type=device.type, dtype=torch.bfloat16, enabled=True"],
    ids=["plain", "default", "names"],
)
def test_autocast_over_steps_and_evaluations_is_the_precision_of_the_trainer(
    project: Path, tmp_path: Path, how: str
) -> None:
    changes = with_autocasts(how, how) | {OPTIMIZER: f'device = torch.device("cpu")\n{OPTIMIZER}'}
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "  precision: bf16-mixed\n" in found.files[FILES["experiment"]]
    assert "autocast" not in found.files[FILES["module"]]
    told = [line.why for line in found.lines if "autocast" in line.code]
    assert told == ["trainer.precision"] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {LOSS: TRAINED.format(PLAIN)},
        with_autocasts('"cpu", torch.float16', '"cpu", torch.float16'),
        with_autocasts(f"{PLAIN}, enabled=x.ndim > 1", PLAIN),
        with_autocasts(PLAIN, PLAIN)
        | {LOSS: TRAINED.format(PLAIN).replace("loss = nn.functional.mse_loss(model(xb), yb)", "out = model(xb)")
           + "        loss = ((out - yb) ** 2 @ torch.ones(1, 1)).mean()\n"},
    ],
    ids=["steps alone", "float16", "a condition", "a loss outside"],
)  # fmt: skip
def test_other_autocasts_stay(project: Path, tmp_path: Path, changes: dict[str, str]) -> None:
    found = converted(project, tmp_path, changes)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "precision" not in found.files[FILES["experiment"]]
    assert "with torch.autocast(" in found.files[FILES["module"]]


def test_what_is_said_beside_an_autocast_and_the_lines_below_it_are_kept(
    project: Path, tmp_path: Path
) -> None:
    changes = with_autocasts(PLAIN, PLAIN)
    changes[LOSS] = changes[LOSS].replace(":\n", ":  # half of the memory\n            # the mean\n")
    module = converted(project, tmp_path, changes).files[FILES["module"]]
    assert "        # half of the memory\n        # the mean\n        loss = " in module
