from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.errors import RunError
from hydra_lightning.runs.settings import asked, differing, read_settings

CONFIG = """\
task_name: train
tags:
- dev
seed: 1
model:
  optimizer:
    lr: 0.001
    betas:
    - 0.9
    - 0.999
  compile: false
  scheduler: null
callbacks:
  model_checkpoint:
    dirpath: /logs/train/runs/2026-01-01_10-00-00_aaaa/checkpoints
  extra: {}
paths:
  root_dir: /somewhere
"""


def test_settings_are_the_values_of_the_saved_config_by_dotted_key(tmp_path: Path) -> None:
    folder = tmp_path / "2026-01-01_10-00-00_aaaa"
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    assert read_settings(folder) == {
        "seed": 1,
        "model.optimizer.lr": 0.001,
        "model.optimizer.betas": "[0.9, 0.999]",
        "model.compile": False,
        "model.scheduler": None,
        "callbacks.extra": "{}",
    }


def test_the_places_of_a_run_and_of_its_project_are_no_settings(tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "0"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "paths:\n  data_dir: /data\n  root_dir: /here\n"
        "device: cuda:0\nsizes: [64, 0]\ndir: /here/logs/0/x\ndata: /here/data\nother: /data"
    )
    assert read_settings(folder) == {
        "device": "cuda:0",
        "sizes": "[64, 0]",
        "data": "data",
        "other": "/data",
    }


@pytest.mark.parametrize(
    ("text", "message"), [(None, "has no config.yaml"), ("a: [", "cannot be read"), ("- 1", "is no mapping")]
)
def test_a_config_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(RunError, match=message):
        read_settings(tmp_path)


def test_keys_that_differ_are_given_with_those_that_always_go_along() -> None:
    runs = [
        {"model.width": 64, "width": 64, "lr": 0.1, "seed": 1, "same": 5},
        {"model.width": 32, "width": 32, "lr": 0.1, "seed": 2, "same": 5},
        {"model.width": 64, "width": 64, "lr": 0.3, "seed": 1, "same": 5},
    ]
    assert differing(runs, ["lr"]) == {"lr": [], "width": ["model.width"], "seed": []}


def test_a_missing_key_is_no_null_and_true_is_no_1() -> None:
    assert list(differing([{"a": None}, {}], [])) == ["a"]
    assert list(differing([{"a": 1}, {"a": True}], [])) == ["a"]
    assert differing([{"a": 1}], []) == {}


def test_swept_keys_are_asked_before_typed_ones_and_frequent_ones_first() -> None:
    records = [
        {"sweep": None, "overrides": ["trainer.max_epochs=3", "+model.x=1"]},
        {"sweep": {"params": {"lr": 1}}, "overrides": ["model.x=2"]},
        {},
    ]
    assert asked(records) == ["lr", "model.x", "trainer.max_epochs"]
