"""Files with parts of them written otherwise, every statement still in its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hydra_lightning.convert.source import Source


def edited(source: Source, edits: Iterable[tuple[int, int, str]]) -> Source:
    """A file with each span of bytes replaced by a text without line breaks."""
    data = source.text.encode()
    parts, at = [], 0
    for first, last, text in sorted(edits, key=lambda each: (each[0], -each[1])):
        if first < at:
            continue
        # An expression over several lines stays one.
        lines = "\\\n" * data[first:last].count(b"\n")
        parts += [data[at:first].decode(), lines, text]
        at = last
    parts.append(data[at:].decode())
    return replace(source, text="".join(parts)) if at else source
