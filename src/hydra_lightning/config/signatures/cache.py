"""Signatures kept between processes, each until one of the files it was read from changes.

A file that cannot be read or written is no error: it only saves time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from hydra_lightning.config.signatures import model
from hydra_lightning.config.signatures.model import Parameter, Signature, Type

MOST_ENTRIES = 2000
_TYPES: dict[str, Any] = {
    kind.__name__: kind for kind in (model.Opaque, model.Plain, model.Choice, model.Either)
}
_TYPES |= {kind.__name__: kind for kind in (model.ListOf, model.TupleOf, model.DictOf)}


@dataclass(frozen=True)
class Entry:
    """A signature, or None for one that cannot be read, and the state of the files that say so."""

    signature: Signature | None
    files: dict[str, tuple[int, int]]

    @classmethod
    def now(cls, signature: Signature | None, files: Iterable[Path]) -> Entry:
        return cls(signature, {str(file): _state(str(file)) for file in files})

    def is_current(self) -> bool:
        return all(_state(file) == state for file, state in self.files.items())


def load() -> dict[str, Entry]:
    """What was kept for this interpreter and ``sys.path``."""
    try:
        kept = json.loads(_file().read_text())
        return {target: _decoded_entry(entry) for target, entry in kept.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def save(entries: Mapping[str, Entry]) -> None:
    """Keep ``entries``; of two processes that write at once the last one wins."""
    newest = list(entries.items())[-MOST_ENTRIES:]
    text = json.dumps({target: _encoded_entry(entry) for target, entry in newest})
    file = _file()
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(text)
        draft.replace(file)


def _file() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    script = str(Path(sys.argv[0]).resolve().parent) if sys.argv and sys.argv[0] else ""
    path = {str(Path(place).resolve()) for place in sys.path} - {script}
    reader = [f"{file.name}{_state(str(file))}" for file in sorted(Path(__file__).parent.glob("*.py"))]
    place = "\n".join([sys.version, *reader, *sorted(path)])
    return root / "hydra-lightning" / f"signatures-{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"


def _state(file: str) -> tuple[int, int]:
    try:
        status = os.stat(file)  # noqa: PTH116
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _encoded_entry(entry: Entry) -> Any:
    if entry.signature is None:
        return [None, entry.files]
    record = {each.name: getattr(entry.signature, each.name) for each in fields(Signature)}
    record["returns"] = _encoded(entry.signature.returns)
    record["parameters"] = [
        [each.name, each.kind, each.default, each.annotation, _encoded(each.type)]
        for each in entry.signature.parameters
    ]
    return [record, entry.files]


def _decoded_entry(entry: Any) -> Entry:
    record, files = entry
    states = {file: (state[0], state[1]) for file, state in files.items()}
    if record is None:
        return Entry(None, states)
    parameters = tuple(
        Parameter(name, kind, default, annotation, _decoded(type_))
        for name, kind, default, annotation, type_ in record.pop("parameters")
    )
    returns, documented = _decoded(record.pop("returns")), tuple(record.pop("documented"))
    return Entry(Signature(**record, parameters=parameters, returns=returns, documented=documented), states)


def _encoded(value: Any) -> Any:
    """A type as ``[name, field, ...]``, and a tuple of them as ``{"all": [...]}``."""
    if isinstance(value, tuple):
        return {"all": [_encoded(each) for each in value]}
    if type(value).__name__ in _TYPES:
        return [type(value).__name__, *(_encoded(getattr(value, each.name)) for each in fields(value))]
    return value


def _decoded(value: Any) -> Type:
    return cast(Type, _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(_plain(each) for each in value["all"])
    if isinstance(value, list):
        return _TYPES[value[0]](*map(_plain, value[1:]))
    return value
