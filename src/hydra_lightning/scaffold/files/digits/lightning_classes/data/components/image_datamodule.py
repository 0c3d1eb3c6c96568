from hydra_lightning.errors import ConfigError
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset


class ImageDataModule(LightningDataModule):
    """The loaders that every image data set needs; a subclass fills the three sets in ``setup``.

    A sample is an image ``(1, H, W)`` of floats in [0, 1] and its class, an int64 scalar.

    Args:
        batch_size: samples of one optimizer step, over all devices together.
        num_workers: processes that load; 0 loads in the training process.
        pin_memory: whether batches are put in page-locked memory, which a GPU copies faster.
        persistent_workers: whether the workers outlive an epoch; needs ``num_workers`` above 0.
    """

    train_set: Dataset
    val_set: Dataset
    test_set: Dataset

    def __init__(self, batch_size: int, num_workers: int, pin_memory: bool, persistent_workers: bool) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.persistent_workers = persistent_workers

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train_set, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.val_set)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test_set)

    def predict_dataloader(self) -> DataLoader:
        return self._loader(self.test_set)

    def _loader(self, dataset: Dataset, shuffle: bool = False) -> DataLoader:
        devices = self.trainer.world_size if self.trainer else 1
        if self.batch_size % devices:
            raise ConfigError(
                f"data.batch_size={self.batch_size} cannot be shared evenly by {devices} devices: "
                f"use a multiple of {devices}, such as {max(self.batch_size // devices, 1) * devices}."
            )
        return DataLoader(
            dataset,
            batch_size=self.batch_size // devices,
            shuffle=shuffle,
            num_workers=self.num_workers,
            pin_memory=self.pin_memory,
            persistent_workers=self.persistent_workers,
        )
