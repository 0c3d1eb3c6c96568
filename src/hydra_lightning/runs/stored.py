"""A run out of the index, decoded as far as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from hydra_lightning.runs.fields import MISSING, Run
from hydra_lightning.runs.index import Indexed
from hydra_lightning.runs.lines import from_lines, in_lines, keys_in_lines, within_lines
from hydra_lightning.runs.settings import Plain
from hydra_lightning.runs.store import FINISHED, as_number, finished, finished_field

_decoded = lru_cache(maxsize=50_000)(from_lines)
_keys = lru_cache(maxsize=100_000)(lambda text: tuple(keys_in_lines(text)))


class StoredRun(Run):
    """A run out of the index.

    Args:
        log_dir: the folder above those of the runs.
        row: what the index says of it.
        texts: of the settings that it names by their number.
        short: gives the short name of a folder.
    """

    def __init__(
        self, log_dir: Path, row: Indexed, texts: Mapping[int, str], short: Callable[[Path], str]
    ) -> None:
        self._log_dir, self._row, self._texts, self._short = log_dir, row, texts, short
        self._blocks = None

    @cached_property
    def folder(self) -> Path:
        """The run folder."""
        return self._log_dir / self._row.folder

    @cached_property
    def record(self) -> dict[str, Any]:
        """Its ``run.json``, as `read_run` gives it."""
        return finished(from_lines(self._row.record), self._row.touched)

    def field(self, name: str, default: Any = None) -> Any:
        """One field of the record, or ``default``."""
        text = self._row.record
        value = in_lines(text, name, default)
        if name not in FINISHED:
            return value
        process = in_lines(text, "process") if value == "running" else None
        return finished_field(name, value, process, self._row.touched)

    def part(self, name: str, key: str) -> Any:
        """The value of ``key`` in a field that is a mapping; else ``MISSING``."""
        value = within_lines(self._row.record, name, key, MISSING)
        return as_number(value) if name == "metrics" or (name, key) == ("best", "value") else value

    @property
    def blocks(self) -> Mapping[str, Mapping[str, Plain]]:
        """Its settings by their first keys, see `read_blocks`."""
        if self._blocks is None and (texts := self._setting_texts()) is not None:
            self._blocks = {name: _decoded(text) for name, text in texts.items()}
        return super().blocks

    def setting_names(self) -> tuple[tuple[str, ...], ...]:
        """The keys of its settings, by blocks; none where ``config.yaml`` is missing or broken."""
        texts = self._setting_texts()
        return super().setting_names() if texts is None else tuple(map(_keys, texts.values()))

    def setting(self, key: str) -> Any:
        """The value of a setting, or ``MISSING``."""
        numbers = self._row.settings
        if numbers is None:
            return super().setting(key)
        mark = f" {key.partition('.')[0]}="
        start = numbers.find(mark)
        if start < 0:
            return MISSING
        start += len(mark)
        text = self._texts.get(int(numbers[start : numbers.index(" ", start)]))
        return super().setting(key) if text is None else in_lines(text, key, MISSING)

    def _setting_texts(self) -> dict[str, str] | None:
        """The blocks of its settings; None where the index does not have them."""
        if self._row.settings is None:
            return None
        pairs = (each.partition("=") for each in self._row.settings.split())
        texts = {name: self._texts.get(int(number), "") for name, _, number in pairs}
        return texts if all(texts.values()) else None
