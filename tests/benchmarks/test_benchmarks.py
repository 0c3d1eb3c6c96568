"""The benchmark script measures every row and writes all tables."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTUP_ROWS = ("import torch", "import lightning.pytorch", "plain PyTorch script", "train.py")
STEP_ROWS = (
    "plain PyTorch loop |",
    "summed by hand",
    "only returns the loss",
    "its metrics",
    "progress bar",
    "as it is",
)


ANSWER_ROWS = (
    "bare Hydra",
    "train.py --help",
    "train.py --cfg job",
    "train.py --info",
    "max_epochs=ten",
    "trainr.max_epochs",
    "experiment=digts",
    "completion",
    "in Python, warm",
    "in Python, cold",
    "check, warm",
    "check, cold",
    "hydra-lightning --help",
)


CONVERT_ROWS = (
    "step of a convolutional network",
    "step of 61 modules",
    "same under the recorder",
    "recording the script",
    "recording what is",
    "convert of",
)
RUN_ROWS = ("a plain program", "three filters, no index", "the newest", "without its start")


@pytest.mark.slow
def test_a_quick_run_fills_every_row_of_all_tables(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "run.py", "--quick", "--to", tmp_path],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    for row in (*STARTUP_ROWS, *ANSWER_ROWS, *RUN_ROWS, *CONVERT_ROWS, *STEP_ROWS):
        line = next(
            line
            for line in page.splitlines()
            if line.startswith("|") and row.strip() in line.replace("`", "")
        )
        assert all(float(number) > 0 for number in re.findall(r"(?<=\| )\d+\.\d+", line)), line
        assert len(re.findall(r"\d+\.\d+", line)) >= 4, line
    readme = (tmp_path / "README.md").read_text()
    rows = readme.split("<!-- benchmarks")[1].split("<!-- end")[0]
    assert re.search(r"first training step \| \d+\.\d s \| *\| \d+\.\d s \|", rows)
    assert re.search(r"one training step \| \d+\.\d+ ms \| \d+\.\d+ ms \| \d+\.\d+ ms \|", rows)
    before, after = (
        (ROOT / "README.md").read_text().split("<!-- benchmarks")[0],
        readme.split("<!-- benchmarks")[0],
    )
    assert before == after
