"""Notebooks are programs: their code cells, without what IPython alone understands."""

from __future__ import annotations

from pathlib import Path

import pytest
from notebooks import notebook

from hydra_lightning.errors import ParityError
from hydra_lightning.parity.notebook import placed_in_cells, program_text
from hydra_lightning.parity.sides import Limits, Script, record


def test_code_cells_are_one_program_and_magics_are_comments(tmp_path: Path) -> None:
    file = notebook(
        tmp_path / "a.ipynb",
        "# Title",
        "%matplotlib inline\n!pip install torch\nx = 1\nx?",
        "%%bash\nrm -r /",
        "%%time\nif x:\n    %debug\ny = 10 % 3\n",
    )
    assert program_text(file) == "\n".join(
        [
            "# cell 2",
            "pass  # %matplotlib inline",
            "pass  # !pip install torch",
            "x = 1",
            "pass  # x?",
            "",
            "# cell 3",
            "# %%bash",
            "# rm -r /",
            "",
            "# cell 4",
            "# %%time",
            "if x:",
            "    pass  # %debug",
            "y = 10 % 3",
            "",
        ]
    )


def test_a_program_that_is_no_notebook_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1  # %magic\n")
    assert program_text(tmp_path / "a.py") == "x = 1  # %magic\n"
    assert placed_in_cells("a.py:1", tmp_path / "a.py", "x = 1") == "a.py:1"


def test_a_line_is_named_by_its_cell(tmp_path: Path) -> None:
    file = notebook(tmp_path / "a.ipynb", "x = 1", "# Text", "y = 2\nz = 3")
    text = program_text(file)
    assert text.splitlines()[5] == "z = 3"
    assert placed_in_cells("at a.ipynb:6, not b.ipynb:6", file, text) == "at a.ipynb cell 3:2, not b.ipynb:6"


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda file: file.write_text("{"), "not a notebook of format 4"),
        (lambda file: file.write_text('{"worksheets": []}'), "not a notebook of format 4"),
        (lambda file: notebook(file, "println(1)", language="julia"), "a notebook in julia"),
        (
            lambda file: notebook(file, "x = 1\nfiles = !ls"),
            "cell 1:2: uses what IPython alone can do: files = !ls",
        ),
    ],
)
def test_what_is_no_program_is_told(tmp_path: Path, write: object, told: str) -> None:
    file = tmp_path / "a.ipynb"
    write(file)  # type: ignore[operator]
    with pytest.raises(ParityError, match=told):
        program_text(file)


@pytest.mark.usefixtures("forked")
def test_a_notebook_is_recorded_and_its_mistakes_are_placed(tmp_path: Path) -> None:
    training = "import torch\nw = torch.nn.Linear(2, 1)\no = torch.optim.SGD(w.parameters(), 0.1)"
    loop = "for _ in range(5):\n    o.zero_grad()\n    w(torch.ones(4, 2)).sum().backward()\n    o.step()"
    file = notebook(tmp_path / "a.ipynb", "# One", "%matplotlib inline\n" + training, loop)
    before = file.read_bytes()
    tape = record(Script(file), Limits(), 1)
    assert len(tape.losses) == 5
    assert file.read_bytes() == before
    failing = notebook(tmp_path / "b.ipynb", training, loop, "x = 1\nraise ValueError('no')")
    with pytest.raises(ParityError, match=r"b.ipynb cell 3:2: b.ipynb fails by itself: ValueError: no"):
        record(Script(failing), Limits(), 1)
