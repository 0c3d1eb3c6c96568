"""What a program tells libraries, as how exactly to multiply, is told in the project, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_loop import FILES, converted

from hydra_lightning.scaffold.new import new_project

SEED = "torch.manual_seed(3)\n"
FLAGS = """import os

import torch.backends.cudnn as cudnn

EXACT = True
cudnn.benchmark = True
torch.backends.cuda.matmul.allow_tf32 = True  # faster
cudnn.deterministic = EXACT
torch.set_float32_matmul_precision("high")
torch.set_default_dtype(torch.float64)
os.environ["TOKENIZERS_PARALLELISM"] = "false"
"""


@pytest.mark.usefixtures("forked")
def test_flags_are_where_they_hold_for_what_is_made(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", "bare").root
    found = converted(project, tmp_path, {SEED: FLAGS + SEED})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    first = 'torch.set_default_dtype(torch.float64)\nos.environ["TOKENIZERS_PARALLELISM"] = "false"\n\n\n'
    for file in ("module", "data"):
        text = found.files[FILES[file]]
        assert text.count(first) == 1
        assert text.index(first) < text.index("class Row")
    init = found.files[FILES["module"]].partition("def __init__")[2].partition("    def ")[0]
    assert "        torch.backends.cuda.matmul.allow_tf32 = True  # faster\n" in init
    assert "        cudnn.deterministic = self.hparams.exact\n" in init
    assert '        torch.set_float32_matmul_precision("high")\n' in init
    assert "  benchmark: true\n" in found.files[FILES["experiment"]]
    assert {line.what for line in found.lines if line.code in FLAGS.splitlines()[4:]} == {"converted"}


@pytest.mark.usefixtures("forked")
def test_a_device_flag_under_a_condition_is_left_to_the_trainer(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project", "bare").root
    told = "if torch.cuda.is_available():\n    torch.backends.cudnn.benchmark = True\n"
    found = converted(project, tmp_path, {SEED: told + SEED})
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert "cudnn" not in found.files[FILES["module"]] + found.files[FILES["data"]]
