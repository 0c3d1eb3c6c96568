"""Files of settings that the command line names without a parser."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_loop import FILES, LOADER, OPTIMIZER, PROGRAM

from hydra_lightning.convert.convert import convert
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

pytestmark = pytest.mark.usefixtures("forked")
CHOSEN = 'path = sys.argv[1] if len(sys.argv) > 1 else "settings.yaml"\n'
TABLES = 'TABLE = "table.json"\n'
READ = "with open({}) as file:\n    settings = yaml.safe_load(file)\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("typed") / "project", "bare").root


@pytest.mark.parametrize(
    ("reading", "arguments", "rate"),
    [
        (CHOSEN + READ.format("path"), (), 0.05),
        (CHOSEN + READ.format("path"), ("other.yaml",), 0.07),
        (READ.format("sys.argv[1]"), ("other.yaml",), 0.07),
        (READ.format('"settings.yaml"'), (), 0.05),
    ],
)
def test_the_settings_of_a_file_that_is_typed(
    project: Path, tmp_path: Path, reading: str, arguments: tuple[str, ...], rate: float
) -> None:
    (tmp_path / "settings.yaml").write_text("lr: 0.05 # learning rate\nbatch: 8\n")
    (tmp_path / "other.yaml").write_text("lr: 0.07\nbatch: 8\n")
    (tmp_path / "table.json").write_text('{"lr": 3}')
    program = PROGRAM.replace("import random\n", f"import sys\n\nimport yaml\n\n{TABLES}{reading}")
    program = program.replace(LOADER, LOADER.replace("batch_size=8", 'batch_size=settings["batch"]'))
    program = program.replace(OPTIMIZER, OPTIMIZER.replace("0.05", 'settings["lr"]'))
    (tmp_path / "row.py").write_text(program)
    found = convert(Script(tmp_path / "row.py", arguments), project)
    assert found.verdict is not None
    assert (found.verdict.status, found.to_do) == ("PASS", [])
    assert found.keys == {"settings['lr']": "model.optimizer.lr", "settings['batch']": "data.batch"}
    assert f"  lr: {rate}" in found.files[FILES["model"]]
    assert "argv" not in "".join(text for path, text in found.files.items() if path.endswith(".py"))
