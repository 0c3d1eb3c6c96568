"""An exponential moving average of the weights that testing really uses."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.trainer.states import TrainerFn


class EMA(EMAWeightAveraging):
    """Lightning's EMAWeightAveraging, with the averaged weights in every later test, validation and
    prediction.

    A checkpoint holds the averaged weights as ``state_dict`` and the others as ``current_model_state``,
    which only resuming a training needs. Lightning 2.6 puts the latter back for
    ``trainer.test(ckpt_path=...)`` too, when the same trainer has trained before.

    Args:
        decay: share of the average that stays at an update: average = decay * average + (1 - decay) *
            weights.
        update_every_n_steps: optimizer steps between two updates.
        update_starting_at_step: first optimizer step, counted from 0, that updates; None for the first.
        device: where the average is kept; None for the device of the model.
    """

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget the average: after training the model itself holds it."""
        self._average_model = None

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the average, and the weights beside it, when a training is resumed."""
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
