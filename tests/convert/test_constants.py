"""What a program makes of itself alone and never changes stays a constant."""

import pytest
from laid_out import laid_out

from hydra_lightning.convert.constants import constants_of

LOADER = "\nloader = DataLoader([1.0], batch_size=1)\n"


def found(text: str) -> set[str]:
    program = laid_out(text + LOADER)
    return {*constants_of(program.flow, program.settings)} - {"loader", "net", "optimizer"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("words = sorted('ba')\nindex = {word: at for at, word in enumerate(words)}", {"words", "index"}),
        ("import math\nroot = math.sqrt(2) * len([1, 2])", {"root"}),
        ("import re\npattern = re.compile('a+').pattern.upper()", {"pattern"}),
        ("import numpy as np\ngrid = np.linspace(0, 1, 5)", {"grid"}),
        ("def double(n):\n    return 2 * n\nfour = double(2)", {"four"}),
        ("from collections import Counter\ncounts = Counter('abc')", {"counts"}),
    ],
)
def test_tables_and_lookups(text: str, names: set[str]) -> None:
    assert names <= found(text)


def test_what_is_made_in_several_statements_has_them_all() -> None:
    program = laid_out("words = 'b a b'.split()\nfirst = words[0]\nwords = list(set(words))" + LOADER)
    made = constants_of(program.flow, program.settings)
    assert [piece.text() for piece in made["words"]] == [
        "words = 'b a b'.split()",
        "words = list(set(words))",
    ]
    assert [piece.text() for piece in made["first"]] == ["first = words[0]"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x = torch.randn(3)", "x"),
        ("def drawn():\n    return torch.rand(1)\nx = drawn()", "x"),
        ("text = open('book.txt').read()", "text"),
        ("def read_book():\n    return 1\ndef book():\n    return read_book()\nx = book()", "x"),
        ("import os\nhome = os.environ['HOME']", "home"),
        ("seen = {'a': 1}\nseen.update(b=2)", "seen"),
        ("items = iter([1, 2])", "items"),
        ("rate = lr * 2", "rate"),
    ],
)
def test_what_is_drawn_read_or_changed_is_none(text: str, name: str) -> None:
    assert name not in found(text)


def test_what_had_another_value_before_is_none() -> None:
    assert found("fast = not True\nfast = not False\nboth = (fast, 1)\nnames = sorted('ba')") == {"names"}


def test_what_is_made_of_a_setting_is_none() -> None:
    assert found("HIDDEN = 16\nsizes = [HIDDEN, HIDDEN]\nnames = sorted('ba')") == {"names"}
