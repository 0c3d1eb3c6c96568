"""What a rewritten program decides by itself is written out, every statement in its line."""

import textwrap

import pytest

from hydra_lightning.convert.folded import without_decided
from hydra_lightning.convert.source import Source


def folded(code: str) -> str:
    before = textwrap.dedent(code)
    after = without_decided({"train.py": Source("train.py", before, written=before)})["train.py"].text
    assert after.count("\n") == before.count("\n")
    return after


def test_a_file_as_its_author_wrote_it_stays_so() -> None:
    sources = {"train.py": Source("train.py", 'if "no" == "no":\n    x = 1\n')}
    assert without_decided(sources) == sources


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 'no' == 'fp8'", "x = False"),
        ("x = 1 > 1", "x = False"),
        ("x = not False", "x = True"),
        ("length = 128 if False else None", "length = None"),
        ("x = a and False", "x = False"),
        ("x = True and a and b", "x = a and b"),
        ("x = False or a", "x = a"),
        # What is called may do something, and what is not known stays.
        ("x = ask() and False", "x = ask() and False"),
        ("x = a == 'no'", "x = a == 'no'"),
    ],
)
def test_an_expression_is_what_it_is(before: str, after: str) -> None:
    assert folded(before) == after


def test_a_taken_branch_stands_where_the_statement_stood() -> None:
    assert folded(
        '''
        if True:
            # Why.
            text = """
            as it is
            """
            if True:
                x = f(
                    1,
                )
        else:
            x = 2
        y = 3
        '''
    ) == textwrap.dedent(
        '''

        # Why.
        text = """
            as it is
            """

        x = f(
            1,
        )


        y = 3
        '''
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if False:\n    x = 1\ny = 2", "pass\n\ny = 2"),
        ("if False:\n    x = 1\nelse:\n    x = 2", "\n\n\nx = 2"),
        (
            "if False:\n    x = 1\nelif a:\n    x = 2\nelse:\n    x = 3",
            "\n\nif a:\n    x = 2\nelse:\n    x = 3",
        ),
        (
            "if a:\n    x = 1\nelif False:\n    x = 2\nelse:\n    x = 3",
            "if a:\n    x = 1\n\n\nelse:\n    x = 3",
        ),
        (
            "if a:\n    x = 1\nelif True:\n    x = 2\nelse:\n    x = 3",
            "if a:\n    x = 1\nelse:\n    x = 2\n\n",
        ),
        ("if a:\n    x = 1\nelif False:\n    x = 2\ny = 3", "if a:\n    x = 1\n\n\ny = 3"),
        ("if True: x = 1", "x = 1"),
        ("def f():\n    if False:\n        return 1", "def f():\n    pass\n"),
    ],
)
def test_the_other_branches_are_empty_lines(before: str, after: str) -> None:
    assert folded(before + "\n").rstrip("\n") == after.rstrip("\n")
