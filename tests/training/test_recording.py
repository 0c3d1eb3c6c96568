"""What is recorded of a training is true at every moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel

from hydra_lightning.training.checkpoint_io import PlainCheckpointIO
from hydra_lightning.training.recording import progress


class StopsInTheSecondWrite(PlainCheckpointIO):
    """A checkpoint writer that is interrupted before its second file is there."""

    def __init__(self, record: list[dict[str, Any]]) -> None:
        super().__init__()
        self.record = record
        self.trainer: Trainer | None = None

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        if self.record:
            raise InterruptedError
        super().save_checkpoint(*args, **kwargs)
        assert self.trainer is not None
        self.record.append(progress(self.trainer))


def test_a_best_checkpoint_is_recorded_when_it_is_written(tmp_path: Path) -> None:
    record: list[dict[str, Any]] = []
    writer = StopsInTheSecondWrite(record)
    callback = ModelCheckpoint(dirpath=tmp_path, monitor="step", mode="max", every_n_train_steps=2)
    trainer = Trainer(
        default_root_dir=tmp_path,
        max_steps=6,
        accelerator="cpu",
        callbacks=[callback],
        plugins=[writer],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    writer.trainer = trainer
    with pytest.raises(InterruptedError):
        trainer.fit(BoringModel())
    assert not Path(callback.best_model_path).exists()
    assert (tmp_path / record[0]["checkpoints"]["best"]).is_file()
    assert set(progress(trainer)) == {"metrics"}
