"""The code cells of a Jupyter notebook as one program, and lines of it as places in the notebook."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from hydra_lightning.errors import ParityError

SUFFIX = ".ipynb"
# What IPython alone understands: %magic, !command, ?help, help?
MAGIC = re.compile(r"^(\s*)([%!?].*|[\w.]+\?{1,2})$")
ASSIGNED = re.compile(r"^\s*[\w.,\s]+=\s*[%!]\S")
RUN_BY_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")


def is_notebook(file: Path) -> bool:
    return file.suffix == SUFFIX


def program_text(file: Path) -> str:
    """The text of a program; of a notebook its code cells, each below a comment that numbers it.

    Magics and commands (``%matplotlib inline``, ``!pip install x``) become comments.

    Raises:
        ParityError: a notebook is broken, of another language than Python, or uses the result of a magic.
    """
    text = file.read_text(encoding="utf-8")
    if not is_notebook(file):
        return text
    cells = _code_cells(file, text)
    lines: list[str] = []
    for number, source in cells:
        lines += [f"# cell {number}", *_plain(source, f"{file}, cell {number}"), ""]
    return "\n".join(lines)


def placed_in_cells(text: str, file: Path, program: str) -> str:
    """``text`` with the lines of a notebook's program, ``train.ipynb:41``, as ``train.ipynb cell 3:7``.

    Args:
        text: what is told about it.
        file: the notebook.
        program: its ``program_text``.
    """
    if not is_notebook(file):
        return text
    lines = program.splitlines()

    def place(found: re.Match[str]) -> str:
        for start in range(min(int(found[1]), len(lines)) - 1, -1, -1):
            if lines[start].startswith("# cell "):
                return f"{file.name} {lines[start][2:]}:{int(found[1]) - start - 1}"
        return found[0]

    return re.sub(rf"{re.escape(file.name)}:(\d+)", place, text)


def _code_cells(file: Path, text: str) -> list[tuple[int, str]]:
    """Number, counted from 1 among all cells, and text of each code cell."""
    try:
        notebook: Any = json.loads(text)
        cells = notebook["cells"]
        language = notebook.get("metadata", {}).get("language_info", {}).get("name", "python")
        found = [
            (number, "".join(cell["source"]))
            for number, cell in enumerate(cells, 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParityError(
            f"{file}: not a notebook of format 4: {type(error).__name__} {error}. Save it again in Jupyter."
        ) from error
    if language != "python":
        raise ParityError(f"{file}: a notebook in {language}; only Python is converted.")
    return found


def _plain(source: str, place: str) -> list[str]:
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        if not lines[0].startswith(RUN_BY_PYTHON):
            return [f"# {line}" for line in lines]
        lines[0] = f"# {lines[0]}"
    if _is_python("\n".join(lines)):
        return lines
    for number, line in enumerate(lines, 1):
        if ASSIGNED.match(line):
            raise ParityError(f"{place}:{number}: uses what IPython alone can do: {line.strip()}")
    return [MAGIC.sub(r"\1pass  # \2", line) for line in lines]


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
