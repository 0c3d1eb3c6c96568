from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hydra_lightning.commands.experiment import app
from hydra_lightning.errors import ConfigError


def call(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def test_new_writes_the_file_and_says_how_to_run_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "configs" / "model")
    output = call(
        "new", "ablations/wide.yaml", "seed=3", "~callbacks.early_stopping", "--description", "Wide"
    )
    assert (
        output.stdout == "configs/experiment/ablations/wide.yaml\nnext: train.py experiment=ablations/wide\n"
    )
    text = (project / "configs/experiment/ablations/wide.yaml").read_text()
    assert text.startswith("# @package _global_\n# Wide\n\nseed: 3\n")


def test_new_wants_something_to_write(shared_project: Path) -> None:
    with pytest.raises(ConfigError, match="give overrides, or --from RUN"):
        call("new", "empty", "--project", shared_project)
    assert (
        "No such option: --cfg"
        in call("new", "a", "--cfg", "job", "--project", shared_project, code=2).output
    )


def test_list_is_a_table(shared_project: Path) -> None:
    lines = call("list", "--project", shared_project / "configs").stdout.splitlines()
    assert lines[0].startswith("digits         The digits with a small MLP")
    assert lines[1].startswith("fashion_mnist  Fashion-MNIST with a small CNN")
    listed = json.loads(call("list", "--project", shared_project, "--format", "json").stdout)
    assert [entry["name"] for entry in listed] == ["digits", "fashion_mnist"]
    assert listed[1]["description"].startswith("Fashion-MNIST")


def test_list_of_none_says_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "train.yaml").touch()
    assert "hydra-lightning experiment new NAME" in call("list", "--project", tmp_path).stdout
    assert json.loads(call("list", "--project", tmp_path, "--format", "json").stdout) == []


def test_show_prints_groups_and_keys(shared_project: Path) -> None:
    lines = call("show", "fashion_mnist", "--project", shared_project).stdout.splitlines()
    shown = {" ".join(line.split()) for line in lines}
    assert {
        "data digits → fashion_mnist",
        "trainer.max_epochs 10 → 5",
        "+ model.net.channels [16, 32]",
        "- model.net.hidden_sizes [64, 128, 64]",
    } <= shown


@pytest.mark.parametrize("names", [["digits,fashion_mnist"], ["digits", "fashion_mnist"]])
def test_show_of_several_layers_them(shared_project: Path, names: list[str]) -> None:
    shown = json.loads(call("show", *names, "--project", shared_project, "--format", "json").stdout)
    assert shown["experiment"] == ["digits", "fashion_mnist"]
    assert shown["groups"]["data"] == {"from": "digits", "to": "fashion_mnist"}
    assert shown["changed"]["trainer.max_epochs"] == {"from": 10, "to": 5}
    assert shown["added"]["model.net.channels"] == [16, 32]
    assert shown["removed"]["model.net.hidden_sizes"] == [64, 128, 64]


def test_show_of_an_object_that_is_gone_is_one_line(project: Path) -> None:
    file = project / "configs/experiment/a.yaml"
    file.write_text("# @package _global_\ncallbacks: {early_stopping: null}\n")
    output = call("show", "a", "--project", project).stdout
    assert output == "  callbacks.early_stopping  lightning.pytorch.callbacks.EarlyStopping(…) → null\n"
    file.write_text("# @package _global_\nseed: 42\n")
    assert call("show", "a", "--project", project).stdout == "It changes nothing.\n"


def test_the_command_is_there_and_a_mistake_is_one_message(shared_project: Path) -> None:
    program = Path(sys.executable).parent / "hydra-lightning"
    done = subprocess.run(
        [program, "experiment", "show", "digit"],
        cwd=shared_project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no experiment 'digit'" in done.stderr
    assert "Did you mean digits?" in done.stderr
    assert "Traceback" not in done.stderr


def test_none_of_it_imports_torch(project: Path) -> None:
    code = f"""
import sys
from hydra_lightning.commands.experiment import app
app(["new", "a", "seed=3", "--project", {str(project)!r}], standalone_mode=False)
app(["show", "a", "--project", {str(project)!r}], standalone_mode=False)
assert not {{"torch", "lightning"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
