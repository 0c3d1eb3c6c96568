"""Values as YAML text that OmegaConf, PyYAML and an editor all read back as the same value."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import yaml
from omegaconf import OmegaConf

COMMENT_WIDTH = 118
LINE_WIDTH = 100


def as_yaml(value: Any) -> str:
    """``value`` in one line, lists as ``[a, b]``."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(as_yaml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{as_yaml(key)}: {as_yaml(each)}' for key, each in value.items())}}}"
    if not isinstance(value, str):
        return yaml.safe_dump([value], default_flow_style=True, width=10_000)[1:-2]
    plain = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True).strip()[1:-1]
    quoted = plain.startswith(("'", '"')) or "\n" in plain
    return json.dumps(value, ensure_ascii=False) if quoted or not _reads_back(plain, value) else plain


def entry(key: str, value: str, comment: str, indent: str = "") -> list[str]:
    """The lines ``key: value # comment``; a comment that would make the line too long stands above it."""
    line = f"{indent}{as_yaml(key)}:{' ' * bool(value)}{value}"
    if not comment:
        return [line]
    if len(line) + len(comment) + 3 <= LINE_WIDTH:
        return [f"{line} # {comment}"]
    return [*comment_lines(comment, indent), line]


def comment_lines(text: str, indent: str = "") -> list[str]:
    prefix = f"{indent}# "
    return textwrap.wrap(
        text, COMMENT_WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_on_hyphens=False
    )


def _reads_back(plain: str, value: str) -> bool:
    """OmegaConf takes 1e3 for a number, which PyYAML does not."""
    return bool(OmegaConf.create(f"[{plain}]")[0] == value)
