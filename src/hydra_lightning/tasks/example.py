"""A real batch of a data module, as the arguments of the model's ``forward``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ExportError

LOADERS = {"test": "test", "val": "validate", "predict": "predict", "train": "fit"}
HOOKS = ("on_before_batch_transfer", "on_after_batch_transfer")


@dataclass(frozen=True)
class Call:
    """The arguments of one call of ``forward``.

    Attributes:
        args: by position.
        kwargs: by name.
        names: of ``args``, as ``forward`` calls them.
        samples: the size of the batch, the first dimension of every tensor that has it.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    names: tuple[str, ...]
    samples: int

    def tensors(self) -> dict[str, torch.Tensor]:
        """Every tensor in it by name, in the order in which they are passed."""
        return {**dict(named(dict(zip(self.names, self.args, strict=True)))), **dict(named(self.kwargs))}

    def first(self, samples: int) -> Call:
        """The same for the first few samples of the batch."""
        args, kwargs = _cut((self.args, self.kwargs), self.samples, samples)
        return Call(args, kwargs, self.names, samples)


def real_batch(datamodule: LightningDataModule, model: LightningModule) -> tuple[Any, str]:
    """The first batch of the test data, else of the validation, prediction or training data, and which of them it is.

    Raises:
        ExportError: the data module has no data loader, or an empty one.
    """
    found = [name for name in LOADERS if is_overridden(f"{name}_dataloader", datamodule)]
    if not found:
        raise ExportError(
            f"{type(datamodule).__name__} has no {', '.join(f'{each}_dataloader' for each in LOADERS)}."
        )
    datamodule.prepare_data()
    datamodule.setup(LOADERS[found[0]])
    loader = getattr(datamodule, f"{found[0]}_dataloader")()
    while isinstance(loader, (Mapping, list, tuple)):
        loader = next(iter(loader.values() if isinstance(loader, Mapping) else loader))
    batch = next(iter(loader), None)
    if batch is None:
        raise ExportError(f"{type(datamodule).__name__}.{found[0]}_dataloader gives no batch.")
    for hook in HOOKS:
        owner = datamodule if is_overridden(hook, datamodule) else model
        batch = getattr(owner, hook)(batch, 0)
    return batch, found[0]


def call_of(model: LightningModule, batch: Any, inputs: Sequence[str] = ()) -> Call:
    """How ``forward`` takes ``batch``.

    A tensor is its only argument. Of a mapping it gets the keys that it has parameters for, all of them when it takes
    ``**kwargs``; of a sequence as many items as it has parameters without a default.

    Args:
        model: the model.
        batch: a batch of its data.
        inputs: the keys of the mapping, or the positions in the sequence, to take instead.

    Raises:
        ExportError: ``forward`` cannot be called with that; says what it takes and what the batch has.
    """
    signature = inspect.signature(model.forward)
    parameters = list(signature.parameters.values())
    args, kwargs = _arguments(parameters, batch, inputs)
    takes = f"{type(model).__name__}.forward{signature} cannot be called with"
    has = f"{_described(batch)}. Choose from the batch with --inputs"
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise ExportError(f"{takes} {has}: {error}") from error
    if not args and not kwargs:
        raise ExportError(f"{takes} {has}: it takes nothing of it.")
    names = [each.name for each in parameters if each.kind is not inspect.Parameter.VAR_POSITIONAL]
    names += [f"input_{index}" for index in range(len(names), len(args))]
    call = Call(args, kwargs, tuple(names[: len(args)]), 0)
    sizes = [len(tensor) for tensor in call.tensors().values() if tensor.ndim]
    if not sizes:
        raise ExportError(f"{takes} {has}: there is no tensor in it.")
    return Call(args, kwargs, call.names, sizes[0])


def named(value: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in ``value`` with their names: keys and positions joined by ``_``; anything else is left out."""
    if isinstance(value, torch.Tensor):
        yield name or "output", value
    elif isinstance(value, (Mapping, list, tuple)):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from named(
                item, f"{name}_{key}" if name else str(key) if isinstance(key, str) else f"output_{key}"
            )


def _arguments(
    parameters: list[inspect.Parameter], batch: Any, inputs: Sequence[str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(batch, Mapping):
        if unknown := [name for name in inputs if name not in batch]:
            raise ExportError(
                f"--inputs: the batch has no {unknown[0]!r}.{nearest(unknown[0], batch)}\nIt has: {', '.join(batch)}"
            )
        takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)
        taken = inputs or [key for key in batch if takes_all or key in {each.name for each in parameters}]
        return ((), {name: batch[name] for name in taken}) if taken else ((batch,), {})
    if isinstance(batch, (list, tuple)):
        if wrong := [text for text in inputs if not (text.isdecimal() and int(text) < len(batch))]:
            raise ExportError(
                f"--inputs: {wrong[0]!r} is no position in the batch, which has {len(batch)} items."
            )
        if inputs:
            return tuple(batch[int(text)] for text in inputs), {}
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        needed = sum(each.kind in positional and each.default is each.empty for each in parameters)
        takes_all = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters)
        return tuple(batch if takes_all else batch[: max(needed, 1)]), {}
    return (batch,), {}


def _described(batch: Any) -> str:
    if isinstance(batch, Mapping):
        return f"a batch of {', '.join(f'{key}: {_described(item)}' for key, item in batch.items())}"
    if isinstance(batch, (list, tuple)):
        return f"a batch of {len(batch)}: {', '.join(map(_described, batch))}"
    return f"{tuple(batch.shape)}" if isinstance(batch, torch.Tensor) else type(batch).__name__


def _cut(value: Any, whole: int, samples: int) -> Any:
    if isinstance(value, torch.Tensor):
        return value[:samples] if value.ndim and len(value) == whole else value
    if isinstance(value, Mapping):
        return {key: _cut(item, whole, samples) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_cut(item, whole, samples) for item in value)
    return value
