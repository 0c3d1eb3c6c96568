import gzip
import hashlib
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
import torch
from hydra_lightning.errors import HydraLightningError
from torch.utils.data import TensorDataset, random_split

from lightning_classes.data.components.image_datamodule import ImageDataModule

SYSTEM_DIR = Path("/usr/share/datasets/fashion-mnist")
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
)
# Checksums of the unpacked bytes: the .gz of Debian and of the mirrors differ in their gzip header alone.
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


class FashionMNISTDataModule(ImageDataModule):
    """60,000 + 10,000 pictures of clothes, 28 x 28 pixels, 10 classes.

    The four files are taken from ``data_dir/fashion-mnist``, else from the Debian package
    ``dataset-fashion-mnist``, else they are downloaded into ``data_dir/fashion-mnist``.

    Args:
        data_dir: folder of the project's data.
        val_size: how many of the 60,000 are held out for validation.
        split_seed: seed of that choice alone.
        batch_size, num_workers, pin_memory, persistent_workers: as in ImageDataModule.

    Raises:
        FileNotFoundError: a file is in neither folder and no mirror gives it.
        HydraLightningError: a file is damaged.
    """

    def __init__(
        self,
        data_dir: str,
        val_size: int = 5_000,
        split_seed: int = 0,
        batch_size: int = 128,
        num_workers: int = 0,
        pin_memory: bool = False,
        persistent_workers: bool = False,
    ) -> None:
        super().__init__(batch_size, num_workers, pin_memory, persistent_workers)
        self.save_hyperparameters(logger=False)
        self.folders = (Path(data_dir) / "fashion-mnist", SYSTEM_DIR)

    def prepare_data(self) -> None:
        for name in SHA256:
            if not any((folder / f"{name}.gz").is_file() for folder in self.folders):
                self._download(name)

    def setup(self, stage: str | None = None) -> None:
        train = TensorDataset(self._images("train"), self._labels("train"))
        generator = torch.Generator().manual_seed(self.hparams.split_seed)
        sizes = [len(train) - self.hparams.val_size, self.hparams.val_size]
        self.train_set, self.val_set = random_split(train, sizes, generator)
        self.test_set = TensorDataset(self._images("t10k"), self._labels("t10k"))

    def _images(self, part: str) -> torch.Tensor:
        return torch.from_numpy(self._read(f"{part}-images-idx3-ubyte")).unsqueeze(1).float() / 255

    def _labels(self, part: str) -> torch.Tensor:
        return torch.from_numpy(self._read(f"{part}-labels-idx1-ubyte")).long()

    def _read(self, name: str) -> np.ndarray:
        for folder in self.folders:
            file = folder / f"{name}.gz"
            if file.is_file():
                return parse_idx(unpack(file.read_bytes(), name, str(file)), str(file))
        raise FileNotFoundError(self._not_found(name))

    def _download(self, name: str) -> None:
        failures = []
        for mirror in MIRRORS:
            url = f"{mirror}/{name}.gz"
            try:
                with urllib.request.urlopen(url, timeout=30) as answer:
                    packed = answer.read()
                unpack(packed, name, url)
            except (OSError, HydraLightningError) as error:
                failures.append(f"{url}: {error}")
            else:
                return write_atomically(self.folders[0] / f"{name}.gz", packed)
        raise FileNotFoundError("\n  ".join([self._not_found(name), *failures]))

    def _not_found(self, name: str) -> str:
        own, system = self.folders
        return (
            f"{name}.gz is neither in {own} nor in {system}. Put the four .gz files of Fashion-MNIST into {own}, "
            "or install Debian's package dataset-fashion-mnist."
        )


def unpack(packed: bytes, name: str, source: str) -> bytes:
    """The bytes inside a gzip file, when they are those of the published file ``name``."""
    try:
        unpacked = gzip.decompress(packed)
    except (OSError, EOFError) as error:
        raise HydraLightningError(
            f"{source} is not a whole gzip file ({error}): delete it and start again."
        ) from error
    if hashlib.sha256(unpacked).hexdigest() != SHA256[name]:
        raise HydraLightningError(
            f"{source} is not the published {name}.gz (SHA-256 differs): delete it and start again."
        )
    return unpacked


def parse_idx(data: bytes, source: str) -> np.ndarray:
    """The uint8 array in an IDX file, of the shape that its header states (http://yann.lecun.com/exdb/mnist)."""
    if len(data) < 4 or data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * data[3]:
        raise HydraLightningError(
            f"{source} is not an IDX file of bytes: it begins with {data[:4].hex(' ')}."
        )
    shape = tuple(int(size) for size in np.frombuffer(data, dtype=">u4", count=data[3], offset=4))
    values = np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * len(shape))
    if values.size != np.prod(shape):
        raise HydraLightningError(f"{source} holds {values.size:,} values where its header promises {shape}.")
    return values.reshape(shape).copy()


def write_atomically(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        partial = Path(folder) / file.name
        partial.write_bytes(content)
        partial.replace(file)
