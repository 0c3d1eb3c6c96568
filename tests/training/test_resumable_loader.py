"""A loader that is set to a place goes on with the batches and the random numbers of one that was never left."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from hydra_lightning.errors import CheckpointError
from hydra_lightning.training.random_state import host_state, set_host_state
from hydra_lightning.training.resumable_loader import ResumableLoader


class Noisy(Dataset[torch.Tensor]):
    """Every item draws from all three generators."""

    def __len__(self) -> int:
        return 22

    def __getitem__(self, index: int) -> torch.Tensor:
        return index + torch.rand(1, dtype=torch.float64) + random.random() + np.random.rand()


class Stream(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(22))


def seed() -> None:
    torch.manual_seed(1)
    random.seed(2)
    np.random.seed(3)


def loader(**options: Any) -> ResumableLoader:
    return ResumableLoader(DataLoader(options.pop("data", Noisy()), batch_size=4, **options))


@pytest.mark.parametrize("taken", [0, 3])
@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True},
        {"shuffle": True, "generator": 5},
        {"shuffle": True, "num_workers": 2},
        {"shuffle": True, "num_workers": 2, "persistent_workers": True},
        {"data": Stream()},
    ],
    ids=["alone", "generator", "workers", "persistent", "stream"],
)
def test_it_goes_on_at_any_place(options: dict[str, Any], epoch: int, taken: int) -> None:
    def new() -> ResumableLoader:
        given = (
            {"generator": torch.Generator().manual_seed(options["generator"])}
            if "generator" in options
            else {}
        )
        return loader(**(options | given))

    seed()
    first = new()
    for _ in range(epoch):
        list(first)
    batches = iter(first)
    for _ in range(taken):
        next(batches)
    place, state = first.place(), host_state()
    expected = [*batches, *first]

    random.seed(9)
    second = new()
    second.go_to(place)
    batches = iter(second)
    set_host_state(state)
    found = [*batches, *second]
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_wrapping_changes_no_random_number() -> None:
    for workers in (0, 2):
        plain = DataLoader(Noisy(), batch_size=4, shuffle=True, num_workers=workers)
        seed()
        expected = [*plain, torch.rand(1)]
        seed()
        found = [*ResumableLoader(plain), torch.rand(1)]
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_other_data_or_another_number_of_workers_is_refused() -> None:
    place = loader()
    next(iter(place))
    with pytest.raises(CheckpointError, match="3 batches an epoch; it made 6"):
        ResumableLoader(DataLoader(Noisy(), batch_size=8)).go_to(place.place())
    with pytest.raises(CheckpointError, match="2 workers, before by 1"):
        loader(num_workers=2).go_to(place.place())
