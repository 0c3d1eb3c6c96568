"""Each rule of conversion has a tempting wrong form, which parity catches, and says what differs first.

The programs are in ``wrong_forms``. Each is converted and proved; then what was written of it is changed in each way
that ``wrong_forms.yaml`` names, and compared with the same recording. Where only what is logged is wrong, the numbers
that the program prints say so.
"""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydra_lightning.convert.agreement import logged_as_printed
from hydra_lightning.convert.convert import Conversion, convert, write
from hydra_lightning.parity.sides import Experiment, Limits, Script
from hydra_lightning.parity.verdict import judge, text
from hydra_lightning.scaffold.new import new_project

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs" / "how-to" / "convert.md"
MANIFEST: dict[str, Any] = yaml.safe_load((HERE / "wrong_forms.yaml").read_text())
FORMS = [(name, form) for name, program in MANIFEST["programs"].items() for form in program["forms"]]
QUIET = (
    "extras.print_config=false",
    "+trainer.enable_progress_bar=false",
    "+trainer.enable_model_summary=false",
)
WHERE = {
    "model": "configs/model/{}.yaml",
    "data": "configs/data/{}.yaml",
    "experiment": "configs/experiment/{}.yaml",
    "components": "lightning_classes/models/components/{}.py",
    "module": "lightning_classes/models/{}_module.py",
    "datamodule": "lightning_classes/data/{}_datamodule.py",
}
Convert = Callable[[str], Conversion]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_project(tmp_path_factory.mktemp("wrong") / "project", "bare").root


@pytest.fixture(scope="module")
def right(bare: Path) -> Convert:
    """The conversion of a program, made once."""

    @functools.cache
    def converted(name: str) -> Conversion:
        limits = Limits(epochs=MANIFEST["programs"][name].get("epochs", 2))
        return convert(Script(HERE / "wrong_forms" / f"{name}.py"), bare, limits=limits)

    return converted


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(("name", "form"), FORMS, ids=[f"{name}-{form['form']}" for name, form in FORMS])
def test_parity_catches_the_wrong_form(
    bare: Path, right: Convert, tmp_path: Path, name: str, form: dict[str, Any]
) -> None:
    found = right(name)
    project = shutil.copytree(bare, tmp_path / "project")
    write(found, project)
    for part, changes in form["change"].items():
        file = project / WHERE[part].format(name)
        content = file.read_text()
        for old, new in changes.items():
            assert content.count(old) == 1, f"{old!r} is {content.count(old)} times in\n{content}"
            content = content.replace(old, new)
        file.write_text(content)
    seed = found.tape.facts["seed"]
    verdict = judge(found.tape, None, Experiment(project, (f"experiment={name}", *QUIET)), Limits(), seed)
    if "metric" in form:
        places = {each.name: each.sites for each in found.metrics}
        assert all(each.times and each.differs is None for each in found.metrics), found.metrics
        metrics = logged_as_printed(found.tape, verdict.tapes[1], places)
        assert verdict.status == "PASS", text(verdict)
        assert form["metric"] in [each.name for each in metrics if each.differs is not None]
        return
    assert verdict.status == "FAIL", text(verdict)
    difference = verdict.comparison and verdict.comparison.difference
    assert difference
    at = difference.step if form["at"] is None else form["at"]
    assert (difference.what, difference.step) == (form["what"], at), text(verdict)
    assert form.get("why", "") in text(verdict)


def test_every_rule_of_the_guide_has_a_wrong_form() -> None:
    rules = re.findall(
        r"^\| (.+?) \| .* \|$", GUIDE.read_text().partition("## What is refused")[0], re.MULTILINE
    )
    rules = [rule for rule in rules if rule not in ("in the script", "---")]
    known = {form["rule"] for _, form in FORMS} | {*MANIFEST["nothing to get wrong"]}
    assert [rule for rule in rules if rule not in known] == []
    assert [rule for rule in known if rule not in rules] == []
