import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra_lightning.errors import ConfigError, HydraLightningError

from lightning_classes.data.digits_datamodule import DigitsDataModule
from lightning_classes.data.fashion_mnist_datamodule import FashionMNISTDataModule, parse_idx


def test_digits_are_split_once_for_all_seeds() -> None:
    torch.manual_seed(1)
    first = DigitsDataModule()
    first.setup()

    torch.manual_seed(2)
    second = DigitsDataModule()
    second.setup()
    assert first.test_set.indices == second.test_set.indices

    parts = (first.train_set, first.val_set, first.test_set)
    assert sorted(index for part in parts for index in part.indices) == list(range(1797))


def test_setup_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    DigitsDataModule().setup()
    assert torch.equal(torch.get_rng_state(), before)


def test_digits_come_in_batches_of_images_in_the_unit_range() -> None:
    data = DigitsDataModule(batch_size=32)
    data.setup()
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (32, 1, 8, 8)
    assert images.min() >= 0
    assert images.max() <= 1
    assert labels.dtype == torch.long


def test_shares_must_sum_to_one() -> None:
    with pytest.raises(ConfigError, match="train_val_test_split"):
        DigitsDataModule(train_val_test_split=(0.8, 0.1, 0.2))


def test_idx_files_are_read() -> None:
    header = bytes([0, 0, 8, 3]) + np.array([2, 2, 3], dtype=">u4").tobytes()
    assert np.array_equal(parse_idx(header + bytes(range(12)), "x"), np.arange(12).reshape(2, 2, 3))
    with pytest.raises(HydraLightningError, match="11 values"):
        parse_idx(header + bytes(range(11)), "x")
    with pytest.raises(HydraLightningError, match="not an IDX file"):
        parse_idx(b"GIF89a", "x")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    file.parent.mkdir()
    file.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(HydraLightningError, match=r"train-images-idx3-ubyte\.gz is not the published"):
        FashionMNISTDataModule(str(tmp_path)).setup()
