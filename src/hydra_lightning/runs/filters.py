"""Filters on runs: ``status=completed``, ``model.optimizer.lr<1e-3``, ``created>7d``, ``note~baseline``."""

from __future__ import annotations

import difflib
import json
import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.fields import ALIASES, MISSING, Run, real_key

FORM = re.compile(r"\s*([^<>=!~]+?)\s*(<=|>=|!=|!~|==|=|<|>|~)\s*(.*?)\s*", re.DOTALL)
NOTHING = ("", "null", "none")
STATUSES = ("running", "completed", "failed", "interrupted", "pruned", "lost")
# Of these the beginning is enough; of an id also the beginning of its last part.
BY_BEGINNING = ("id", "sweep.id", "git.commit")
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")


@dataclass
class Filter:
    """One condition; ``values`` are alternatives, and times are reckoned from ``now``."""

    text: str
    key: str
    operator: str
    values: list[str]
    now: datetime
    _kinds: set[str] = field(default_factory=set)

    def keeps(self, run: Run) -> bool:
        """Whether ``run`` fulfils it. A run without the key fulfils only ``!=`` and ``!~``.

        Raises:
            RunError: the value cannot be compared with that of the run.
        """
        found = run.value(self.key)
        negated = self.operator.startswith("!")
        if found is MISSING:
            return negated
        if len(self.values) == 1:
            return self._fulfils(found, self.values[0]) != negated
        return any(self._fulfils(found, value) for value in self.values) != negated

    def check_kinds(self) -> None:
        """RunError when the runs have only text for ``<``, which has no order here, or only numbers for text."""
        if self.operator[0] in "<>" and self._kinds == {"text"}:
            raise RunError(f"{self.text}: {self.key} is text; ask with =, != (with * for any text) or ~.")
        if self.operator in ("=", "==", "!=") and self._kinds == {"number"}:
            for value in self.values:
                if _number(value, self.key) is None and value.lower() not in NOTHING:
                    raise RunError(f"{self.text}: {self.key} is a number, and {value!r} is none.")

    def _fulfils(self, found: Any, value: str) -> bool:
        if isinstance(found, (list, tuple)):
            if self.operator[0] in "<>":
                self._kinds.add("text")
                return False
            return any(self._fulfils(item, value) for item in found)
        if self.operator in ("~", "!~"):
            return value.lower() in ("" if found is None else str(found)).lower()
        if isinstance(found, datetime):
            return self._at(found, value)
        if self.operator in ("=", "==", "!="):
            return self._equal(found, value)
        return self._ordered(found, value)

    def _equal(self, found: Any, value: str) -> bool:
        if found is None:
            return value.lower() in NOTHING
        self._kinds.add("text" if isinstance(found, (str, bool)) else "number")
        if isinstance(found, bool):
            return value.lower() == str(found).lower()
        if isinstance(found, (int, float)):
            wanted = _number(value, self.key)
            return wanted is not None and (found == wanted or (math.isnan(found) and math.isnan(wanted)))
        if ALIASES.get(self.key, self.key) in BY_BEGINNING and value:
            stem, _, end = found.rpartition("_")
            return bool(found.startswith(value) or (stem and end.startswith(value)))
        if found[:1] in ("[", "{") and _json(found) == _json(value):
            return True
        return bool(found == value or _pattern(value).fullmatch(found))

    def _ordered(self, found: Any, value: str) -> bool:
        if not isinstance(found, (int, float)) or isinstance(found, bool):
            self._kinds |= set() if found is None else {"text"}
            return False
        wanted = _number(value, self.key)
        if wanted is None:
            raise RunError(f"{self.text}: {self.key} is a number, and {value!r} is none.")
        self._kinds.add("number")
        return bool(ORDERS[self.operator](found, wanted))

    def _at(self, found: datetime, value: str) -> bool:
        start, end = moments(value, self.text, self.now)
        return {
            "<": found < start,
            "<=": found < end if end > start else found <= start,
            ">": found >= end if end > start else found > start,
            ">=": found >= start,
        }.get(self.operator, start <= found < end)


def parse(text: str, now: datetime | None = None) -> Filter:
    """The filter that ``text`` means; ``today`` and ``7d`` are reckoned from ``now``, by default this moment.

    Raises:
        RunError: it is none.
    """
    form = FORM.fullmatch(text)
    if form is None:
        raise RunError(
            f"{text!r} is no filter; a filter is a key, one of = != < <= > >= ~ !~, and a value: "
            "status=failed, 'lr<1e-3', 'val/acc>0.9', 'created>7d'"
        )
    key, operator, value = form.groups()
    values = _alternatives(value)
    if key == "status":
        _check_statuses(text, operator, values)
    return Filter(text, key, operator, values, now or datetime.now().astimezone())


def apply(filters: Sequence[Filter], runs: list[Run]) -> list[Run]:
    """The runs that fulfil all of ``filters``.

    Raises:
        RunError: no run has a key, or a value cannot be compared.
    """
    everything = runs
    for each in filters:
        if not everything:
            break
        each.key = real_key(everything, each.key)
        runs = [run for run in runs if each.keeps(run)]
        each.check_kinds()
    return runs


def moments(text: str, where: str, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of the time that ``text`` means: a year, month, day, minute or second, local time.

    ``today`` and ``yesterday`` are days; ``7d`` is the moment seven days before ``now``, also s, min, h and w.

    Raises:
        RunError: it means no time; names the filter ``where``.
    """
    ago = SPAN.fullmatch(text.removesuffix("ago").strip())
    if ago:
        moment = now - timedelta(seconds=float(ago[1]) * UNITS[ago[2]])
        return moment, moment
    if text in ("today", "yesterday"):
        text = f"{now - timedelta(days=text == 'yesterday'):%Y-%m-%d}"
    form = re.fullmatch(r"(\d{4})(?:-(\d\d?))?(?:-(\d\d?))?", text)
    try:
        if form is None:
            start = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()
            span = timedelta(seconds=1) if text.count(":") > 1 else timedelta(minutes=1)
            return start, start + span
        year, month, day = int(form[1]), int(form[2] or 1), int(form[3] or 1)
        start = datetime(year, month, day)
        if form[3]:
            end = start + timedelta(days=1)
        else:
            end = datetime(year + (month == 12 or not form[2]), month % 12 + 1 if form[2] else 1, 1)
    except (ValueError, OverflowError):
        raise RunError(
            f"{where}: {text!r} is no date; write 2026-11-23, 2026-11, '2026-11-23 14:00', today, or 7d (12h, 2w) "
            "for that long ago."
        ) from None
    return start.astimezone(), end.astimezone()


def _check_statuses(text: str, operator: str, values: Sequence[str]) -> None:
    for value in values:
        if operator in ("=", "==", "!=") and value not in STATUSES and not re.search(r"[*?]", value):
            near = difflib.get_close_matches(value, STATUSES, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(STATUSES)}."
            raise RunError(f"{text}: no such status.{hint}")


def _alternatives(value: str) -> list[str]:
    """``failed,lost`` are two; the commas of ``[64,64]`` part nothing."""
    return [part.strip() for part in re.split(r",(?![^\[{]*[\]}])", value)]


@lru_cache(maxsize=1000)
def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(re.escape(value).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


@lru_cache(maxsize=1000)
def _number(text: str, key: str) -> float | None:
    """A number; of ``seconds`` also ``10min``."""
    span = SPAN.fullmatch(text) if key == "seconds" else None
    if span:
        return float(span[1]) * UNITS[span[2]]
    try:
        return float(text)
    except ValueError:
        return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return MISSING
