"""Experiments from runs: one run of a Hydra application, and others as Python programs record them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf
from processes import TINY, record, run_afresh, runs_in

from hydra_lightning.config.experiment_differences import same
from hydra_lightning.errors import RunError
from hydra_lightning.runs.record import open_run
from hydra_lightning.scaffold.new import new_project
from hydra_lightning.tasks.compose import compose
from hydra_lightning.tasks.experiment_from_run import overrides_of_run
from hydra_lightning.tasks.experiments import new_experiment

TYPED = [
    *TINY,
    "experiment=digits",
    "seed=null",
    "logger=[csv,tensorboard]",
    "model.optimizer.lr=1e-4",
]


RECORD = """\
import hydra_lightning
from hydra_lightning.tasks.run import run_of


@hydra_lightning.main()
def main(config):
    with run_of(config):
        pass


main()
"""


@pytest.fixture(scope="module")
def with_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one run, recorded as train.py does but without training."""
    project = new_project(tmp_path_factory.mktemp("with_run") / "project", "digits").root
    (project / "lightning_classes/record.py").write_text(RECORD)
    done = run_afresh(project, "record.py", *TYPED, f"paths.data_dir={project.parent}")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def project(with_run: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed; its run was recorded in the first place."""
    return Path(shutil.copytree(with_run, tmp_path / "project"))


def run_of(project: Path) -> Path:
    return runs_in(project)[0]


def edit(project: Path, config: str, old: str, new: str) -> None:
    file = project / "configs" / f"{config}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def repeats(project: Path, name: str, *besides: str) -> bool:
    """Whether ``experiment=NAME`` composes to the run's config but for the paths, and for the keys ``besides``."""
    saved: Any = OmegaConf.load(run_of(project) / "config.yaml")
    now = compose(project, [f"experiment={name}"])
    now.paths = saved.paths
    OmegaConf.set_struct(now, False)
    for key in besides:
        above, _, last = key.rpartition(".")
        del OmegaConf.select(now, above)[last]
    return same(OmegaConf.to_container(now, resolve=True), OmegaConf.to_container(saved))


def test_with_the_same_configs_it_is_what_was_typed_and_the_seed_that_was_drawn(project: Path) -> None:
    past = overrides_of_run(project, "@last")
    seed = record(run_of(project))["seed"]
    assert past.overrides == [*TYPED, f"++seed={seed}"]
    assert past.run_id == run_of(project).name
    assert [note.split("=")[0] for note in past.notes] == ["left out: paths.data_dir"]
    file = new_experiment(project, "again", past.overrides)
    assert f"\nseed: {seed}\n" in file.read_text()
    assert repeats(project, "again")


def test_further_overrides_go_on_top(project: Path) -> None:
    past = overrides_of_run(project, run_of(project).name[-4:])
    new_experiment(project, "again", [*past.overrides, "seed=1", "model/net=cnn", "~callbacks"])
    config = compose(project, ["experiment=again"])
    assert (config.seed, config.model.optimizer.lr, "callbacks" in config) == (1, 1e-4, False)
    assert config.model.net._target_.endswith("CNN")


def test_defaults_that_have_changed_are_written_as_they_were(project: Path) -> None:
    edit(project, "model/digits", "weight_decay: 0.0", "weight_decay: 0.7")
    edit(project, "data/digits", "batch_size: 64", "batch_size: 128")
    edit(project, "data/digits", "pin_memory: false", "")
    edit(project, "experiment/digits", "tags: [digits, mlp]", "tags: [other]")
    edit(project, "trainer/default", "gradient_clip_val: null", "gradient_clip_val: 1.0")
    overrides = overrides_of_run(project, "@last").overrides
    assert overrides[len(TYPED) :] == [
        "++tags=['digits','mlp']",
        f"++seed={record(run_of(project))['seed']}",
        "++data.batch_size=64",
        "++model.optimizer.weight_decay=0.0",
        "++trainer.gradient_clip_val=null",
        "++data.pin_memory=false",
    ]
    new_experiment(project, "again", overrides)
    assert repeats(project, "again")


def test_an_option_that_was_the_default_is_chosen(project: Path) -> None:
    shutil.copy(project / "configs/model/digits.yaml", project / "configs/model/other.yaml")
    edit(project, "model/other", "Adam", "AdamW")
    edit(project, "train", "- model: digits", "- model: other")
    edit(project, "experiment/digits", "  - override /model: digits\n", "")
    past = overrides_of_run(project, "@last")
    assert "model=digits" in past.overrides
    new_experiment(project, "again", past.overrides)
    assert repeats(project, "again")


def test_what_no_longer_composes_is_written_as_values_and_said(project: Path) -> None:
    (project / "configs/experiment/digits.yaml").unlink()
    edit(project, "trainer/default", "min_epochs: 1", "limit_train_batches: 1.0\noverfit_batches: 0.0")
    past = overrides_of_run(project, "@last")
    assert "experiment=digits" not in past.overrides
    assert past.notes[1:] == [
        "its values are written, as it no longer composes: +trainer.limit_train_batches=5",
        "its values are written, as it no longer composes: experiment=digits",
        "in today's configs, but not in the run's: trainer.overfit_batches",
    ]
    new_experiment(project, "again", past.overrides)
    assert repeats(project, "again", "trainer.overfit_batches")


def test_a_callback_that_came_later_is_left_out(project: Path) -> None:
    file = project / "configs/callbacks/model_checkpoint.yaml"
    file.write_text(file.read_text() + "\nema:\n  _target_: hydra_lightning.training.ema.EMA\n")
    past = overrides_of_run(project, "@last")
    assert "~callbacks.ema" in past.overrides
    new_experiment(project, "again", past.overrides)
    assert compose(project, ["experiment=again"]).callbacks.ema is None


def test_a_value_below_the_project_moves_with_it(project: Path) -> None:
    saved = run_of(project) / "config.yaml"
    config = yaml.safe_load(saved.read_text())
    root = config["paths"]["root_dir"]
    config["logger"]["tensorboard"]["save_dir"] = f"{root}/model/x"
    config["callbacks"]["model_checkpoint"]["dirpath"] = f"{config['paths']['output_dir']}/y"
    config["tags"] = [f"{root}/a", f"{root}x"]
    saved.write_text(yaml.safe_dump(config))
    file = new_experiment(project, "again", overrides_of_run(project, "@last").overrides)
    written = yaml.safe_load(file.read_text())
    assert written["logger"]["tensorboard"]["save_dir"] == "${paths.root_dir}/model/x"
    assert written["callbacks"]["model_checkpoint"]["dirpath"] == "${paths.output_dir}/y"
    assert written["tags"] == ["${paths.root_dir}/a", f"{root}x"]


def recorded(project: Path, name: str, overrides: list[str], **fields: Any) -> Path:
    """A run as a Python program records it: without Hydra's files."""
    folder = project / "logs/train/runs" / name
    composed = compose(project, overrides)
    composed.paths.output_dir = str(folder)
    config: Any = OmegaConf.to_container(composed, resolve=True)
    settings: dict[str, Any] = {
        "root": project,
        "task": "train",
        "experiment": None,
        "tags": [],
        "command": "",
        "overrides": overrides,
        "seed": 1,
        "devices": {},
        "config": config,
    }
    with open_run(folder, **(settings | fields)):
        pass
    return folder


def test_text_that_looks_like_an_override_or_an_interpolation_is_taken_over(project: Path) -> None:
    texts = ["it's", "a\\'b\\", "1e-3", "a,b", "null", "", "two\nlines", r"\${seed}", "é {x: 1}", "a=b"]
    folder = recorded(project, "2030-01-01_00-00-00_aaaa", ["++strict=false"])
    saved: Any = OmegaConf.load(folder / "config.yaml")
    saved.data.texts = texts
    saved.data.nested = {"list": [{"a": "it's"}, 1, None, True, 0.1], "none": {}}
    OmegaConf.save(saved, folder / "config.yaml")
    past = overrides_of_run(project, str(folder))
    assert past.notes == []
    new_experiment(project, "again", past.overrides)
    config: Any = OmegaConf.to_container(compose(project, ["experiment=again"]).data)
    assert config["texts"] == texts
    assert config["nested"] == {"list": [{"a": "it's"}, 1, None, True, 0.1], "none": {}}


def test_the_names_of_a_run_in_a_sweep_are_not_taken_over(project: Path) -> None:
    sweep = {"id": "2030-01-01_00-00-00_swee", "trial": 0, "params": {"seed": "3"}}
    folder = recorded(project, "2030-01-01_00-00-01_aaaa", ["logger=wandb", "seed=3"], sweep=sweep)
    saved: Any = OmegaConf.load(folder / "config.yaml")
    saved.logger.wandb.name = saved.logger.wandb.id = folder.name
    OmegaConf.save(saved, folder / "config.yaml")
    assert overrides_of_run(project, str(folder)).overrides == ["logger=wandb", "seed=3"]


def test_a_debug_run_is_refused(project: Path) -> None:
    folder = recorded(project, "2030-01-01_00-00-00_aaaa", ["debug=fdr"])
    with pytest.raises(RunError, match=r"_aaaa is a debug run \(debug=fdr\)"):
        overrides_of_run(project, folder.name)


def test_a_run_of_another_main_config_is_refused(project: Path) -> None:
    with pytest.raises(RunError, match=r"is a run of train\.yaml, not of eval\.yaml"):
        overrides_of_run(project, "@last", "eval.yaml")


def test_a_run_that_is_not_there_or_has_no_config_is_named(project: Path) -> None:
    with pytest.raises(RunError, match="No run 'zzzz'"):
        overrides_of_run(project, "zzzz")
    (run_of(project) / "config.yaml").unlink()
    with pytest.raises(RunError, match=r"config\.yaml: the run's saved config cannot be read"):
        overrides_of_run(project, "@last")
