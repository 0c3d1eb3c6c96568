"""Every script of the corpus becomes what its manifest says, and none is written that trains differently."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydra_lightning.convert.convert import convert
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.parity.sides import Script
from hydra_lightning.scaffold.new import new_project

CORPUS = Path(__file__).parent.parent / "corpus"
MANIFEST: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("corpus.yaml").read_text())
pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("corpus") / "project", "bare").root


@pytest.mark.parametrize("name", MANIFEST)
def test_a_script_becomes_what_the_manifest_says(
    project: Path, name: str, record_property: Callable[[str, str], None]
) -> None:
    entry = MANIFEST[name]
    record_property("corpus", "FAIL")
    folder = CORPUS / "scripts" / name
    arguments = [
        os.path.normpath(folder / each) if each.startswith("..") else each
        for each in entry.get("arguments", ())
    ]
    script = Script(folder / entry["file"], tuple(arguments))
    if entry["expect"] != "pass":
        with pytest.raises(Refused) as caught:
            convert(script, project, name=f"corpus_{name}")
        record_property("corpus", "refused")
        assert caught.value.code == entry["expect"], caught.value
        return
    found = convert(script, project, name=f"corpus_{name}")
    assert found.verdict.status == "PASS"
    record_property("corpus", "to do" if found.to_do else "PASS")
    assert len(found.to_do) == entry.get("to_do", 0), found.to_do
