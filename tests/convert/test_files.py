"""Settings are read from the files that a program reads them from."""

from pathlib import Path

import pytest
from laid_out import pieces

from hydra_lightning.convert.files import Entry, located, read_settings
from hydra_lightning.convert.settings import Setting

YAML = """# of the training
lr: 0.1 # learning rate
model:
  hidden: 32  # of each layer
  sizes: [1, 2]
not a name: 3
"""
ENTRIES = [
    Entry(("lr",), 0.1, "learning rate"),
    Entry(("model", "hidden"), 32, "of each layer"),
    Entry(("model", "sizes"), [1, 2], ""),
]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('cfg = yaml.safe_load(open("settings.yaml"))', []),
        ('with open("settings.yaml") as file:\n    cfg = yaml.load(file, yaml.SafeLoader)', []),
        ('cfg = OmegaConf.load("settings.yaml")', []),
        ("cfg = yaml.safe_load(open(args.config))", ["--config", "settings.yaml"]),
    ],
)
def test_yaml_with_its_comments(tmp_path: Path, text: str, arguments: list[str]) -> None:
    (tmp_path / "settings.yaml").write_text(YAML)
    (piece,) = pieces(text)
    assert read_settings(piece, tmp_path, arguments, {}) == ("cfg", ENTRIES)


def test_json(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"lr": 0.1, "model": {"hidden": 32}}')
    (piece,) = pieces('cfg = json.loads(open("settings.json").read())')
    entries = [Entry(("lr",), 0.1, ""), Entry(("model", "hidden"), 32, "")]
    assert read_settings(piece, tmp_path, [], {}) == ("cfg", entries)


@pytest.mark.parametrize(
    "text",
    [
        'cfg = pickle.load(open("settings.yaml"))',
        'cfg = yaml.safe_load(open("absent.yaml"))',
        'cfg.data = yaml.safe_load(open("settings.yaml"))',
        'text = open("settings.yaml").read()',
        'rows = yaml.safe_load(open("rows.yaml"))',
    ],
)
def test_what_is_no_file_of_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.yaml").write_text(YAML)
    (tmp_path / "rows.yaml").write_text("[1, 2]")
    (piece,) = pieces(text)
    assert read_settings(piece, tmp_path, [], {}) is None


def test_a_function_that_reads_them(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(YAML)
    function, piece = pieces(
        'def load(path):\n    return yaml.safe_load(open(path))\n\n\ncfg = load("settings.yaml")'
    )
    assert read_settings(piece, tmp_path, [], {"load": function}) == ("cfg", ENTRIES)
    assert read_settings(piece, tmp_path, [], {}) is None


def test_what_is_read_beside_the_program_gets_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ann")
    (tmp_path / "mnist").mkdir()
    given = {
        "words": "names.txt",
        "data_dir": "mnist",
        "dataset": "mnist",
        "out_dir": "mnist",
        "corpus": "gone.txt",
    }
    settings = {name: Setting(name, name, value, "", "", "train.py:1") for name, value in given.items()}
    found = {name: each.value for name, each in located(settings, tmp_path).items()}
    here = {"words": str(tmp_path / "names.txt"), "data_dir": str(tmp_path / "mnist")}
    assert found == given | here
