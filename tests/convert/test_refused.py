"""What cannot be the same training is refused with its code and line, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.errors import ParityError
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

FOLDER = Path(__file__).parent.parent / "corpus/refused"
MANIFEST: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("refused.yaml").read_text())
pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("refused") / "project", "bare").root


def test_every_program_is_listed() -> None:
    assert {file.stem for file in FOLDER.glob("*.py")} == {*MANIFEST}


@pytest.mark.parametrize("name", MANIFEST)
def test_a_program_is_refused_with_its_reason(
    project: Path, name: str, record_property: Callable[[str, str], None]
) -> None:
    record_property("corpus", "FAIL")
    before = sorted(project.rglob("*"))
    with pytest.raises((Refused, ParityError)) as caught:
        convert(Script(FOLDER / f"{name}.py"), project)
    code = caught.value.code if isinstance(caught.value, Refused) else "error"
    assert (code, MANIFEST[name]["told"] in str(caught.value)) == (MANIFEST[name]["code"], True), str(
        caught.value
    )
    assert sorted(project.rglob("*")) == before
    record_property("corpus", "refused")
