import hashlib
import tempfile
from pathlib import Path
from typing import Any

import torch
from hydra_lightning.errors import ConfigError
from lightning import LightningDataModule
from tokenizers import ByteLevelBPETokenizer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class TextDataModule(LightningDataModule):
    """A book, cut into blocks of tokens: the first part trains, the next validates, the last tests.

    A batch is what the language models of Hugging Face take: ``input_ids``, ``attention_mask`` and ``labels``, each
    ``(N, block_size)`` int64. The labels are the inputs; the models shift them by one themselves.

    Args:
        book: a UTF-8 text file.
        data_dir: where the tokenizer that is trained on the book is kept.
        tokenizer: folder or hub name of a pretrained tokenizer; None trains a byte-level BPE on the training part.
        vocab_size: number of tokens of the BPE that is trained; not used with a pretrained tokenizer.
        block_size: tokens of one sample.
        val_share, test_share: parts of the book that are held out.
        batch_size: samples of one optimizer step, over all devices together.
        num_workers, pin_memory, persistent_workers: as in torch's DataLoader.

    Raises:
        FileNotFoundError: there is no such book.
        ConfigError: a part of the book is shorter than one block, or ``batch_size`` does not fit the devices.
    """

    def __init__(
        self,
        book: str,
        data_dir: str,
        tokenizer: str | None = None,
        vocab_size: int = 2048,
        block_size: int = 128,
        val_share: float = 0.1,
        test_share: float = 0.1,
        batch_size: int = 16,
        num_workers: int = 0,
        pin_memory: bool = False,
        persistent_workers: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)

    def prepare_data(self) -> None:
        if self.hparams.tokenizer is None and not self._tokenizer_file().is_file():
            train_text, _, _ = self._parts()
            save_atomically(train_bpe(train_text, self.hparams.vocab_size), self._tokenizer_file())

    def setup(self, stage: str | None = None) -> None:
        tokenizer = self.load_tokenizer()
        block_size = self.hparams.block_size
        sets = []
        for part, text in zip(("training", "validation", "test"), self._parts(), strict=True):
            ids = torch.tensor(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
            if len(ids) < block_size:
                raise ConfigError(
                    f"data.block_size={block_size}: the {part} part of {self.hparams.book} has only {len(ids)} tokens."
                )
            sets.append(Blocks(ids, block_size))
        self.train_set, self.val_set, self.test_set = sets

    def load_tokenizer(self) -> Any:
        """The tokenizer of the pretrained model, or the one that ``prepare_data`` trained."""
        # Here and not above: importing transformers takes seconds.
        from transformers import AutoTokenizer, PreTrainedTokenizerFast

        if self.hparams.tokenizer is not None:
            return AutoTokenizer.from_pretrained(self.hparams.tokenizer)
        return PreTrainedTokenizerFast(tokenizer_file=str(self._tokenizer_file()))

    def train_dataloader(self) -> DataLoader:
        return self._loader(self.train_set, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.val_set)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.test_set)

    def predict_dataloader(self) -> DataLoader:
        return self._loader(self.test_set)

    def _parts(self) -> tuple[str, str, str]:
        file = Path(self.hparams.book)
        if not file.is_file():
            raise FileNotFoundError(f"data.book={file}: no such file. Give the path of a UTF-8 text.")
        text = file.read_text(encoding="utf-8")
        test_start = round(len(text) * (1 - self.hparams.test_share))
        val_start = round(len(text) * (1 - self.hparams.test_share - self.hparams.val_share))
        return text[:val_start], text[val_start:test_start], text[test_start:]

    def _tokenizer_file(self) -> Path:
        digest = hashlib.sha256(self._parts()[0].encode()).hexdigest()[:12]
        return Path(self.hparams.data_dir) / "tokenizers" / f"bpe-{self.hparams.vocab_size}-{digest}.json"

    def _loader(self, dataset: Dataset, shuffle: bool = False) -> DataLoader:
        devices = self.trainer.world_size if self.trainer else 1
        batch_size = self.hparams.batch_size
        if batch_size % devices:
            raise ConfigError(
                f"data.batch_size={batch_size} cannot be shared evenly by {devices} devices: "
                f"use a multiple of {devices}, such as {max(batch_size // devices, 1) * devices}."
            )
        return DataLoader(
            dataset,
            batch_size=batch_size // devices,
            shuffle=shuffle,
            num_workers=self.hparams.num_workers,
            pin_memory=self.hparams.pin_memory,
            persistent_workers=self.hparams.persistent_workers,
        )


class Blocks(Dataset):
    """``ids`` in pieces of ``block_size``; what is left at the end is dropped."""

    def __init__(self, ids: Tensor, block_size: int) -> None:
        self.blocks = ids[: len(ids) // block_size * block_size].view(-1, block_size)

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        ids = self.blocks[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids}


def train_bpe(text: str, vocab_size: int) -> ByteLevelBPETokenizer:
    """A byte-level BPE of ``vocab_size`` tokens; the first, ``<|endoftext|>``, marks the end of a text."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        text.splitlines(keepends=True),
        vocab_size=vocab_size,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    return bpe


def save_atomically(bpe: ByteLevelBPETokenizer, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        partial = Path(folder) / file.name
        bpe.save(str(partial))
        partial.replace(file)
