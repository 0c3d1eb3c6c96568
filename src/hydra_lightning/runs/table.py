"""What is computed about runs, before anybody decides how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Columns and rows of plain values: text, numbers, lists, None; a date is a datetime, a duration a timedelta.

    Attributes:
        columns: full names, such as ``model.optimizer.lr``.
        rows: one value a column.
        heads: what a terminal shows as the head of a column, where that is not its name.
        short: what a terminal shows in place of a text: the short form of an id.
        optional: the columns that a narrow terminal leaves out, the first one first.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    heads: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)
    optional: Sequence[str] = ()
