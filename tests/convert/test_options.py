"""A function that is given all settings is given those that it reads."""

import textwrap

import pytest
from laid_out import laid_out, middle

from hydra_lightning.convert.options import with_single_settings

PARSER = """parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=2)
parser.add_argument("--size", type=int, default=1)
args = parser.parse_args()
"""


def rewritten(text: str) -> str:
    program = laid_out(f"{PARSER}{textwrap.dedent(text).strip()}\n")
    source = with_single_settings(program.sources, program.flow, program.settings)["train.py"]
    return middle(source).removeprefix(PARSER).strip()


def test_the_settings_that_it_reads_are_its_parameters() -> None:
    before = """
        def make(scale, options):
            return DataLoader([scale] * options.n * options.size, batch_size=options.size)


        loader = make(2.0, args)
        """
    after = """
        def make(scale, size, n):
            return DataLoader([scale] * n * size, batch_size=size)


        loader = make(2.0, args.size, args.n)
        """
    assert rewritten(before) == textwrap.dedent(after).strip()


@pytest.mark.parametrize(
    "text",
    [
        "def make(options):\n    print(options)\n    return DataLoader([1.0] * options.n)\n\n\nloader = make(args)",
        "def make(options, n):\n    return DataLoader([1.0] * options.n * n)\n\n\nloader = make(args, 2)",
        "def make(options):\n    return DataLoader([1.0] * options.n)\n\n\nloader = make(options=args)",
        "def make(options):\n    return DataLoader([1.0] * options.n)\n\n\nother = make\nloader = other(args)",
        "def make(n):\n    return DataLoader([1.0] * n)\n\n\nloader = make(args.n)",
    ],
    ids=["given on", "a name that is taken", "by name", "called by another name", "single already"],
)
def test_what_cannot_be_taken_apart_stays(text: str) -> None:
    assert rewritten(text) == text
