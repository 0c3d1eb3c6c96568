import math

import torch
from hydra_lightning.errors import ConfigError
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset, random_split

from lightning_classes.data.components.image_datamodule import ImageDataModule


class DigitsDataModule(ImageDataModule):
    """1,797 handwritten digits of 8 x 8 pixels, which come with scikit-learn: no download.

    Args:
        train_val_test_split: the share of each set; they sum to 1.
        split_seed: seed of the split alone, so that runs of different ``seed`` are tested on the same images.
        batch_size, num_workers, pin_memory, persistent_workers: as in ImageDataModule.

    Raises:
        ConfigError: the shares do not sum to 1.
    """

    def __init__(
        self,
        train_val_test_split: tuple[float, float, float] = (0.7, 0.1, 0.2),
        split_seed: int = 0,
        batch_size: int = 64,
        num_workers: int = 0,
        pin_memory: bool = False,
        persistent_workers: bool = False,
    ) -> None:
        super().__init__(batch_size, num_workers, pin_memory, persistent_workers)
        self.save_hyperparameters(logger=False)
        if len(train_val_test_split) != 3 or not math.isclose(sum(train_val_test_split), 1):
            raise ConfigError(
                f"data.train_val_test_split={list(train_val_test_split)}: three shares that sum to 1 are needed, "
                "such as [0.7, 0.1, 0.2]."
            )

    def setup(self, stage: str | None = None) -> None:
        pixels, labels = load_digits(return_X_y=True)
        images = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) / 16
        digits = TensorDataset(images, torch.tensor(labels, dtype=torch.long))
        generator = torch.Generator().manual_seed(self.hparams.split_seed)
        self.train_set, self.val_set, self.test_set = random_split(
            digits, self.hparams.train_val_test_split, generator
        )
