import json
import math
from collections.abc import Callable
from pathlib import Path

import torch

SMALL = (
    "data.vocab_size=400",
    "data.block_size=32",
    "model.lm.config.n_embd=32",
    "model.lm.config.n_layer=1",
)


def test_fast_dev_run(run_script: Callable[..., str]) -> None:
    run_script("train.py", "debug=fdr", *SMALL)


def test_a_run_learns(run_script: Callable[..., str], tmp_path: Path) -> None:
    run_script("train.py", "experiment=book", "trainer.max_steps=100", *SMALL)
    (run,) = (tmp_path / "logs/train/runs").iterdir()
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "completed"
    assert record["metrics"]["test/perplexity"] < 300
    assert math.isclose(
        record["metrics"]["test/perplexity"], math.exp(record["metrics"]["test/loss"]), rel_tol=1e-4
    )
    torch.load(run / "checkpoints/last.ckpt", weights_only=True)
