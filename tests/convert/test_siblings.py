"""What a program imports from modules beside it is written as if it were its own."""

import pytest

from hydra_lightning.convert.siblings import flattened, is_sibling, run_at_import
from hydra_lightning.convert.source import Source

ENGINE = "import numpy as np\nRATE = 0.1\n\n\ndef fit(model):\n    return model\n"


def files(**texts: str) -> dict[str, Source]:
    """Files by ``name`` or, below a folder, ``folder__name``; the first is the program."""
    paths = {f"{name.replace('__', '/')}.py": text for name, text in texts.items()}
    return {path: Source(path, text) for path, text in paths.items()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import engine\nengine.fit(net)", "import engine\nfit(net)"),
        ("import engine as e\ne.fit(net, lr=e.RATE)", "import engine as e\nfit(net, lr=RATE)"),
        ("from engine import fit as run\nrun(net)", "from engine import fit as run\nfit(net)"),
        ("import engine\nengine.absent(net)", "import engine\nengine.absent(net)"),
        ("import numpy as np\nnp.fit(net)", "import numpy as np\nnp.fit(net)"),
        ("def f():\n    import engine\n    engine.fit(1)", "def f():\n    import engine\n    fit(1)"),
    ],
)
def test_names_of_a_module(before: str, after: str) -> None:
    assert flattened(files(train=before, engine=ENGINE))["train.py"].text == after


@pytest.mark.parametrize(
    "text",
    [
        "import tools.engine\ntools.engine.fit(net)",
        "from tools import engine\nengine.fit(net)",
        "import tools.engine as e\ne.fit(net)",
    ],
)
def test_names_of_a_module_of_a_package(text: str) -> None:
    found = flattened(files(train=text, tools____init__="", tools__engine=ENGINE))
    assert found["train.py"].text.splitlines()[1] == "fit(net)"


def test_relative_imports_are_of_the_package() -> None:
    texts = {
        "train": "import tools.loop",
        "tools__loop": "from . import engine as e\ne.fit(1)",
        "tools__engine": ENGINE,
    }
    assert flattened(files(**texts))["tools/loop.py"].text.endswith("\nfit(1)")


def test_which_imports_are_of_the_program() -> None:
    sources = files(train="import engine\nimport torch\nfrom engine import fit\nx = 1\n", engine=ENGINE)
    found = [is_sibling(node, "train.py", sources) for node in sources["train.py"].tree.body]
    assert found == [True, False, True, False]


def test_modules_run_before_those_that_import_them_and_once() -> None:
    sources = files(
        train="import a\nimport b\nx = 1\n",
        a='"""Docs."""\nimport b\nfirst = b.second\n',
        b='second = 2\ndef f(): pass\nif __name__ == "__main__":\n    print(second)\n',
    )
    assert [piece.text() for piece in run_at_import(sources)] == ["second = 2", "first = b.second"]
