"""Writes what ``predict_step`` returns into the run folder, batch by batch."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError, MissingPackageError

FORMATS = ("parquet", "safetensors")


def prediction_writer(folder: Path, format: str) -> BasePredictionWriter:
    """A callback that writes ``predictions.parquet`` or ``predictions.safetensors`` into ``folder``.

    Under several processes every rank writes its own file, ``predictions-rank1.parquet`` and so on.

    Raises:
        ConfigError: another format is asked for.
        MissingPackageError: Parquet is asked for and pyarrow is not installed.
    """
    if format not in FORMATS:
        raise ConfigError(
            f"predictions: {format!r} is none of {', '.join(FORMATS)}.{nearest(format, FORMATS)}"
        )
    if format == "safetensors":
        return SafetensorsPredictions(folder)
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingPackageError(
            "predictions=parquet needs pyarrow, which is not installed: "
            'pip install "hydra-lightning[parquet]", or use predictions=safetensors.'
        )
    return ParquetPredictions(folder)


class ParquetPredictions(BasePredictionWriter):
    """One row a sample, one column an entry of what ``predict_step`` returns; written as batches come.

    A tensor of shape (batch,) becomes a column of numbers, one of shape (batch, ...) a column of nested lists.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(write_interval="batch")
        self.folder = folder
        self._writer: Any = None

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        import pyarrow
        import pyarrow.parquet

        columns = {name: _column(tensor) for name, tensor in named_tensors(prediction).items()}
        if len(trainer.num_predict_batches) > 1:
            columns["dataloader"] = [dataloader_idx] * len(next(iter(columns.values())))
        table = pyarrow.table(columns)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(_file(self.folder, trainer, "parquet"), table.schema)
        self._writer.write_table(table)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class SafetensorsPredictions(BasePredictionWriter):
    """One tensor an entry of what ``predict_step`` returns, the batches joined along the first dimension."""

    def __init__(self, folder: Path) -> None:
        super().__init__(write_interval="batch")
        self.folder = folder
        self._parts: dict[str, list[torch.Tensor]] = {}

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,
        batch_indices: Sequence[int] | None,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        for name, tensor in named_tensors(prediction).items():
            self._parts.setdefault(name, []).append(tensor.detach().cpu())

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        from safetensors.torch import save_file

        joined = {name: torch.cat(parts).contiguous() for name, parts in self._parts.items()}
        save_file(joined, _file(self.folder, trainer, "safetensors"))
        self._parts = {}


def named_tensors(prediction: Any) -> dict[str, torch.Tensor]:
    """What ``predict_step`` returned as tensors by name: a mapping as it is, a tensor or a sequence numbered.

    Raises:
        ConfigError: it returned something else, or nothing.
    """
    if isinstance(prediction, torch.Tensor):
        return {"prediction": prediction}
    if isinstance(prediction, Mapping):
        named = dict(prediction)
    elif isinstance(prediction, (tuple, list)):
        named = {f"prediction_{index}": value for index, value in enumerate(prediction)}
    else:
        named = {}
    if not named or not all(isinstance(value, torch.Tensor) and value.ndim for value in named.values()):
        raise ConfigError(
            "mode=predict: predict_step must return a tensor of shape (batch, ...), or a mapping or sequence of them; "
            f"it returned {type(prediction).__name__}."
        )
    return {str(name): value for name, value in named.items()}


def _column(tensor: torch.Tensor) -> Any:
    values = tensor.detach().cpu()
    if values.dtype == torch.bfloat16:
        values = values.float()
    return values.numpy() if values.ndim == 1 else values.tolist()


def _file(folder: Path, trainer: Trainer, suffix: str) -> str:
    rank = f"-rank{trainer.global_rank}" if trainer.world_size > 1 else ""
    return str(folder / f"predictions{rank}.{suffix}")
