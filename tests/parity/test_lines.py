"""The lines of a program that were run are known, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_lightning.parity.sides import Limits, Script, record

TRAIN = """
import torch

net = torch.nn.Linear(1, 1)
net(torch.ones(1, 1)).sum().backward()
"""
PROGRAM = '''"""Picks."""

from __future__ import annotations


def pick(n):
    """One or many."""
    if n > 1:
        return "many"
    elif n < 0: return "none"
    return "one"


def never():
    return 1


class Picks:
    total = 0

    @property
    def first(self): ...


for _ in range(3):
    try:
        int("one")
    except ValueError:
        pick(1)
    else:
        never()
    finally:
        last = (
            Picks().total
        )
'''


def lines(folder: Path, text: str) -> dict[str, list[int]]:
    (folder / "train.py").write_text(text + TRAIN)
    return record(Script(folder / "train.py"), Limits(), seed=0).lines


@pytest.mark.usefixtures("forked")
def test_statements_that_were_not_run_are_missing(tmp_path: Path) -> None:
    found = lines(tmp_path, PROGRAM)["train.py"]
    assert [line for line in found if line < 35] == [6, 8, 10, 11, 14, 18, 19, 22, 25, 26, 27, 29, 33]


@pytest.mark.usefixtures("forked")
def test_a_branch_that_is_taken_late_was_run(tmp_path: Path) -> None:
    late = "def f(n):\n    if n < 0:\n        return n\n    return 0\n\n\nfor n in range(100_000):\n    f(n)\nf(-1)\n"
    assert {2, 3, 4} <= {*lines(tmp_path, late)["train.py"]}


@pytest.mark.usefixtures("forked")
def test_modules_beside_the_program_are_known_also_where_they_were_compiled_before(tmp_path: Path) -> None:
    import py_compile

    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "picks.py").write_text(
        "def pick():\n    return 1\n\n\ndef never():\n    return 2\n"
    )
    (tmp_path / "helper.py").write_text("from package import picks\n\none = picks.pick()\n")
    (tmp_path / "unused.py").write_text("x = 1\n")
    py_compile.compile(str(tmp_path / "helper.py"))
    found = lines(tmp_path, "import helper\n\nassert helper.one == 1\n")
    assert found["helper.py"] == [1, 3]
    assert found["package/picks.py"] == [1, 2, 5]
    assert {*found} == {"train.py", "helper.py", "package/picks.py"}


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("wish", ["net = torch.compile(Net(), ", "net = Net(); net.compile("])
def test_marks_neither_split_what_is_compiled_nor_compile_it_again(tmp_path: Path, wish: str) -> None:
    (tmp_path / "train.py").write_text(f"""import torch
from torch._dynamo.utils import counters


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, x):
        if x.shape[0] > 4:
            return x
        return self.linear(x)


{wish}backend="eager", fullgraph=True)
for _ in range(3):
    net(torch.ones(1, 1)).sum().backward()
assert counters["stats"]["unique_graphs"] == 1, counters
""")
    tape = record(Script(tmp_path / "train.py"), Limits(), seed=0)
    assert tape.status == "completed"
    assert {11, 13} <= {*tape.lines["train.py"]}
    assert 12 not in tape.lines["train.py"]


@pytest.mark.usefixtures("forked")
def test_functions_that_another_library_compiles_have_no_marks(tmp_path: Path) -> None:
    text = """class numba:
    def njit(**options):
        return lambda function: (function, print(function.__code__.co_names))[0]


@numba.njit(cache=True)
def double(n):
    if n < 0:
        return 0
    return n * 2


assert double.__code__.co_names == ()
"""
    assert {7, 8, 9, 10} <= {*lines(tmp_path, text)["train.py"]}


@pytest.mark.usefixtures("forked")
def test_what_a_program_says_of_itself_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"""import inspect, pickle, sys

class Net:
    def f(self):
        return 1

assert inspect.getsource(Net.f) == "    def f(self):\\n        return 1\\n"
assert __name__ == "__main__" and __spec__ is None and __file__ == sys.argv[0]
assert isinstance(pickle.loads(pickle.dumps(Net())), Net)
{TRAIN}""")
    record(Script(tmp_path / "train.py"), Limits(), seed=0)
