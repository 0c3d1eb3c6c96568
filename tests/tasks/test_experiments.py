from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_lightning.config.experiment_differences import same
from hydra_lightning.config.layout import chosen_groups
from hydra_lightning.errors import ConfigError, ProjectError
from hydra_lightning.scaffold.new import new_project
from hydra_lightning.tasks.compose import compose
from hydra_lightning.tasks.experiments import changes, new_experiment


def plain(project: Path, *overrides: str, config_name: str = "train.yaml") -> Any:
    return OmegaConf.to_container(compose(project, overrides, config_name))


def write(project: Path, name: str, text: str) -> None:
    file = project / "configs" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(f"# @package _global_\n{text}")


def test_a_run_of_the_experiment_has_the_config_of_the_overrides(project: Path) -> None:
    overrides = [
        "experiment=digits",
        "model.net.hidden_sizes=[256,256]",
        "trainer=gpu",
        "+trainer.limit_train_batches=0.5",
        "logger=[csv,tensorboard]",
        "tags=[digits,wide]",
        "data.split_seed=${seed}",
        "task_name='1e-3'",
    ]
    file = new_experiment(project, "wide", overrides, "A wider\n MLP")
    assert file == project / "configs/experiment/wide.yaml"
    assert file.read_text().startswith("# @package _global_\n# A wider MLP\n\ndefaults:\n  - digits\n")
    assert same(plain(project, "experiment=wide"), plain(project, *overrides))


def test_without_a_description_the_overrides_are_the_first_comment(project: Path) -> None:
    text = new_experiment(project, "a", ["seed=1", "tags=[a,b]"]).read_text()
    assert text == "# @package _global_\n# The same as: seed=1 'tags=[a,b]'\n\ntags: [a, b]\nseed: 1\n"


def test_a_callback_that_was_removed_is_null(project: Path) -> None:
    new_experiment(project, "a", ["~callbacks.early_stopping", "~logger"])
    config = plain(project, "experiment=a")
    assert config["callbacks"]["early_stopping"] is None
    assert "logger" not in config


def test_keys_and_groups_of_hydra_stand_in_the_file_too(project: Path) -> None:
    file = new_experiment(project, "a", ["hydra.job.chdir=true", "hydra/job_logging=disabled"])
    assert "override /hydra/job_logging: disabled" in file.read_text()
    assert changes(project, ["a"]).keys.changed["hydra", "job", "chdir"] == (None, True)


def test_an_experiment_in_a_folder_builds_on_one_outside(project: Path) -> None:
    new_experiment(project, "ablations/lr", ["experiment=digits", "model.optimizer.lr=1"])
    new_experiment(project, "ablations/more", ["experiment=[fashion_mnist,ablations/lr]", "seed=1"])
    config = plain(project, "experiment=ablations/more")
    assert (config["model"]["optimizer"]["lr"], config["seed"], config["tags"]) == (1, 1, ["digits", "mlp"])
    assert "cnn" in config["model"]["net"]["_target_"]
    assert plain(project, "experiment=[ablations/more,digits]")["seed"] == 1


def test_a_main_config_without_the_group_gets_its_experiments_too(project: Path) -> None:
    new_experiment(project, "pred", ["mode=predict", "trainer=gpu"], config_name="eval.yaml")
    assert plain(project, "+experiment=pred", config_name="eval.yaml")["mode"] == "predict"
    assert changes(project, ["pred"], "eval.yaml").groups == {"trainer": ("default", "gpu")}


