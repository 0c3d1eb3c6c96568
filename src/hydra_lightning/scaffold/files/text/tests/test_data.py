from pathlib import Path

import pytest
import torch
from hydra_lightning.errors import ConfigError

from lightning_classes.data.text_datamodule import TextDataModule

BOOK = Path(__file__).parent.parent / "lightning_classes/data/books/persuasion.txt"


@pytest.fixture
def data(tmp_path: Path) -> TextDataModule:
    data = TextDataModule(str(BOOK), str(tmp_path), vocab_size=400, block_size=32, batch_size=4)
    data.prepare_data()
    return data


def test_batches_are_what_language_models_take(data: TextDataModule) -> None:
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert {name: tuple(value.shape) for name, value in batch.items()} == {
        "input_ids": (4, 32),
        "attention_mask": (4, 32),
        "labels": (4, 32),
    }
    assert int(batch["input_ids"].max()) < 400


def test_the_parts_follow_each_other_in_the_book(data: TextDataModule) -> None:
    data.setup()
    tokenizer = data.load_tokenizer()
    text = BOOK.read_text()
    starts = [
        text.index(tokenizer.decode(part.blocks[0])) for part in (data.train_set, data.val_set, data.test_set)
    ]
    assert starts[0] == 0
    assert starts == sorted(starts)


def test_the_tokenizer_is_trained_once(data: TextDataModule, tmp_path: Path) -> None:
    (file,) = (tmp_path / "tokenizers").iterdir()
    written = file.stat().st_mtime_ns
    data.prepare_data()
    assert file.stat().st_mtime_ns == written


def test_setup_leaves_the_global_generator_alone(data: TextDataModule) -> None:
    before = torch.get_rng_state()
    data.setup()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_book_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"emma\.txt"):
        TextDataModule(str(tmp_path / "emma.txt"), str(tmp_path)).prepare_data()


def test_a_book_shorter_than_a_block_is_refused(tmp_path: Path) -> None:
    book = tmp_path / "short.txt"
    book.write_text("Sir Walter Elliot, of Kellynch Hall.")
    data = TextDataModule(str(book), str(tmp_path), vocab_size=300, block_size=64)
    data.prepare_data()
    with pytest.raises(ConfigError, match="block_size"):
        data.setup()
