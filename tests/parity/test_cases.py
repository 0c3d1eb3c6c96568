"""What keeps losses equal when a plain loop becomes Lightning: each form that does passes, each that does not fails.

The programs are in ``cases``, a module for each family; there an original stands above its forms, and each form says
what the verdict on it has to be. They are read here without being imported.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.errors import ParityError
from hydra_lightning.parity.sides import Limits, Script, record
from hydra_lightning.parity.tape import Tape
from hydra_lightning.parity.verdict import judge, text

CASES = Path(__file__).with_name("cases")
SEED = 42
pytestmark = pytest.mark.usefixtures("forked")


@dataclass(frozen=True)
class Form:
    """A program, the original that it is a form of, and the verdict: ``same``, ``differs`` or ``fails``."""

    family: str
    original: str
    epochs: int | None
    name: str
    verdict: str
    settings: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.family}-{self.original}-{self.name}"


def forms(family: Path) -> Iterator[Form]:
    """The decorated functions of a module, in order."""
    current: tuple[str, int | None] = ("", None)
    for node in ast.parse(family.read_text()).body:
        if not isinstance(node, ast.FunctionDef) or not node.decorator_list:
            continue
        call = node.decorator_list[0]
        positional = [ast.literal_eval(each) for each in getattr(call, "args", [])]
        settings = {each.arg: ast.literal_eval(each.value) for each in getattr(call, "keywords", [])}
        verdict = ast.unparse(getattr(call, "func", call))
        if verdict == "original":
            current = (node.name, settings.get("epochs", 2))
        else:
            told = (("what", positional[0]), *settings.items()) if positional else ()
            yield Form(family.stem, *current, node.name, verdict, told)


FORMS = [form for family in sorted(CASES.glob("*.py")) for form in forms(family)]


def program(family: str, name: str) -> Script:
    return Script(CASES / "run.py", (family, name))


@functools.cache
def original(family: str, name: str, epochs: int | None) -> Tape:
    return record(program(family, name), Limits(epochs=epochs), SEED)


@pytest.mark.parametrize("family", sorted({form.family for form in FORMS}))
def test_every_original_has_a_right_form_and_a_wrong_one(family: str) -> None:
    verdicts: dict[str, set[bool]] = {}
    for form in FORMS:
        if form.family == family:
            verdicts.setdefault(form.original, set()).add(form.verdict == "same")
    assert [name for name, found in verdicts.items() if len(found) < 2] == []


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_form(form: Form) -> None:
    tape = original(form.family, form.original, form.epochs)
    expected = dict(form.settings)
    if form.verdict == "fails":
        with pytest.raises(ParityError) as caught:
            judge(tape, None, program(form.family, form.name), Limits(), SEED)
        assert expected["what"] in str(caught.value)
        return
    verdict = judge(tape, None, program(form.family, form.name), Limits(), SEED)
    if form.verdict == "same":
        assert verdict.status == "PASS", text(verdict)
    else:
        assert verdict.status == "FAIL", text(verdict)
        difference = verdict.comparison and verdict.comparison.difference
        assert difference
        at = difference.step if expected["at"] is None else expected["at"]
        assert (difference.what, difference.step) == (expected["what"], at), text(verdict)
        assert expected.get("why", "") in text(verdict)
