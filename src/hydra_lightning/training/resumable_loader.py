"""A data loader that knows how far it is, and can go there again with the same random numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from hydra_lightning.errors import CheckpointError
from hydra_lightning.training.random_state import host_state, set_host_state

State = dict[str, Any]


class ResumableLoader:
    """Wraps what ``train_dataloader`` gave; in everything else it is that loader.

    A place is found again without loading what comes before it, for a ``DataLoader`` with a sampler: its sampler is
    set forward, and each worker gets the random state that it had. Any other iterable, and an ``IterableDataset``,
    is run from the start of the epoch and what it gives is dropped.

    With workers, a batch brings the random state of its worker when loading it has drawn random numbers: a few
    kilobytes. Nothing that is drawn changes.

    Not kept is what a dataset or sampler remembers beside the global generators and those of the loader, such as a
    generator of its own: ``state_dict`` and ``load_state_dict`` of the data module are for that. A loader that has
    these two methods itself (torchdata's ``StatefulDataLoader``) is not wrapped.
    """

    waiting = False

    def __init__(self, loader: Iterable[Any]) -> None:
        self.loader = loader
        self._begun: State = {}
        self._taken = 0
        self._fresh = True
        self._workers: dict[int, list[tuple[int, State]]] = {}
        self._target: State | None = None

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["loader"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning forgets the iterator of a loader in this way, once training is over.
        target = self.loader if name == "_iterator" else self
        object.__setattr__(target, name, value)

    def __iter__(self) -> Iterator[Any]:
        if self.waiting:
            return iter(())
        if self._target is not None:
            target, self._target = self._target, None
            return self._count(self._begin_at(target))
        self._begun = {"random": host_state(), "generators": generator_states(self.loader)}
        self._taken = 0
        self._fresh = getattr(self.loader, "_iterator", None) is None
        lived_on = {} if self._fresh else self._workers
        self._workers = {worker: [(-1, states[-1][1])] for worker, states in lived_on.items()}
        return self._count(self._begin())

    def place(self, ahead: int = 0) -> State:
        """Where it is, as plain data.

        Args:
            ahead: how many of the batches that it gave are not used yet.
        """
        taken = self._taken - ahead
        workers = getattr(self.loader, "num_workers", 0) or 1
        start = taken // workers * workers
        states = [
            next((state for index, state in reversed(self._workers.get(each, [])) if index < start), None)
            for each in range(workers)
        ]
        return {
            **self._begun,
            "taken": taken,
            "fresh": self._fresh,
            "length": _length(self.loader),
            "workers": states,
        }

    def go_to(self, place: State) -> None:
        """Let the next iteration begin at ``place``; raises what ``check`` raises."""
        self.check(place)
        self.waiting = False
        self._target = place

    def check(self, place: State) -> None:
        """Check that ``place`` is one in this data.

        Raises:
            CheckpointError: the data or the batch size is another one by now.
        """
        length = _length(self.loader)
        if length != place["length"]:
            raise CheckpointError(
                f"The training data now makes {length} batches an epoch; it made {place['length']} when the checkpoint "
                "was written, so the place in the epoch cannot be found again.\n"
                "Resume with the data and the batch size of before."
            )
        workers = getattr(self.loader, "num_workers", 0) or 1
        if workers != len(place["workers"]):
            raise CheckpointError(
                f"The training data is now loaded by {workers} workers, before by {len(place['workers'])}: the random "
                "numbers would be others. Resume with data.num_workers of before."
            )

    def _begin(self) -> Iterator[Any]:
        loader = self.loader
        if not isinstance(loader, DataLoader) or not loader.num_workers or not _has_sampler(loader):
            return iter(loader)
        collate = loader.collate_fn
        loader.collate_fn = _Reporting(collate)
        try:
            return iter(loader)
        finally:
            loader.collate_fn = collate

    def _begin_at(self, place: State) -> Iterator[Any]:
        loader = self.loader
        self._begun = {"random": place["random"], "generators": place["generators"]}
        self._fresh, self._taken, self._workers = place["fresh"], 0, {}
        if not isinstance(loader, DataLoader) or not _has_sampler(loader):
            _set_begun(loader, place)
            iterator = iter(loader)
            return self._dropped(iterator, place["taken"])
        if not loader.num_workers:
            _set_begun(loader, place)
            iterator = iter(loader)
            for _ in range(place["taken"]):
                iterator._next_index()  # type: ignore[attr-defined]
            self._taken = place["taken"]
            return iterator
        return self._begin_workers_at(loader, place)

    def _begin_workers_at(self, loader: DataLoader[Any], place: State) -> Iterator[Any]:
        # Worker 0 always loads the first batch, so that the start is a whole round of all workers.
        rest = place["taken"] % loader.num_workers
        self._taken = place["taken"] - rest
        self._workers = {
            worker: [(-1, state)] for worker, state in enumerate(place["workers"]) if state is not None
        }
        name = "batch_sampler" if loader.batch_sampler is not None else "sampler"
        sampler = _Ahead(getattr(loader, name), self._taken)
        starts = _Starts(loader.worker_init_fn, place["workers"])
        before = loader.__dict__[name], loader.worker_init_fn
        # DataLoader refuses to have its sampler set.
        loader.__dict__[name], loader.worker_init_fn = sampler, starts
        try:
            if not place["fresh"]:
                # Workers that lived on from an earlier epoch: start them before this epoch's first random number.
                sampler.empty = True
                self._begin()
                sampler.empty = False
            _set_begun(loader, place)
            iterator = self._begin()
        finally:
            loader.__dict__[name], loader.worker_init_fn = before
        for index, batch in zip(range(rest), iterator, strict=False):
            self._unpacked(batch, self._taken + index)
        self._taken = place["taken"]
        return iterator

    def _dropped(self, iterator: Iterator[Any], count: int) -> Iterator[Any]:
        for _ in range(count):
            next(iterator, None)
        self._taken = count
        return iterator

    def _count(self, iterator: Iterator[Any]) -> Iterator[Any]:
        for batch in iterator:
            self._taken += 1
            yield self._unpacked(batch, self._taken - 1)

    def _unpacked(self, batch: Any, index: int) -> Any:
        if not isinstance(batch, _Sent):
            return batch
        if batch.state is not None:
            # Two are enough: at a place, each worker has loaded at most one batch of the round.
            kept = self._workers.get(batch.worker, [])[-1:]
            self._workers[batch.worker] = [*kept, (index, _state_of(batch.state))]
        return batch.batch


def generator_states(loader: Any) -> list[torch.Tensor]:
    """The states of the generators that a loader and its samplers were given."""
    return [generator.get_state() for generator in _generators(loader)]


def set_generator_states(loader: Any, states: list[torch.Tensor]) -> None:
    """Put back what ``generator_states`` gave."""
    for generator, state in zip(_generators(loader), states, strict=True):
        generator.set_state(state)


def _generators(loader: Any) -> list[torch.Generator]:
    batch_sampler = getattr(loader, "batch_sampler", None)
    owners = (
        loader,
        getattr(loader, "sampler", None),
        batch_sampler,
        getattr(batch_sampler, "sampler", None),
    )
    found = (getattr(owner, "generator", None) for owner in owners)
    unique = {id(each): each for each in found if isinstance(each, torch.Generator)}
    return list(unique.values())


def _set_begun(loader: Any, place: State) -> None:
    set_generator_states(loader, place["generators"])
    set_host_state(place["random"])


def _has_sampler(loader: DataLoader[Any]) -> bool:
    return not isinstance(loader.dataset, IterableDataset) and getattr(loader, "in_order", True)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return None


class _Sent(NamedTuple):
    """A batch as a worker sends it; pinning memory leaves bytes as they are."""

    batch: Any
    worker: int
    state: bytes | None


class _Reporting:
    """Collates as before, and adds the worker's random state when it has changed."""

    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self._collate = collate
        self._last: State | None = None

    def __call__(self, samples: Any) -> Any:
        batch = self._collate(samples)
        worker = get_worker_info()
        if worker is None:
            return batch
        state = host_state()
        changed = state != self._last
        self._last = state
        return _Sent(batch, worker.id, _bytes_of(state) if changed else None)


class _Starts:
    """Starts a worker as before, then with the random state that it had."""

    def __init__(self, start: Callable[[int], None] | None, states: list[State | None]) -> None:
        self._start = start
        self._states = states

    def __call__(self, worker: int) -> None:
        if self._start is not None:
            self._start(worker)
        state = self._states[worker]
        if state is not None:
            set_host_state(state)


class _Ahead:
    """A sampler whose first iteration leaves out what was taken already."""

    empty = False

    def __init__(self, sampler: Any, taken: int) -> None:
        self._sampler = sampler
        self._taken = taken

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[Any]:
        if self.empty:
            return
        taken, self._taken = self._taken, 0
        for index, each in enumerate(self._sampler):
            if index >= taken:
                yield each


_GAUSS = struct.Struct("<?d")


def _bytes_of(state: State) -> bytes:
    gauss = state["python_gauss"]
    first: bytes = _GAUSS.pack(gauss is not None, gauss or 0.0)
    return b"".join((first, state["python"], state["numpy"], state["torch"]))


def _state_of(content: bytes) -> State:
    has_gauss, gauss = _GAUSS.unpack_from(content)
    python = _GAUSS.size + 625 * 4
    numpy = python + 624 * 4 + 16
    return {
        "python": content[_GAUSS.size : python],
        "python_gauss": gauss if has_gauss else None,
        "numpy": content[python:numpy],
        "torch": content[numpy:],
    }
