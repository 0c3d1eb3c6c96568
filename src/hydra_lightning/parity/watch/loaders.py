"""Where batches come from."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from hydra_lightning.parity.checksums import of_random_state
from hydra_lightning.parity.recorder import Recorder


def watch_loaders(recorder: Recorder) -> None:
    from torch.utils.data import dataloader

    made = DataLoader.__init__
    iterated = DataLoader.__iter__

    @functools.wraps(made)
    def init(self: DataLoader[Any], *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        _name(self, recorder)

    @functools.wraps(iterated)
    def iterate(self: DataLoader[Any]) -> Any:
        # A copy of a loader was not made by __init__.
        name = recorder.name(self, "loader") if recorder.described(self) else _name(self, recorder)
        recorder.next_pass(_kind_of(self, recorder, name))
        recorder.event("iter", name)
        iterator = iterated(self)
        iterator._recorded_as = name  # type: ignore[attr-defined]
        return iterator

    DataLoader.__init__ = init  # type: ignore[method-assign]
    DataLoader.__iter__ = iterate  # type: ignore[method-assign]
    base = dataloader._BaseDataLoaderIter
    following = base.__next__

    @functools.wraps(following)
    def give(self: Any) -> Any:
        name = getattr(self, "_recorded_as", "")
        self._given = given = getattr(self, "_given", 0) + 1
        # The first batch is drawn, too, where it is shuffled.
        state = of_random_state() if 1 < given < 5 else None
        sampler = getattr(recorder.kept(name), "sampler", None) if name else None
        ordering: torch.Generator | None = getattr(sampler, "generator", None)
        order = ordering.get_state() if ordering is not None else None
        try:
            batch = following(self)
        except StopIteration:
            if ordering is not None and order is not None and not torch.equal(order, ordering.get_state()):
                recorder.tape.objects[name]["draws_at_end"] = True
            raise
        if state is not None and state != of_random_state():
            recorder.tape.objects[name]["draws"] = True
        # What is fetched without gradients is evaluated, and a backward may follow it on a batch fetched before.
        if torch.is_grad_enabled():
            recorder.fetched()
            if name != recorder.loader:
                recorder.loader = name
                recorder.loader_kind = _kind_of(recorder.kept(name), recorder, name)
        return batch

    base.__next__ = give  # type: ignore[method-assign]
    for cls in (dataloader._SingleProcessDataLoaderIter, dataloader._MultiProcessingDataLoaderIter):
        if "__next__" in vars(cls):
            cls.__next__ = give  # type: ignore[method-assign]


def _name(loader: DataLoader[Any], recorder: Recorder) -> str:
    """The name of a loader that is new on the tape, with what is known of it."""
    dataset = type(loader.dataset)
    return recorder.name(
        loader,
        "loader",
        batch_size=loader.batch_size,
        workers=loader.num_workers,
        sampler=type(loader.sampler).__name__,
        drop_last=loader.drop_last,
        generator=loader.generator is not None,
        sized=hasattr(loader.dataset, "__len__") or not isinstance(loader.dataset, IterableDataset),
        dataset=f"{dataset.__module__}.{dataset.__qualname__}",
    )


def _kind_of(loader: DataLoader[Any], recorder: Recorder, name: str) -> str:
    """What loaders have in common that a program makes anew for each epoch."""
    facts = recorder.tape.objects[name]
    size = len(loader.dataset) if hasattr(loader.dataset, "__len__") else 0
    return f"{facts['site']} {facts['sampler']} {facts['batch_size']} {size}"
