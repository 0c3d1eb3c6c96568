"""An attribute that is set after parsing is a variable of its own."""

import textwrap

import pytest
from laid_out import laid_out, middle

from hydra_lightning.convert.derived import without_derived

PARSER = """parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=2)
args = parser.parse_args()
"""
LOADER = "loader = DataLoader([1.0], batch_size=1)"


def rewritten(text: str) -> str:
    program = laid_out(f"{PARSER}{textwrap.dedent(text).strip()}\n{LOADER}\n")
    source = without_derived(program.sources, program.flow, program.settings)["train.py"]
    return middle(source).removeprefix(PARSER).removesuffix(LOADER).strip()


@pytest.mark.parametrize("text", ["size = args.n * 2", "args.n = args.n + 1\nargs.n = 3", "other.x = args.n"])
def test_the_rest_stays(text: str) -> None:
    assert rewritten(f"other = parser\n{text}") == f"other = parser\n{text}"


def test_a_value_that_is_computed_is_a_variable() -> None:
    before = """
        args.size = args.n * 2
        print(args.size, args.n)
        """
    assert rewritten(before) == "size = args.n * 2\nprint(size, args.n)"


def test_an_option_is_read_until_it_is_set_anew() -> None:
    before = """
        print(args.n)
        args.n = args.n * 2
        print(args.n)
        """
    assert rewritten(before) == "print(args.n)\nn = args.n * 2\nprint(n)"


def test_a_name_that_is_taken_gets_that_of_its_owner() -> None:
    assert rewritten("size = 1\nargs.size = args.n\nprint(args.size)") == (
        "size = 1\nargs_size = args.n\nprint(args_size)"
    )
