"""What a target's docstrings say about its arguments, one sentence each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from hydra_lightning.config.signatures.docstrings import docstrings_of
from hydra_lightning.config.signatures.model import Signature
from hydra_lightning.config.signatures.modules import Library

SECTIONS = ("parameters", "other parameters", "attributes")
# RST and Markdown markup -> what a reader of plain text wants to see of it.
MARKUP = (
    (re.compile(r":[\w:+-]+:`~?!?([^`<]*?)\s*<[^`>]*>`"), r"\1"),  # :ref:`text <target>`
    (re.compile(r"(?::[\w:+-]+:|\[)`[~!](?:[\w]+\.)*(\w+)(?:\(\))?`\]?"), r"\1"),  # :class:`~x.Y`, [`~x.Y`]
    (re.compile(r"(?::[\w:+-]+:|\[)`([^`]*)`\]?"), r"\1"),  # :attr:`x`, [`X`]
    (re.compile(r"`+([^`<]*?)\s*<[^`>]*>`_{1,2}"), r"\1"),  # `text <address>`_
    (re.compile(r"`+([^`]*)`+_{0,2}"), r"\1"),  # ``x``, `x`, `x`_
    (re.compile(r"\[([^\]]+)\]\((?:https?:|\.|#)[^)]*\)"), r"\1"),  # [text](address)
    (re.compile(r"\*\*([^*\s][^*]*)\*\*"), r"\1"),
)
DEFAULT = re.compile(
    r"\s*\((?:required|optional)\)"
    r"|\s*\((?:the )?defaults?\b[^()]*(?:\([^()]*\)[^()]*)*\)"  # (default: 1e-3)
    r"|(?:^|(?<=[.,;]))\s*defaults?(?::|=|\s+(?:to|is)\b).*",  # a sentence of its own
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)(?<!\.)[.](?=\s+[^a-z]|\s*$)")
# The start of a paragraph on arguments, or of a signature that is repeated.
TAKES = re.compile(r"\s*(?:Args|Arguments|Parameters|Attributes)\b\s*(?::|\n\s*-)|\s*:param|\s*\w+\s*\(")
NEW_BLOCK = re.compile(r"\s*(?:\.\. |[-*] |\d+[.)] |>>> |```)")


def argument_docs(signature: Signature, library: Library | None = None) -> dict[str, str]:
    """The first sentence on each argument that the docstrings of ``signature`` describe.

    The docstrings are those that ``signature.documented`` names; the most specific one wins. Google, NumPy and
    Sphinx style are read. What the docstring says about the default is left out.
    """
    return merged(docstrings_of(signature, library))


def summary(signature: Signature, library: Library | None = None) -> str:
    """The first sentence on the target itself; empty when it has no docstring."""
    return opening(docstrings_of(signature, library))


def merged(docstrings: Sequence[str]) -> dict[str, str]:
    """The first sentence on each argument; the first docstring that describes it wins."""
    found: dict[str, str] = {}
    for docstring in docstrings:
        found = described(docstring) | found
    return found


def opening(docstrings: Sequence[str]) -> str:
    """The first sentence of the first docstring that says what the target is, not only what it takes."""
    for docstring in docstrings:
        for paragraph in docstring.split("\n\n")[:2]:
            if not TAKES.match(paragraph) and (sentence := first_sentence(paragraph)):
                return sentence
    return ""


def described(docstring: str) -> dict[str, str]:
    """The first sentence on each argument in one docstring."""
    from griffe import Docstring

    found: dict[str, str] = {}
    for section in Docstring(docstring).parse(_style(docstring), warnings=False):
        if section.kind.value in SECTIONS:
            for item in section.value:
                sentence = first_sentence(item.description)
                for name in item.name.split(","):
                    if sentence:
                        found.setdefault(name.strip().lstrip("\\*"), sentence)
    return found


def first_sentence(text: str) -> str:
    """The first sentence of an RST or Markdown ``text`` as plain text in one line, without its full stop."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        if lines and (not line.strip() or NEW_BLOCK.match(line)):
            break
        lines.append(line.strip())
    plain = " ".join(" ".join(lines).split())
    for markup, kept in MARKUP:
        plain = markup.sub(kept, plain)
    plain = DEFAULT.sub("", plain).strip()
    end = SENTENCE_END.search(plain)
    return (plain[: end.start()] if end else plain).strip().rstrip(" .:;,")


def _style(docstring: str) -> Literal["google", "numpy", "sphinx"]:
    if re.search(r"^\s*:(?:param|parameter|arg|argument)\b", docstring, re.MULTILINE):
        return "sphinx"
    if re.search(r"^\s*(?:Other )?Parameters\s*\n\s*-{3,}\s*$", docstring, re.MULTILINE):
        return "numpy"
    return "google"
