from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import MaxMetric
from torchmetrics.classification import MulticlassAccuracy

Batch = tuple[Tensor, Tensor]


class DigitsModule(LightningModule):
    """Trains a network to say which class an image shows.

    Args:
        net: maps images ``(N, 1, H, W)`` to logits ``(N, num_classes)``.
        optimizer: builds the optimizer from parameters or parameter groups.
        scheduler: builds the learning rate schedule from the optimizer; None keeps the rate.
        lr_scheduler_config: what Lightning asks about a schedule: ``interval``, ``frequency``, ``monitor``.
        parameter_groups: divides the module's parameters into groups for the optimizer; None leaves one group.
        compile: whether ``net`` is compiled before training.
        num_classes: how many classes there are.
    """

    def __init__(
        self,
        net: nn.Module,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., Any] | None = None,
        lr_scheduler_config: Mapping[str, Any] | None = None,
        parameter_groups: Callable[[nn.Module], list[dict[str, Any]]] | None = None,
        compile: bool = False,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.net = net
        self.criterion = nn.CrossEntropyLoss()
        self.train_acc = MulticlassAccuracy(num_classes, average="micro")
        self.val_acc = MulticlassAccuracy(num_classes, average="micro")
        self.test_acc = MulticlassAccuracy(num_classes, average="micro")
        self.val_acc_best = MaxMetric()
        # A resumed run goes on from the best of before.
        self.val_acc_best.persistent(True)

    def setup(self, stage: str) -> None:
        if self.hparams.compile and stage == "fit":
            # In place: the names in a checkpoint are those of the plain network.
            self.net.compile()

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)

    def model_step(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, the predicted classes ``(N,)`` and the true ones ``(N,)``."""
        images, labels = batch
        logits = self(images)
        return self.criterion(logits, labels), logits.argmax(dim=1), labels

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss, predicted, labels = self.model_step(batch)
        self.train_acc(predicted, labels)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, sync_dist=True)
        self.log("train/acc", self.train_acc, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        loss, predicted, labels = self.model_step(batch)
        self.val_acc(predicted, labels)
        self.log("val/loss", loss, prog_bar=True, sync_dist=True)
        self.log("val/acc", self.val_acc, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        if self.trainer.sanity_checking:
            return
        self.val_acc_best(self.val_acc.compute())
        self.log("val/acc_best", self.val_acc_best.compute(), prog_bar=True, sync_dist=True)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        loss, predicted, labels = self.model_step(batch)
        self.test_acc(predicted, labels)
        self.log("test/loss", loss, sync_dist=True)
        self.log("test/acc", self.test_acc)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Return one value a sample: the predicted class, its probability and the true class."""
        images, labels = batch
        probability, prediction = torch.softmax(self(images), dim=1).max(dim=1)
        return {"prediction": prediction, "probability": probability, "label": labels}

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
