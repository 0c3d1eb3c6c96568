"""Notebooks that tests write."""

from __future__ import annotations

import json
from pathlib import Path


def notebook(file: Path, *cells: str, language: str = "python") -> Path:
    """A notebook whose cells that begin with # are Markdown."""
    data = {
        "nbformat": 4,
        "metadata": {"language_info": {"name": language}},
        "cells": [
            {
                "cell_type": "markdown" if cell.startswith("#") else "code",
                "source": cell.splitlines(keepends=True),
            }
            for cell in cells
        ],
    }
    file.write_text(json.dumps(data))
    return file
