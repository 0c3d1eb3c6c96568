from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MeanMetric

Batch = dict[str, Tensor]


class LanguageModel(LightningModule):
    """Trains or fine-tunes a causal language model of Hugging Face.

    Args:
        lm: takes ``input_ids``, ``attention_mask`` and ``labels``, each ``(N, T)``, and returns an output
            with ``loss``, the mean over all predicted tokens, and ``logits`` ``(N, T, vocab)``.
        optimizer: builds the optimizer from parameters or parameter groups.
        scheduler: builds the learning rate schedule from the optimizer; None keeps the rate.
        lr_scheduler_config: what Lightning asks about a schedule: ``interval``, ``frequency``, ``monitor``.
        parameter_groups: divides the module's parameters into groups for the optimizer; None leaves one group.
        compile: whether ``lm`` is compiled before training.
    """

    def __init__(
        self,
        lm: nn.Module,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., Any] | None = None,
        lr_scheduler_config: Mapping[str, Any] | None = None,
        parameter_groups: Callable[[nn.Module], list[dict[str, Any]]] | None = None,
        compile: bool = False,
    ) -> None:
        super().__init__()
        # Saved hyper-parameters are copied, and a large model must not be in memory twice.
        self.save_hyperparameters(ignore=["lm"], logger=False)
        self.lm = lm
        self.train_loss = MeanMetric()
        self.val_loss = MeanMetric()
        self.test_loss = MeanMetric()

    def setup(self, stage: str) -> None:
        if stage == "fit":
            # from_pretrained gives a model in evaluation mode, without dropout.
            self.lm.train()
            if self.hparams.compile:
                # In place: the names in a checkpoint are those of the plain model.
                self.lm.compile()

    def forward(self, **batch: Tensor) -> Any:
        return self.lm(**batch)

    def model_step(self, batch: Batch) -> Tensor:
        output = self(**batch)
        return output.loss

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.model_step(batch)
        self.train_loss(loss, weight=len(batch["labels"]))
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.val_loss(self.model_step(batch), weight=len(batch["labels"]))
        self.log("val/loss", self.val_loss, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        self.log("val/perplexity", self.val_loss.compute().exp(), prog_bar=True, sync_dist=True)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self.test_loss(self.model_step(batch), weight=len(batch["labels"]))
        self.log("test/loss", self.test_loss)

    def on_test_epoch_end(self) -> None:
        self.log("test/perplexity", self.test_loss.compute().exp(), sync_dist=True)

    def predict_step(self, batch: Batch, batch_idx: int) -> Batch:
        """Return two values a block: its mean loss and the perplexity that this is."""
        logits = self(**batch).logits[:, :-1]
        losses = nn.functional.cross_entropy(logits.transpose(1, 2), batch["labels"][:, 1:], reduction="none")
        loss = losses.mean(dim=1)
        return {"loss": loss, "perplexity": torch.exp(loss)}

    def configure_optimizers(self) -> Any:
        divide = self.hparams.parameter_groups
        optimizer = self.hparams.optimizer(params=divide(self) if divide else self.parameters())
        if self.hparams.scheduler is None:
            return optimizer
        scheduler = self.hparams.scheduler(optimizer=optimizer)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, **(self.hparams.lr_scheduler_config or {})},
        }
