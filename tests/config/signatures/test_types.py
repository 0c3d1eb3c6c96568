"""Which values of a config fit which annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.config.signatures.read import read_signature
from hydra_lightning.config.signatures.types import fits, in_words

HEADER = """
from __future__ import annotations
import enum, os, pathlib, typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, TypeVar, Union
Path_ = Union[str, os.PathLike]
Precision = Literal[16, 32, "bf16"]
T = TypeVar("T")
class Net: ...
class Colour(enum.Enum):
    RED = "red"
"""

FITS: dict[str, tuple[list[Any], list[Any]]] = {
    "int": ([3, True], [3.5, "3", None, [3], {}]),
    "float": ([3, 0.5], ["0.5", None, [1]]),
    "str": (["a", ""], [3, None, ["a"]]),
    "bool": ([True, False, 0, 1], ["yes", 2, None]),
    "int | None": ([3, None], ["a"]),
    "Optional[int]": ([3, None], ["a"]),
    "t.Optional['int']": ([3, None], ["a"]),
    "Union[int, str]": ([3, "a"], [None, [1], 0.5]),
    "Literal['min', 'max']": (["min"], ["mni", 3, None]),
    "Precision": ([16, "bf16"], ["16", 17, True]),
    "Precision | None": ([None, 32], ["x"]),
    "list[int]": ([[], [1, 2]], [1, "12", ["a"], None, {}]),
    "Sequence[int]": ([[1]], ["ab", 1]),
    "Sequence[str]": (["ab", ["a"]], [3, [3]]),
    "Iterable": ([[1, "a"], "ab"], [3]),
    "tuple[float, float]": ([[0.9, 0.99]], [0.9, [0.9], [1, 2, 3], ["a", 1]]),
    "tuple[int, ...]": ([[], [1, 2, 3]], [1, ["a"]]),
    "dict[str, int]": ([{"a": 1}, {}], [{"a": "b"}, [1], 3]),
    "Mapping": ([{"a": 1}], [[1], "a"]),
    "Annotated[int, 'positive']": ([3], ["a"]),
    "Path_": (["a/b"], [3, None]),
    "Path_ | None": (["a", None], [3]),
    "Union[float, Net]": ([0.5], ["a", None]),
    # A class, an enumeration and a callable may take anything; so may what cannot be read.
    "Net": ([3, "a", None, [1], {}], []),
    "Net | None": ([None, "a"], []),
    "Colour": (["red", 3], []),
    "Callable[..., int]": (["a", None], []),
    "Any": ([None, 3, "a"], []),
    "T": ([None, 3], []),
    "not_defined.Anything": ([3, None], []),
    "pathlib.Path": (["a"], []),
}


@pytest.mark.parametrize("annotation", FITS)
def test_values_of_an_annotation(annotation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "typed_module.py").write_text(f"{HEADER}\ndef f(x: {annotation}): ...\n")
    signature = read_signature("typed_module.f")
    assert signature is not None
    kind = signature.parameters[0].type
    right, wrong = FITS[annotation]
    assert [value for value in right if not fits(value, kind)] == []
    assert [value for value in wrong if fits(value, kind)] == []


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("Optional[Union[int, float]]", "int | float | None"),
        ("Literal['a', 3]", "'a' | 3"),
        ("list[Net]", "list[Net]"),
    ],
)
def test_a_type_in_words(
    annotation: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "typed_module.py").write_text(f"{HEADER}\ndef f(x: {annotation}): ...\n")
    signature = read_signature("typed_module.f")
    assert signature is not None
    assert in_words(signature.parameters[0].type) == words


def test_a_default_of_none_makes_it_optional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "typed_module.py").write_text("def f(x: int = None): ...\n")
    signature = read_signature("typed_module.f")
    assert signature is not None
    assert fits(None, signature.parameters[0].type)
