"""The part of a project's own code that has to do with configs, as text."""

from __future__ import annotations

import re
from pathlib import Path

NO_SOURCE = frozenset(
    ("data", "logs", "model", "notebooks", "tests", "configs", "node_modules", "site", "build")
)


def project_code(root: Path) -> str:
    """The project's Python files that have to do with configs."""
    texts: list[str] = []
    folders = [root]
    while folders:
        folder = folders.pop()
        for item in sorted(folder.iterdir()):
            if item.is_dir():
                inside = (item / "pyvenv.cfg").exists() or item.name.startswith((".", "__"))
                if not inside and not (folder == root and item.name in NO_SOURCE):
                    folders.append(item)
            elif item.suffix == ".py":
                text = item.read_text(errors="replace")
                if re.search(r"\b(hydra|omegaconf|DictConfig|cfg)\b", text):
                    texts.append(text)
    return "\n".join(texts)
