"""`add_tags` puts words to the tags that the config has, wherever it is written."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf
from processes import record, run_script

from hydra_lightning.config.tags import join_tags
from hydra_lightning.errors import ConfigError
from hydra_lightning.tasks.compose import compose
from hydra_lightning.tasks.run import run_of

TEMPLATE_PROJECT = Path(__file__).parents[1] / "fixtures" / "template_project"


def joined(**keys: Any) -> list[str]:
    config = OmegaConf.create(keys)
    OmegaConf.set_struct(config, True)
    join_tags(config)
    assert "add_tags" not in config
    return list(config.tags)


@pytest.mark.parametrize(
    ("overrides", "tags"),
    [
        ([], ["dev"]),
        (["add_tags=baseline"], ["dev", "baseline"]),
        (["add_tags=[baseline,wide]"], ["dev", "baseline", "wide"]),
        (["experiment=digits", "add_tags=baseline"], ["digits", "mlp", "baseline"]),
        (["experiment=digits", "add_tags=[mlp,baseline]"], ["digits", "mlp", "baseline"]),
        (["tags=[a]", "add_tags=b"], ["a", "b"]),
        (["tags=a", "add_tags=b"], ["a", "b"]),
        (["add_tags=2026"], ["dev", "2026"]),
    ],
)
def test_tags_are_added_on_the_command_line(
    shared_project: Path, overrides: list[str], tags: list[str]
) -> None:
    assert compose(shared_project, overrides).tags == tags


def test_tags_are_added_in_evaluation(shared_project: Path) -> None:
    assert compose(shared_project, ["add_tags=baseline"], "eval.yaml").tags == ["dev", "baseline"]


def test_tags_are_added_by_a_project_whose_configs_do_not_know_the_key() -> None:
    assert compose(TEMPLATE_PROJECT, ["+add_tags=baseline"]).tags == ["dev", "baseline"]


def test_tags_are_added_by_an_experiment_and_by_the_settings_of_a_machine(project: Path) -> None:
    configs = project / "configs"
    (configs / "local/default.yaml").write_text("# @package _global_\nadd_tags: laptop\n")
    assert compose(project, ["experiment=digits"]).tags == ["digits", "mlp", "laptop"]
    (configs / "local/default.yaml").unlink()
    (configs / "experiment/mine.yaml").write_text("# @package _global_\nadd_tags: [mine]\n")
    assert compose(project, ["experiment=[digits,mine]"]).tags == ["digits", "mlp", "mine"]


def test_run_json_the_saved_config_and_loggers_agree(project: Path) -> None:
    pytest.importorskip("wandb")
    config = _as_hydra_gives_it(project, "logger=wandb", "add_tags=baseline")
    with run_of(config) as (run, ready, plain):
        tags = ["dev", "baseline"]
        assert run.data["tags"] == ready.tags == plain["logger"]["wandb"]["tags"] == tags
        saved = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert saved["tags"] == saved["logger"]["wandb"]["tags"] == record(run.folder)["tags"] == tags
    assert "add_tags" not in saved


def test_every_job_of_a_sweep_has_its_own(project: Path) -> None:
    done = run_script(project, "train.py", "-m", "add_tags=a,b", "train=false", "test=false")
    assert done.returncode == 0, done.stderr
    runs = sorted((project / "logs/train/sweeps").glob("*/*/run.json"))
    assert sorted(record(run.parent)["tags"] for run in runs) == [["dev", "a"], ["dev", "b"]]


def test_a_run_that_only_adds_tags_is_not_asked_for_any(project: Path) -> None:
    config = _as_hydra_gives_it(project, "tags=[]", "add_tags=baseline")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with run_of(config) as (run, _, _):
            assert run.data["tags"] == ["baseline"]


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing_added_changes_nothing(nothing: Any) -> None:
    assert joined(tags=["b", "a"], add_tags=nothing) == ["b", "a"]
    assert joined(tags=nothing, add_tags=nothing) == []


def test_a_config_without_tags_gets_none() -> None:
    config = OmegaConf.create({"seed": 1})
    join_tags(config)
    assert config == {"seed": 1}


def test_tags_that_are_left_to_give_stay_so() -> None:
    config = OmegaConf.create({"tags": "???", "add_tags": "a"})
    join_tags(config)
    assert OmegaConf.is_missing(config, "tags")


@pytest.mark.parametrize("wrong", [{"a": 1}, [["a"]], True])
def test_what_is_no_tag_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"^add_tags: a tag is a word.* Right: add_tags=\["):
        joined(tags=[], add_tags=wrong)


def test_tags_that_do_not_resolve_are_named() -> None:
    with pytest.raises(ConfigError, match=r"add_tags: .*nowhere"):
        joined(tags=[], add_tags="${nowhere}")


def _as_hydra_gives_it(project: Path, *overrides: str) -> DictConfig:
    """What `train` gets from Hydra, where ``add_tags`` still stands for itself."""
    config = compose(project, [*overrides, "extras.print_config=false"])
    added = config.tags[-1]
    OmegaConf.set_struct(config, False)
    config.tags, config.add_tags = config.tags[:-1], added
    return config
