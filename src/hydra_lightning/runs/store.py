"""Finds runs and reads what they left; the folders are the truth."""

from __future__ import annotations

import difflib
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra_lightning.errors import RunError
from hydra_lightning.runs.annotations import annotated
from hydra_lightning.runs.environment import process_mark, process_space
from hydra_lightning.runs.files import RUN_FILE, SCHEMA
from hydra_lightning.runs.folder import SUFFIX_LENGTH

LAYOUTS = ("*/runs/*", "*/sweeps/*/*", "*/multiruns/*/*")
# What is not given as it is written.
FINISHED = ("status", "metrics", "best")
NEEDED = ("id", "status", "created", "metrics", "best", "process")
LOST_AFTER_SECONDS = 300.0
MOST_SHOWN = 10

log = logging.getLogger(__name__)


def read_run(folder: Path) -> dict[str, Any]:
    """The ``run.json`` of ``folder`` as it stands now, with the tags and the ``note`` that it was given since.

    Metrics that were written as "nan", "inf" and "-inf" are floats again. The status is ``lost`` for a run
    that calls itself running while its process is gone: on the machine that it runs on that is looked up;
    elsewhere a ``run.json`` that was not touched for five minutes tells it.

    Raises:
        RunError: there is no run.json, it is only half there, or something else wrote it, or its annotations.
    """
    return annotated(read_record(folder), Path(folder))


def read_record(folder: Path) -> dict[str, Any]:
    """What the run itself recorded: ``read_run`` without annotations.

    Raises:
        RunError: as ``read_run``.
    """
    data, stat = raw_record(folder)
    return finished(data, stat.st_mtime)


def raw_record(folder: Path) -> tuple[dict[str, Any], os.stat_result]:
    """The content of ``run.json`` as it is written, and the state of exactly the file that was read.

    Raises:
        RunError: as `read_run`.
    """
    file = Path(folder) / RUN_FILE
    try:
        with file.open("rb") as opened:
            stat = os.fstat(opened.fileno())
            data = json.loads(opened.read())
    except FileNotFoundError:
        raise RunError(f"{folder} is not a run folder: it has no {RUN_FILE}.") from None
    except ValueError as error:
        raise RunError(f"{file} is broken, so the run cannot be read: {error}") from error
    except OSError as error:
        raise RunError(f"{file} cannot be read: {error.strerror}") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if not isinstance(schema, int):
        raise RunError(f"{file} is not the record of a run: it has no schema number.")
    if schema > SCHEMA:
        raise RunError(
            f"{file} has schema {schema}, newer than this version reads ({SCHEMA}); upgrade hydra-lightning."
        )
    missing = [name for name in NEEDED if name not in data]
    if missing:
        raise RunError(f"{file} is not the record of a run: it has no {', '.join(missing)}.")
    return data, stat


def finished(data: dict[str, Any], touched: float) -> dict[str, Any]:
    """A raw record as `read_run` gives it: ``lost`` where it is, metrics as floats."""
    process = data["process"]
    return data | {name: finished_field(name, data[name], process, touched) for name in FINISHED}


def finished_field(name: str, value: Any, process: Any, touched: float) -> Any:
    """One of the fields that `finished` changes; ``process`` is looked at for a status of ``running`` alone."""
    if name == "status":
        return "lost" if value == "running" and not _alive(process, touched) else value
    if name == "metrics":
        return {metric: as_number(each) for metric, each in value.items()}
    return value | {"value": as_number(value["value"])} if value else value


def _alive(process: dict[str, Any], touched: float) -> bool:
    if process["started"] is not None and process["space"] == process_space():
        return bool(process_mark(process["pid"]) == process["started"])
    return time.time() - touched < LOST_AFTER_SECONDS


def as_number(value: Any) -> Any:
    """A value of a metric, which JSON has no numbers for when it is not finite."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def list_runs(log_dir: str | Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folder and record of every run below ``log_dir``, by name; one that cannot be read is only logged."""
    for folder in _folders(log_dir):
        try:
            yield folder, read_run(folder)
        except RunError as error:
            log.warning("%s", error)


def unreadable_runs(log_dir: Path) -> Iterator[str]:
    """Of every run below ``log_dir`` that cannot be read, why; by name."""
    for folder in _folders(log_dir):
        try:
            read_run(folder)
        except RunError as error:
            yield str(error)


def find_run(reference: str | Path, log_dir: str | Path, with_checkpoint: bool = False) -> Path:
    """The folder of the one run that ``reference`` means.

    Args:
        reference: a run folder; an id; the beginning of an id, or of its last four characters, that no
            other run has; ``@last``, the run that was started last; or ``@best:METRIC``, the best one by a metric.
        log_dir: the folder above ``<task>/runs`` and ``<task>/sweeps``.
        with_checkpoint: let ``@last`` and ``@best`` mean only runs that wrote a checkpoint.

    Raises:
        RunError: it means no run or several; the message lists those that come near.
    """
    text = str(reference)
    if text and (Path(text) / RUN_FILE).is_file():
        return Path(text)
    folders = _folders(log_dir)
    if not folders:
        raise RunError(f"No run {text!r}: there are no runs below {log_dir} yet.")
    if text.startswith("@"):
        return _meant(text, Path(log_dir), with_checkpoint)
    meant = [folder for folder in folders if folder.name == text]
    meant = meant or [folder for folder in folders if text and _begins(folder.name, text)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise RunError(
            f"{text!r} means {len(meant)} runs; type more of the id, or a folder:\n{_shown(meant)}"
        )
    if text and Path(text).is_dir():
        raise RunError(f"{text} is not a run folder: it has no {RUN_FILE}.")
    names = difflib.get_close_matches(text, [folder.name for folder in folders], n=5)
    near = [folder for folder in folders if folder.name in names]
    which = "Near it" if near else "The newest"
    raise RunError(f"No run {text!r} below {log_dir}. {which}:\n{_shown(near or folders[-5:])}")


def _meant(text: str, log_dir: Path, with_checkpoint: bool) -> Path:
    # These read the folders through this module.
    from hydra_lightning.runs.best import best_run, has_checkpoint
    from hydra_lightning.runs.select import all_runs

    kind, _, metric = text.partition(":")
    if text != "@last" and (kind != "@best" or not metric):
        raise RunError(f"No run {text!r}; there is @last, and @best:METRIC such as @best:val/acc.")
    runs = all_runs(log_dir)
    if with_checkpoint:
        runs = [run for run in runs if has_checkpoint(run)]
    if not runs:
        lacking = "wrote a checkpoint" if with_checkpoint else "can be read"
        raise RunError(f"No run {text!r}: no run below {log_dir} {lacking}.")
    return runs[0].folder if text == "@last" else best_run(runs, metric).folder


def _folders(log_dir: str | Path) -> list[Path]:
    found = (file.parent for layout in LAYOUTS for file in Path(log_dir).glob(f"{layout}/{RUN_FILE}"))
    return sorted(found, key=lambda folder: (folder.name, folder))


def _begins(name: str, text: str) -> bool:
    stem, _, suffix = name.rpartition("_")
    return name.startswith(text) or (bool(stem) and len(suffix) == SUFFIX_LENGTH and suffix.startswith(text))


def _shown(folders: list[Path]) -> str:
    lines = [f"  {folder.name}  {folder}" for folder in folders[:MOST_SHOWN]]
    if len(folders) > MOST_SHOWN:
        lines.append(f"  and {len(folders) - MOST_SHOWN} more")
    return "\n".join(lines)
