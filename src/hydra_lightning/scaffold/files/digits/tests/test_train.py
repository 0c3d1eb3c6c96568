import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch


def test_fast_dev_run(run_script: Callable[..., str]) -> None:
    run_script("train.py", "debug=fdr")


def test_a_run_learns_and_can_be_evaluated(run_script: Callable[..., str], tmp_path: Path) -> None:
    run_script("train.py", "experiment=digits", "trainer.max_epochs=3")
    (run,) = (tmp_path / "logs/train/runs").iterdir()
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "completed"
    assert record["metrics"]["test/acc"] > 0.8
    checkpoint = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 2

    run_script("eval.py", f"run={run}", "mode=predict")
    (predictions,) = (tmp_path / "logs/eval/runs").glob("*/predictions.parquet")
    table = pd.read_parquet(predictions)
    assert (table.prediction == table.label).mean() == pytest.approx(record["metrics"]["test/acc"], abs=1e-6)
