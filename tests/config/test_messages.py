"""What a user reads after a mistake in a config or on the command line."""

from pathlib import Path

import hydra
import pytest

from hydra_lightning.config.messages import explain, nearest

FILES = {
    "train.yaml": "defaults:\n  - _self_\n  - model: small\n  - experiment: null\ntrainer:\n  max_epochs: 3\n",
    "model/small.yaml": "lr: 0.1\n",
    "experiment/wide.yaml": "# @package _global_\nmodel:\n  lr: 0.2\n",
    "experiment/other_model.yaml": "# @package _global_\ndefaults:\n  - override /model: smal\n",
    "experiment/broken.yaml": "# @package _global_\nmodel:\n  lr: [1\n",
    "experiment/no_base.yaml": "# @package _global_\ndefaults:\n  - nothere\n",
}


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path


def message(configs: Path, *overrides: str) -> str:
    with hydra.initialize_config_dir(str(configs), version_base="1.3"), pytest.raises(Exception) as raised:
        hydra.compose("train.yaml", overrides=list(overrides))
    text = explain(raised.value)
    assert text is not None
    return text


def test_unknown_option_names_the_nearest_and_all(configs: Path) -> None:
    text = message(configs, "experiment=wid")
    assert "no option 'wid' in group experiment. Did you mean wide?" in text
    assert "Options: broken, no_base, other_model, wide" in text


def test_unknown_option_inside_a_file_names_that_main_config(configs: Path) -> None:
    text = message(configs, "experiment=other_model")
    assert "no option 'smal' in group model. Did you mean small?" in text


def test_unknown_option_from_the_command_line_names_the_argument(
    configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "experiment=wid"])
    assert message(configs, "experiment=wid").startswith("command line, experiment=wid: ")


def test_a_missing_base_names_the_file_that_wants_it(configs: Path) -> None:
    text = message(configs, "experiment=no_base")
    assert text.startswith("In 'experiment/no_base': no option 'nothere' in group experiment.")
    assert "Options: broken, no_base, other_model, wide" in text


def test_unknown_key_names_the_nearest_and_how_to_add_one(configs: Path) -> None:
    text = message(configs, "trainer.max_epohs=1")
    assert "trainer.max_epohs: no such key. Did you mean max_epochs?" in text
    assert "+trainer.max_epohs=1" in text


def test_unknown_group_names_the_nearest(configs: Path) -> None:
    assert "modle: no such key. Did you mean model?" in message(configs, "modle=small")


def test_broken_yaml_names_file_line_and_column(configs: Path) -> None:
    assert f"{configs}/experiment/broken.yaml:4:1: this is not YAML" in message(configs, "experiment=broken")


@pytest.mark.parametrize("override", ["seed", "tags=[a", "x=${y"])
def test_what_is_not_an_override_is_quoted(configs: Path, override: str) -> None:
    text = message(configs, override)
    assert f"{override!r} is not an override" in text
    assert "key=value" in text


def test_other_errors_are_not_explained() -> None:
    assert explain(RuntimeError("a bug")) is None


@pytest.mark.parametrize(("name", "answer"), [("max_epoch", " Did you mean max_epochs?"), ("zzz", "")])
def test_nearest(name: str, answer: str) -> None:
    assert nearest(name, ["max_epochs", "devices"]) == answer
