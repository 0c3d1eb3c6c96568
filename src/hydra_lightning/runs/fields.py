"""What can be asked of a run by name: the fields of its record, its metrics, its settings."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.settings import Plain, read_blocks

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})()

# Short names, and the part of a field that its own name means.
ALIASES = {
    "tag": "tags",
    "metric": "metrics",
    "sweep": "sweep.id",
    "git": "git.commit",
    "commit": "git.commit",
    "branch": "git.branch",
    "dirty": "git.dirty",
    "best": "best.value",
    "device": "devices.accelerator",
    "devices": "devices.accelerator",
}
DATES = ("created", "ended")
FIELDS = (
    "id",
    "task",
    "experiment",
    "status",
    "tags",
    "note",
    "created",
    "ended",
    "seconds",
    "seed",
    "command",
    "overrides",
    "host",
    "python",
    "slurm_job",
    "error",
    "git.commit",
    "git.branch",
    "git.dirty",
    "devices.accelerator",
    "devices.world_size",
    "best.metric",
    "best.value",
    "best.epoch",
    "sweep.id",
    "sweep.trial",
)
# The others are no answers by themselves, or a config has their name for something else.
RECORDED = frozenset(name.partition(".")[0] for name in (*FIELDS, "metrics"))


class Run:
    """A run as it was read."""

    def __init__(
        self,
        folder: str | Path,
        record: dict[str, Any],
        short: str | Callable[[Path], str] = "",
        blocks: Mapping[str, Mapping[str, Plain]] | None = None,
    ) -> None:
        self._folder = folder
        self._short = short
        self._record = record
        self._blocks = blocks

    @property
    def record(self) -> dict[str, Any]:
        """Its ``run.json``, as `read_run` gives it."""
        return self._record

    def field(self, name: str, default: Any = None) -> Any:
        """One field of the record, or ``default``."""
        return self.record.get(name, default)

    def part(self, name: str, key: str) -> Any:
        """The value of ``key`` in a field that is a mapping; else ``MISSING``."""
        found = self.field(name)
        return found.get(key, MISSING) if isinstance(found, Mapping) else MISSING

    @cached_property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self._folder)

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def short(self) -> str:
        """The shortest name that means this run alone: the last four of its id, where no other run has them."""
        return self._short(self.folder) if callable(self._short) else self._short or self.id

    @property
    def created(self) -> datetime:
        """When it was started, with the offset of where that was."""
        return datetime.fromisoformat(self.field("created")).astimezone()

    @property
    def settings(self) -> dict[str, Plain]:
        """Every value of its ``config.yaml`` by its dotted key, see `read_settings`.

        Raises:
            RunError: ``config.yaml`` is missing or broken.
        """
        return {key: value for block in self.blocks.values() for key, value in block.items()}

    @property
    def blocks(self) -> Mapping[str, Mapping[str, Plain]]:
        """Its settings by their first keys, see `read_blocks`.

        Raises:
            RunError: ``config.yaml`` is missing or broken.
        """
        if self._blocks is None:
            self._blocks = read_blocks(self.folder)
        return self._blocks

    def setting(self, key: str) -> Any:
        """The value of a setting, or ``MISSING``."""
        try:
            return self.blocks.get(key.partition(".")[0], {}).get(key, MISSING)
        except RunError:
            return MISSING

    def setting_names(self) -> tuple[tuple[str, ...], ...]:
        """The keys of its settings, by blocks; none where ``config.yaml`` is missing or broken."""
        try:
            return tuple(map(tuple, self.blocks.values()))
        except RunError:
            return ()

    def value(self, key: str) -> Any:
        """What ``key`` means for this run: a field of the record, a setting or a metric; else ``MISSING``.

        ``error`` is its type and message, dates are datetimes.
        """
        found = self._field(ALIASES.get(key, key))
        if found is MISSING:
            found = self.setting(key)
        if found is MISSING:
            found = self.part("metrics", key)
        return found

    def settings_or_empty(self) -> dict[str, Plain]:
        """Its settings; empty where ``config.yaml`` is missing or broken."""
        try:
            return self.settings
        except RunError:
            return {}

    def _field(self, key: str) -> Any:
        if key == "id":
            return self.id
        if key == "error":
            error = self.field("error")
            return f"{error['type']}: {error['message']}" if error else None
        if key in DATES:
            date = self.field(key)
            return date and datetime.fromisoformat(date).astimezone()
        first, dot, rest = key.partition(".")
        if first not in RECORDED:
            return MISSING
        found = self.part(first, rest) if dot else self.field(key, MISSING)
        if found is MISSING and "." in rest:
            found = _walk(self.field(first), rest)
        if isinstance(found, Mapping):
            return MISSING
        return None if found is MISSING and key in FIELDS else found


def real_key(runs: Sequence[Run], key: str) -> str:
    """``key`` as runs have it: itself, or the one setting or metric that ends with it (``lr``).

    Raises:
        RunError: no run has it, or it is the end of several; says which names come near.
    """
    if ALIASES.get(key, key) in FIELDS or any(run.value(key) is not MISSING for run in runs):
        return key
    known = keys_of(runs)
    ends = [name for name in known if name.endswith((f".{key}", f"/{key}"))]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise RunError(f"{key!r} is the end of several names; write one of them: {', '.join(ends)}")
    spoken = {name: name for name in (*FIELDS, *ALIASES, *known)}
    for name in known:
        spoken.setdefault(name.rpartition(".")[2], name)
    near = difflib.get_close_matches(key, list(spoken), n=2, cutoff=0.7)
    hint = f" Did you mean {' or '.join(dict.fromkeys(spoken[name] for name in near))}?" if near else ""
    raise RunError(f"{key!r}: no run has such a field, setting or metric.{hint}")


def keys_of(runs: Sequence[Run]) -> list[str]:
    """The names of all settings, then ``metrics.NAME`` of all metrics, that ``runs`` have."""
    settings: dict[str, None] = {}
    metrics: dict[str, None] = {}
    for blocks in dict.fromkeys(run.setting_names() for run in runs):
        for names in blocks:
            settings |= dict.fromkeys(names)
    for run in runs:
        metrics |= dict.fromkeys(run.field("metrics"))
    return [*settings, *(f"metrics.{name}" for name in metrics)]


def _walk(value: Any, key: str) -> Any:
    """What stands in nested mappings under a dotted key, whose names may themselves have dots."""
    if not isinstance(value, Mapping):
        return MISSING
    if key in value:
        return value[key]
    first, dot, rest = key.partition(".")
    return _walk(value.get(first), rest) if dot else MISSING