def test_a_file_that_is_there_is_kept(project: Path) -> None:
    before = (project / "configs/experiment/digits.yaml").read_text()
    with pytest.raises(ProjectError, match=r"digits\.yaml exists\. Delete it, or take another name"):
        new_experiment(project, "digits", ["seed=1"])
    assert (project / "configs/experiment/digits.yaml").read_text() == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.max_epoch=1"], r"trainer\.max_epoch: no such key\. Did you mean max_epochs\?"),
        (["logger=wnb"], r"no option 'wnb' in group logger\. Did you mean wandb\?"),
        (["logger=null"], r"logger=null: no option of a group is written ~logger"),
        (["model.optimizer.lr=0.1,0.2"], r"an experiment is one run"),
        (["hydra.searchpath=[file:///x]"], r"searchpath"),
    ],
)
def test_nothing_is_written_for_overrides_that_do_not_compose(
    project: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        new_experiment(project, "new/folder/a", overrides)
    assert not (project / "configs/experiment/new").exists()


def test_nothing_is_written_that_the_strict_check_refuses(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"1 problem, nothing was written(.|\n)*max_epochs=ten"):
        new_experiment(project, "a", ["trainer.max_epochs=ten"])
    assert not (project / "configs/experiment/a.yaml").exists()


def test_what_the_check_warns_of_is_said(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    new_experiment(project, "a", ["trainer.max_epochs=ten", "++strict=false"])
    assert "1 warning" in caplog.text


def test_nothing_is_written_where_settings_of_the_machine_would_win(project: Path) -> None:
    write(project, "local/default", "trainer: {devices: 7}")
    with pytest.raises(ConfigError, match=r"These keys would differ: trainer\.devices\n.*local"):
        new_experiment(project, "a", ["trainer.devices=2", "seed=1"])
    assert not (project / "configs/experiment/a.yaml").exists()


def test_what_an_experiment_changes_is_groups_and_keys(shared_project: Path) -> None:
    found = changes(shared_project, ["fashion_mnist"])
    assert found.groups == {"data": ("digits", "fashion_mnist"), "model/net": ("mlp", "cnn")}
    assert found.keys.changed["trainer", "max_epochs"] == (10, 5)
    assert found.keys.added["model", "net", "channels"] == [16, 32]
    assert found.keys.removed["model", "net", "hidden_sizes"] == [64, 128, 64]


def test_a_list_of_options_is_shown_as_one(project: Path) -> None:
    write(project, "experiment/a", "defaults: [override /logger: [csv, tensorboard]]")
    assert changes(project, ["a"]).groups == {"logger": ("csv", ["csv", "tensorboard"])}


def test_of_layered_experiments_the_last_wins(project: Path) -> None:
    write(
        project, "experiment/big", "defaults: [override /model/net: cnn]\nseed: 7\ntrainer: {max_epochs: 3}"
    )
    config = plain(project, "experiment=[digits,big]")
    assert (config["seed"], config["trainer"]["max_epochs"], config["model"]["optimizer"]["lr"]) == (
        7,
        3,
        0.003,
    )
    assert "cnn" in config["model"]["net"]["_target_"]
    assert plain(project, "experiment=[big,digits]")["trainer"]["max_epochs"] == 20
    found = changes(project, ["digits", "big"])
    assert found.groups == {"model/net": ("mlp", "cnn")}
    assert found.keys.changed["trainer", "max_epochs"] == (10, 3)


LAYERS = ["experiment", "hparams_search", "local", "debug"]


@pytest.fixture
def layered(project: Path) -> Path:
    """Every layer sets one key for itself and all below, chooses the logger, and sets a key that is its own."""
    write(
        project,
        "experiment/two",
        "defaults: [override /logger: mlflow]\ntrainer: {max_epochs: 1}\nx: {two: 1}",
    )
    for layer, (number, logger) in zip(
        LAYERS, [(2, "tensorboard"), (3, "wandb"), (4, "aim"), (5, "trackio")], strict=True
    ):
        name = "default" if layer == "local" else "all"
        text = f"defaults: [override /logger: {logger}]\ntrainer: {{max_epochs: {number}}}\nx: {{{layer}: 1}}"
        write(project, f"{layer}/{name}", text)
    return project


@pytest.mark.parametrize("config", ["digits", "text", "bare"])
def test_every_example_lists_the_layers_in_the_order_in_which_they_win(config: str, tmp_path: Path) -> None:
    assert [*chosen_groups(new_project(tmp_path / "p", config).root / "configs/train.yaml")][-4:] == LAYERS


@pytest.mark.parametrize(
    ("chosen", "epochs", "logger"),
    [
        ([], 4, "aim"),
        (["experiment=all"], 4, "aim"),
        (["experiment=all", "hparams_search=all"], 4, "aim"),
        (["experiment=all", "hparams_search=all", "debug=all"], 5, "trackio"),
        (["experiment=[all,two]", "debug=all"], 5, "trackio"),
        (["experiment=two", "debug=all", "trainer.max_epochs=6", "logger=csv"], 6, "csv"),
    ],
)
def test_what_stands_later_in_the_main_config_wins_in_keys_and_options(
    layered: Path, chosen: list[str], epochs: int, logger: str
) -> None:
    config = plain(layered, *chosen)
    assert (config["trainer"]["max_epochs"], [*config["logger"]]) == (epochs, [logger])


def test_without_local_settings_a_search_wins_over_experiments_of_which_the_last_wins(layered: Path) -> None:
    (layered / "configs/local/default.yaml").unlink()
    for chosen, epochs, logger in [
        (["experiment=[all,two]"], 1, "mlflow"),
        (["experiment=[two,all]"], 2, "tensorboard"),
        (["experiment=all", "hparams_search=all"], 3, "wandb"),
        (["hparams_search=all", "experiment=two"], 3, "wandb"),
    ]:
        config = plain(layered, *chosen)
        assert (config["trainer"]["max_epochs"], [*config["logger"]]) == (epochs, [logger])


def test_every_shipped_debug_option_turns_off_what_any_other_layer_turns_on(layered: Path) -> None:
    write(
        layered,
        "experiment/gpu",
        "defaults: [override /trainer: ddp, override /callbacks: ema]\ndata: {num_workers: 4}",
    )
    for option in ("default", "fdr", "limit", "overfit", "profiler"):
        config = plain(layered, "experiment=[all,gpu]", f"debug={option}")
        assert (config["callbacks"], config["logger"], config["task_name"]) == (None, None, "debug")
        trainer = config["trainer"]
        assert (trainer["accelerator"], trainer["devices"], trainer["strategy"]) == ("cpu", 1, "auto")
        assert config["extras"]["load_in_process"]
