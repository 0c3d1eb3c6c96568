"""The runs that filters leave."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.filters import apply, parse
from hydra_lightning.runs.folder import SUFFIX_LENGTH, is_run_id
from hydra_lightning.runs.index import read_all
from hydra_lightning.runs.stored import StoredRun


def select(log_dir: Path, filters: Sequence[str] = ()) -> list[Run]:
    """The runs below ``log_dir`` that fulfil all of ``filters``, the newest first.

    A run whose record cannot be read is logged and left out.

    Args:
        log_dir: the folder above ``<task>/runs`` and ``<task>/sweeps``.
        filters: a key, one of ``= != < <= > >= ~ !~``, and a value. A key is a field of ``run.json``
            (``status``, ``tag``, ``created``, ``git.commit``, ``metrics.val/acc``), a setting
            (``model.optimizer.lr``), a metric (``val/acc``), or the end of one that no other has (``lr``).

    Raises:
        RunError: a filter is wrong: unknown key, or a value that cannot be compared.
    """
    wanted = [parse(text) for text in filters]
    with _no_collection():
        return apply(wanted, all_runs(log_dir))


def all_runs(log_dir: Path) -> list[Run]:
    """Every run below ``log_dir``, the newest first; one that cannot be read is logged and left out."""
    rows, texts = read_all(log_dir)
    names = Names(row.folder for row in rows)
    rows.sort(key=attrgetter("folder"))
    rows.sort(key=attrgetter("created"), reverse=True)
    return [StoredRun(log_dir, row, texts, names.short) for row in rows]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without looking for cycles in many objects that have none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def short_names(folders: Iterable[Path]) -> dict[Path, str]:
    """For each folder the shortest name that means it alone among ``folders``."""
    every = list(folders)
    names = Names(map(str, every))
    return {folder: names.short(folder) for folder in every}


class Names:
    """How often names of run folders, and the ends of ids, occur."""

    def __init__(self, folders: Iterable[str]) -> None:
        names = [folder.rpartition("/")[2] for folder in folders]
        self._names = Counter(names)
        self._ends = Counter(name[-SUFFIX_LENGTH:] for name in names)

    def short(self, folder: Path) -> str:
        """The shortest of the last four characters, the name and the path of ``folder`` that means it alone."""
        end = folder.name[-SUFFIX_LENGTH:]
        if is_run_id(folder.name) and self._ends[end] == 1 and end not in self._names:
            return end
        return folder.name if self._names[folder.name] == 1 else str(folder)
