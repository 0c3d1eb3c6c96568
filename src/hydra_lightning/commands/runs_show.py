"""``hydra-lightning runs show``: everything about one run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hydra_lightning.commands.options import Format, Project, RunArgument

if TYPE_CHECKING:
    from hydra_lightning.runs.detail import Detail


def show(run: RunArgument, project: Project = Path(), format: Format = "table") -> None:
    """Show a run: its metrics with their curves, settings, code, environment, files and error."""
    from hydra_lightning.commands.formats import TEXTS
    from hydra_lightning.config.layout import nearest_project
    from hydra_lightning.runs.detail import detail
    from hydra_lightning.runs.store import find_run
    from hydra_lightning.tasks.log_folder import log_folder

    found = detail(find_run(run, log_folder(nearest_project(project))))
    if format == "table":
        for line in _lines(found):
            typer.echo(line)
    elif format == "json":
        import json

        from hydra_lightning.commands.formats import plain

        typer.echo(json.dumps(plain(found.as_data()), indent=2, ensure_ascii=False))
    else:
        typer.echo(TEXTS[format](found.as_table()))


def _lines(found: Detail) -> Iterator[str]:
    from hydra_lightning.commands.formats import COLORS, ago, duration, terminal_width

    record, width = found.record, terminal_width() or 120
    status = typer.style(record["status"], fg=COLORS.get(record["status"]))
    took = f", {duration(record['seconds'])}" if record.get("seconds") is not None else ""
    yield f"{typer.style(found.folder.name, bold=True)}  {status}  {ago(found.created)}{took}"
    for name, value in _facts(record):
        yield from _wrapped(name, value, width)
    yield from _wrapped("folder", str(found.folder), width)
    if record.get("error"):
        error = record["error"]
        yield ""
        for number, line in enumerate(f"{error['type']}: {error['message']}".splitlines()):
            yield f"{'error' if not number else '':11}{typer.style(line, fg='red')}"
        yield f"{'':11}{error['at']}"
    for problem in found.problems:
        yield f"{'problem':11}{problem}"
    yield from _metrics(found, width)
    yield from _settings(found, width)
    yield from _files(found)


def _facts(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    what = [record.get("task"), record.get("experiment"), *(record.get("tags") or [])]
    yield "what", " · ".join([*(str(each) for each in what if each), f"seed {record.get('seed')}"])
    if record.get("note"):
        yield "note", record["note"]
    sweep = record.get("sweep")
    if sweep:
        yield "sweep", f"{sweep['id']}, trial {sweep['trial']}"
    yield "command", record.get("command") or ""
    git = record.get("git")
    if git and git.get("commit"):
        changed = "with changes, see git.diff" if git.get("dirty") else "clean"
        yield "git", f"{git['commit'][:7]} {git.get('branch') or '(no branch)'}, {changed}"
    devices = record.get("devices") or {}
    names = ", ".join(sorted(set(devices.get("names") or [])))
    where = [record.get("host"), f"{devices.get('world_size') or 1} × {devices.get('accelerator')}"]
    yield "on", " · ".join(str(each) for each in [*where, names, f"Python {record.get('python')}"] if each)
    attempts = record.get("attempts") or []
    if len(attempts) > 1:
        yield (
            "attempts",
            ", ".join(f"{each['started'][:16].replace('T', ' ')} {each['status']}" for each in attempts),
        )


def _wrapped(name: str, value: str, width: int) -> Iterator[str]:
    import textwrap

    lines = textwrap.wrap(value, max(30, width - 11), break_long_words=False, break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        yield f"{name if not number else '':11}{line}"


def _metrics(found: Detail, width: int) -> Iterator[str]:
    from hydra_lightning.commands.formats import number, shown

    metrics, best = found.record["metrics"], found.record["best"]
    if not metrics and not found.curves:
        return
    names = list(dict.fromkeys([*metrics, *found.curves]))
    longest = max(map(len, names))
    space = max(8, min(40, width - longest - 40))
    yield ""
    yield typer.style(f"{'metric':{longest}}  {'last':>9}", bold=True)
    for name in names:
        line = f"{name:{longest}}  {shown(metrics.get(name)):>9}"
        curve = [point.value for point in found.curves.get(name, [])]
        if curve:
            finite = [value for value in curve if value - value == 0]
            spread = f"  {number(min(finite))} … {number(max(finite))}" if finite else ""
            line += f"  {typer.style(sparkline(curve, space), fg='cyan')}{spread}"
        if best and best["metric"] == name:
            line += f"  best {shown(best['value'])} at epoch {best['epoch']}"
        yield line


def _settings(found: Detail, width: int) -> Iterator[str]:
    from hydra_lightning.commands.formats import shown

    longest = max(map(len, found.settings), default=0)
    typed = [name for name in found.asked if name in found.settings]
    for title, names in (
        ("overridden", typed),
        ("settings", [name for name in found.settings if name not in typed]),
    ):
        if names:
            yield ""
            yield typer.style(title, bold=True)
            for name in names:
                value = "null" if found.settings[name] is None else shown(found.settings[name])
                yield f"{name:{longest}}  {value}"


def _files(found: Detail) -> Iterator[str]:
    yield ""
    yield typer.style("files", bold=True)
    sizes = {name: size_of(size) for name, size in found.files.items()}
    longest = max(map(len, sizes.values()), default=0)
    for name, size in sizes.items():
        yield f"{size:>{longest}}  {name}"


def size_of(size: float) -> str:
    """``512 B``, ``1.4 kB``, ``25 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.1f} {unit}" if unit != "B" and size < 10 else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def sparkline(values: list[float], width: int) -> str:
    """The values as ``▁▂▅▇█``, at most ``width`` characters; ``×`` is what is no finite number."""
    bars = "▁▂▃▄▅▆▇█"
    if len(values) > width:
        values = [values[place * (len(values) - 1) // (width - 1)] for place in range(width)]
    finite = [value for value in values if value - value == 0]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    step = (high - low) / len(bars) or 1.0
    return "".join(
        bars[min(len(bars) - 1, int((value - low) / step))] if value - value == 0 else "×" for value in values
    )
