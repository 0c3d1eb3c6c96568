"""The averaged weights are the ones in checkpoints and in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.demos.boring_classes import BoringModel

from hydra_lightning.training.checkpoint_io import PlainCheckpointIO
from hydra_lightning.training.ema import EMA


class Model(BoringModel):
    seen: torch.Tensor

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.seen = self.layer.weight.detach().clone()
        self.log("val/loss", self.layer(batch).square().mean())

    test_step = validation_step


def fitted(folder: Path, epochs: int = 1, **options: Any) -> tuple[Trainer, Model, ModelCheckpoint]:
    checkpoint = ModelCheckpoint(folder, monitor="val/loss", save_last=True)
    trainer = Trainer(
        max_epochs=epochs,
        limit_train_batches=20,
        limit_val_batches=1,
        limit_test_batches=1,
        num_sanity_val_steps=0,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[EMA(decay=0.9), checkpoint],
        plugins=[PlainCheckpointIO()],
    )
    model = Model()
    trainer.fit(model, **options)
    return trainer, model, checkpoint


def test_testing_after_training_uses_the_averaged_weights(tmp_path: Path) -> None:
    trainer, model, checkpoint = fitted(tmp_path)
    saved = torch.load(checkpoint.best_model_path, weights_only=True)
    averaged, last = saved["state_dict"]["layer.weight"], saved["current_model_state"]["layer.weight"]
    assert not torch.equal(averaged, last)
    assert torch.equal(model.seen, averaged)
    assert torch.equal(model.layer.weight, averaged)
    for evaluate in (trainer.test, trainer.validate):
        evaluate(model, ckpt_path=checkpoint.best_model_path, verbose=False)
        assert torch.equal(model.seen, averaged)


def test_a_resumed_training_goes_on_with_both(tmp_path: Path) -> None:
    fitted(tmp_path / "first")
    trainer, model, _ = fitted(tmp_path / "second", epochs=2, ckpt_path=tmp_path / "first" / "last.ckpt")
    assert trainer.global_step == 40
    saved = torch.load(tmp_path / "second" / "last.ckpt", weights_only=True)
    assert saved["averaging_state"]["n_averaged"] == 40
    assert torch.equal(model.layer.weight, saved["state_dict"]["layer.weight"])
