"""Metrics of a run in one CSV file."""

from __future__ import annotations

import csv
import io
import itertools
import logging
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from hydra_lightning.errors import RunError

FIRST_COLUMNS = ("epoch", "step")

log = logging.getLogger(__name__)


class CSVLogger(Logger):
    """Writes ``metrics.csv``: columns epoch, step, then the metrics in the order of their first appearance.

    Calls with the same step share a row as long as their values do not differ; a cell without a value is
    empty. Numbers are written so that they read back equal. A file that is there already is continued. A run
    that is resumed exactly cuts it back to where its checkpoint was written; after ``ckpt_path`` of another
    checkpoint, a step that is trained again has two rows, the later one below. A half-written last line is
    dropped. A new metric adds a column, by an atomic rewrite. Only rank 0 writes, and keeps no more than the
    rows since the last write in memory.

    Hyper-parameters are not logged: ``config.yaml`` of the run has them.

    Args:
        save_dir: the folder, usually the run's.
        flush_every_n_steps: steps between two writes, 1 for a write at every call; what is not yet written
            is lost with a killed process.
    """

    def __init__(self, save_dir: str | os.PathLike[str], flush_every_n_steps: int = 1) -> None:
        super().__init__()
        self.path = Path(save_dir) / "metrics.csv"
        self.flush_every_n_steps = flush_every_n_steps
        self._columns: list[str] = []
        # The file is final up to this byte; the rows follow it, and the first of them may be there already.
        self._end = 0
        self._finished = 0
        self._rows: list[dict[str, Any]] = []
        self._changed = False
        self._flushed_step: int | None = None

    @property
    def name(self) -> str:
        """Empty, so that Lightning's default checkpoint folder is ``<save_dir>/checkpoints``."""
        return ""

    @property
    def version(self) -> str:
        """Empty, as the name."""
        return ""

    @property
    def save_dir(self) -> str:
        """The folder of ``metrics.csv``."""
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add the metrics (numbers or one-element tensors) of an optimizer step.

        Raises:
            RunError: the file cannot be written, as on a full disk; names it and the cause.
        """
        row = {name: value.item() if hasattr(value, "item") else value for name, value in metrics.items()}
        if step is not None:
            row["step"] = step
        if not (self._rows and _same_step(self._rows[-1], row)):
            self._rows.append({})
        self._rows[-1].update(row)
        self._changed = True
        self.save()

    def state_dict(self) -> dict[str, Any]:
        """How much is logged, for a checkpoint: what comes later is dropped when that is resumed."""
        self._flush()
        return {
            "columns": list(self._columns),
            "rows": self._finished,
            "last": [dict(row) for row in self._rows],
        }

    @rank_zero_only
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cut the file back to what was logged then, and go on from there.

        Raises:
            RunError: the file cannot be written.
        """
        try:
            self._cut(state["columns"], state["rows"])
        except OSError as error:
            raise RunError(f"{self.path}: metrics could not be written: {error.strerror or error}") from error
        self._rows = [dict(row) for row in state["last"]]
        self._changed = bool(self._rows)
        self._flush()

    @rank_zero_only
    def save(self) -> None:
        """Write the rows to the file, when ``flush_every_n_steps`` have passed since the last time."""
        step = self._rows[-1].get("step") if self._rows else None
        last = self._flushed_step
        soon = last is not None and step is not None and abs(step - last) < self.flush_every_n_steps
        if self.flush_every_n_steps <= 1 or not soon:
            self._flush()
            self._flushed_step = step

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is not yet written; the logger can be used again."""
        self._flush()

    def _flush(self) -> None:
        if not self._changed:
            return
        try:
            self._write()
        except OSError as error:
            raise RunError(f"{self.path}: metrics could not be written: {error.strerror or error}") from error
        self._finished += len(self._rows) - 1
        self._rows = self._rows[-1:]
        self._changed = False

    def _write(self) -> None:
        if not self._columns:
            self._open()
        missing = [name for row in self._rows for name in row if name not in self._columns]
        if missing:
            self._add_columns(list(dict.fromkeys(missing)))
        with self.path.open("r+b") as file:
            file.seek(self._end)
            file.truncate()
            file.write(_lines([[row.get(name, "") for name in self._columns] for row in self._rows[:-1]]))
            self._end = file.tell()
            file.write(_lines([[self._rows[-1].get(name, "") for name in self._columns]]))

    def _open(self) -> None:
        """Start after the last whole line of an existing file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            self._end = _end_of_last_line(file)
            file.truncate(self._end)
            file.seek(0)
            rows = csv.reader(_text(file, self._end))
            self._columns = next(rows, [])
            self._finished = sum(1 for _ in rows)

    def _add_columns(self, names: list[str]) -> None:
        first = () if self._columns else FIRST_COLUMNS
        self._rewrite([*self._columns, *first, *(name for name in names if name not in first)], None)

    def _cut(self, columns: list[str], rows: int) -> None:
        self._open()
        found = self._finished
        self._rewrite(columns, rows)
        self._finished = min(found, rows)
        if found < rows:
            log.warning(
                "%s: %d rows of before are lost; %d were written.", self.path, rows - self._finished, rows
            )

    def _rewrite(self, columns: list[str], count: int | None) -> None:
        """Replace the file by one with these columns and, of its rows, the first ``count``."""
        # The name is fixed, so that what a killed process left is overwritten.
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        try:
            with self.path.open("rb") as old, temporary.open("wb") as new:
                rows = csv.reader(_text(old, self._end))
                next(rows, None)
                new.write(_lines([columns] if columns else []))
                for row in itertools.islice(rows, count):
                    new.write(_lines([row[: len(columns)] + [""] * (len(columns) - len(row))]))
                self._end = new.tell()
                new.flush()
                os.fsync(new.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
        self._columns = columns


def _same_step(last: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return row.get("step") is not None and all(last[name] == row[name] for name in last.keys() & row.keys())


def _lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _text(file: BinaryIO, end: int) -> Iterator[str]:
    """The lines of a file up to a byte."""
    while file.tell() < end:
        yield file.readline().decode()


def _end_of_last_line(file: BinaryIO) -> int:
    """Offset after the last newline; 0 without one."""
    size = file.seek(0, os.SEEK_END)
    while size > 0:
        start = max(0, size - 8192)
        file.seek(start)
        newline = file.read(size - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0
