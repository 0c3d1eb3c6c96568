"""The tables of the reference name what is there, all of it and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from made_runs import open_plain_run

from hydra_lightning.scaffold.new import BARE, EXAMPLES, new_project

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def _first_columns(section: str) -> list[str]:
    """The first cell of every row of the tables in a section."""
    return [name for line in section.splitlines() if line.startswith("| `") for name in [line.split("|")[1]]]


def _names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_table_of_run_json_has_exactly_its_fields(tmp_path: Path) -> None:
    page = (REFERENCE / "run-folder.md").read_text().split("## run.json")[1]
    documented = set().union(*map(_names, _first_columns(page)))
    with open_plain_run(tmp_path / "run", tmp_path) as record:
        assert documented == set(record.data)


def test_the_table_of_groups_has_exactly_the_options_of_the_examples(tmp_path: Path) -> None:
    section = (REFERENCE / "configs.md").read_text().split("## Groups")[1].split("\n## ")[0]
    documented = {
        name: _names(line.split("|")[2])
        for line in section.splitlines()
        if line.startswith("| `")
        for name in _names(line.split("|")[1])
    }
    written: dict[str, set[str]] = {}
    for example in (*EXAMPLES, BARE):
        configs = new_project(tmp_path / example, example).root / "configs"
        for group in (folder for folder in configs.iterdir() if folder.is_dir()):
            written.setdefault(group.name, set()).update(file.stem for file in group.glob("*.yaml"))
    written["local"] = {"default"}
    assert documented == written


def test_the_tables_of_keys_have_exactly_the_keys_of_train_and_eval(tmp_path: Path) -> None:
    page = (REFERENCE / "configs.md").read_text()
    configs = new_project(tmp_path / "project", "digits").root / "configs"
    for name, more in (("train.yaml", {"weights_only"}), ("eval.yaml", set())):
        section = page.split(f"## Keys of {name}")[1].split("\n## ")[0]
        documented = set().union(*map(_names, _first_columns(section)))
        keys = re.findall(r"^(\w+):", (configs / name).read_text(), re.MULTILINE)
        assert documented == {key for key in keys if key != "defaults"} | more


def test_the_table_of_refusals_has_exactly_the_codes() -> None:
    section = (ROOT / "docs/how-to/convert.md").read_text().split("## What is refused")[1].split("\n## ")[0]
    documented = set().union(*map(_names, _first_columns(section)))
    patterns = {*_codes_of_refusals()}
    assert [each for each in patterns if not any(re.fullmatch(each, code) for code in documented)] == []
    assert [code for code in documented if not any(re.fullmatch(each, code) for each in patterns)] == []


def _codes_of_refusals() -> Iterator[str]:
    """The codes that conversion refuses with, as regular expressions: ``several-{kind}s`` is more than one."""
    for file in (ROOT / "src/hydra_lightning/convert").glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Refused":
                code = call.args[0]
                if isinstance(code, ast.JoinedStr):
                    yield "".join(
                        str(each.value) if isinstance(each, ast.Constant) else ".+" for each in code.values
                    )
                else:
                    yield from (each.value for each in ast.walk(code) if isinstance(each, ast.Constant))
