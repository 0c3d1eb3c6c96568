"""A function or class that reads what the program makes is given it."""

import textwrap

import pytest
from laid_out import laid_out, middle

from hydra_lightning.convert.given import with_parameters


def rewritten(text: str) -> str:
    program = laid_out(textwrap.dedent(text).strip() + "\n")
    return middle(with_parameters(program.sources, program.flow, program.settings)["train.py"])


def check(before: str, after: str) -> None:
    assert rewritten(before) == textwrap.dedent(after).strip()


def test_a_function_takes_it_behind_its_parameters() -> None:
    check(
        """
        noise = torch.randn(4)


        def rows(n, scale=1.0):
            return [noise * scale] * n


        loader = DataLoader(rows(8))
        """,
        """
        noise = torch.randn(4)


        def rows(n, scale=1.0, *, noise):
            return [noise * scale] * n


        loader = DataLoader(rows(8, noise=noise))
        """,
    )


def test_a_class_keeps_it_for_its_methods() -> None:
    check(
        """
        noise = torch.randn(4)


        class Rows:
            def __init__(self, n):
                self.n = n

            def __len__(self):
                return self.n

            def __getitem__(self, index):
                return noise


        loader = DataLoader(Rows(8))
        """,
        """
        noise = torch.randn(4)


        class Rows:
            def __init__(self, n, noise):
                self.noise = noise;\tself.n = n

            def __len__(self):
                return self.n

            def __getitem__(self, index):
                return self.noise


        loader = DataLoader(Rows(8, noise=noise))
        """,
    )


def test_a_function_that_calls_one_is_given_it_too() -> None:
    check(
        """
        noise = torch.randn(4)


        def row():
            return noise


        def rows(n):
            return [row() for _ in range(n)]


        loader = DataLoader(rows(8))
        """,
        """
        noise = torch.randn(4)


        def row(noise):
            return noise


        def rows(n, noise):
            return [row(noise=noise) for _ in range(n)]


        loader = DataLoader(rows(8, noise=noise))
        """,
    )


def test_a_function_that_is_handed_on_is_given_it_there() -> None:
    check(
        """
        noise = torch.randn(4)


        def collate(rows):
            return torch.stack(rows) + noise


        loader = DataLoader([noise], collate_fn=collate)
        """,
        """
        noise = torch.randn(4)


        def collate(rows, noise):
            return torch.stack(rows) + noise


        loader = DataLoader([noise], collate_fn=partial(collate, noise=noise))
        """,
    )


@pytest.mark.parametrize(
    "text",
    [
        'WORDS = ["a"]\n\n\ndef rows():\n    return WORDS\n\n\nloader = DataLoader(rows())',
        "noise = 1.0\n\n\n@torch.no_grad()\ndef rows():\n    return [noise]\n\n\nloader = DataLoader(rows())",
    ],
    ids=["a constant", "a decorated function"],
)
def test_what_needs_nothing_or_cannot_take_it_stays(text: str) -> None:
    assert rewritten(text) == text
