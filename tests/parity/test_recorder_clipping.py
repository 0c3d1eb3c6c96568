"""Clipping is recorded however it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.parity.sides import Limits, Script, record

pytestmark = pytest.mark.usefixtures("forked")
CLIPS = """import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

model = torch.nn.Linear(8, 1)
for _ in range(5):
    model(torch.ones(4, 8)).sum().backward()
    clip_grad_norm_(parameters=model.parameters(), max_norm=0.5)
    clip_grad_value_(model.parameters(), clip_value=0.2)
    clip_grad_norm_(model.parameters(), torch.tensor(0.1))
"""


def test_limits_by_position_and_by_name(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(CLIPS)
    clips = [
        each for each in record(Script(tmp_path / "train.py"), Limits(), 42).events if each.kind == "clip"
    ]
    assert [round(each.data["limit"], 6) for each in clips[:3]] == [0.5, 0.2, 0.1]
    assert clips[1].data["function"] == "clip_grad_value_"
