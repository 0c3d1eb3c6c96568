"""The HTML file: a template, its style, the scripts and the data, in one."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra_lightning.errors import MissingPackageError, RunError
from hydra_lightning.runs.report.data import report_data
from hydra_lightning.runs.select import select
from hydra_lightning.runs.store import unreadable_runs
from hydra_lightning.runs.writing import write_whole

HERE = Path(__file__).parent
# In this order: each uses what stands above it.
SCRIPTS = ("values", "filter", "table", "charts", "main")
MARK = '<meta name="generator" content="hydra-lightning runs report">'
# Plotly sets styles as it draws and makes pictures of what it drew; nothing may come from, or go to, anywhere else.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src {scripts}; "
    "base-uri 'none'; form-action 'none'"
)


class Written(NamedTuple):
    """How many runs are in a report, and what could not be read of them, which the report says too."""

    runs: int
    problems: list[str]


def write_report(
    log_dir: str | Path, file: str | Path, filters: Sequence[str] = (), *, title: str = "Runs"
) -> Written:
    """Write one HTML file about the runs below ``log_dir``, which opens in a browser without a network.

    Args:
        log_dir: the folder above ``<task>/runs`` and ``<task>/sweeps``.
        file: where to; an older report is replaced.
        filters: which runs, as ``select`` takes them.
        title: the heading.

    Raises:
        RunError: a filter is wrong, or no run is left; ``file`` is something else than a report, or cannot be
            written.
        MissingPackageError: plotly is not installed.
    """
    log_dir, file = Path(log_dir), Path(file)
    plotly = _plotly()
    _refuse_other(file)
    runs = select(log_dir, filters)
    if not runs:
        which = f"below {log_dir} matches {' '.join(filters)}" if filters else f"is below {log_dir}"
        raise RunError(f"No run {which}, so no report was written.")
    data = report_data(runs, title, filters, unreadable_runs(log_dir))
    try:
        write_whole(file, page(data, plotly))
    except OSError as error:
        raise RunError(f"The report {file} cannot be written: {error.strerror or error}.") from error
    return Written(len(runs), data["problems"])


def page(data: dict[str, Any], plotly: str) -> str:
    """``data`` as HTML. The browser is told to run these scripts only, and to load nothing."""
    script = "\n".join((HERE / f"script/{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    count = f"{len(data['runs'])} {'run' if len(data['runs']) == 1 else 'runs'}"
    about = " · ".join(filter(None, [count, data["filter"], data["made"][:16].replace("T", " ")]))
    filled = {
        "MARK": MARK,
        "POLICY": POLICY.format(scripts=f"{_hash(plotly)} {_hash(script)}"),
        "TITLE": html.escape(data["title"]),
        "ABOUT": html.escape(about),
        "STYLE": (HERE / "page.css").read_text(encoding="utf-8"),
        "DATA": _json(data),
        "PLOTLY": plotly,
        "SCRIPT": script,
    }
    # Cut first: what is put in may contain such a name itself.
    first, *rest = (HERE / "page.html").read_text(encoding="utf-8").split("{{")
    parts = (part.partition("}}") for part in rest)
    return _unicode(first + "".join(filled[name] + text for name, _, text in parts))


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingPackageError(
            'The charts of a report need plotly, which is not installed: pip install "hydra-lightning[report]"'
        ) from error
    return str(get_plotlyjs())


def _json(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _unicode(text: str) -> str:
    """A path or an argument may hold bytes that are no text; a page may not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _refuse_other(file: Path) -> None:
    if not file.parent.is_dir():
        raise RunError(
            f"There is no folder {file.parent} for the report {file.name}; make it, or name another file."
        )
    if file.is_dir():
        raise RunError(f"{file} is a folder. Name a file for the report: {file / 'report.html'}")
    if file.exists():
        try:
            with file.open("rb") as begin:
                known = MARK.encode() in begin.read(1000)
        except OSError as error:
            raise RunError(f"{file} cannot be read: {error.strerror}.") from error
        if not known:
            raise RunError(
                f"{file} exists and is not a report of runs, so it is left as it is. Name another file."
            )
