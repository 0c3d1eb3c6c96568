"""Every option of every group composes, and builds what it says."""

import importlib.util
from pathlib import Path

import pytest
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import OmegaConf

import hydra_lightning
from hydra_lightning.config.instantiate import instantiate
from hydra_lightning.config.requirements import missing_package
from hydra_lightning.errors import HydraLightningError
from hydra_lightning.scaffold.new import FILES


def options(group: str, example: str = "digits") -> list[str]:
    files = [
        file for layer in ("base", example) for file in (FILES / layer / "configs" / group).glob("*.yaml")
    ]
    return sorted(file.stem for file in files)


# A logger that cannot be installed beside the versions in constraints.txt.
NOT_INSTALLED = [name for name in ("aim",) if importlib.util.find_spec(name) is None]

GROUPS = (
    "callbacks",
    "data",
    "model",
    "experiment",
    "debug",
    "extras",
    "hparams_search",
    "hydra",
    "logger",
    "paths",
)


def compose(project: Path, *overrides: str, output: Path):
    return hydra_lightning.compose(
        project, [*overrides, f"paths.output_dir={output}", f"paths.log_dir={output}"]
    )


def test_every_group_has_the_options_that_the_readme_names() -> None:
    assert set(options("callbacks")) >= {
        "default",
        "model_checkpoint",
        "early_stopping",
        "model_summary",
        "rich_progress_bar",
        "learning_rate_monitor",
        "ema",
        "none",
    }
    assert options("debug") == ["default", "fdr", "limit", "overfit", "profiler"]
    assert set(options("logger")) == {
        "csv",
        "tensorboard",
        "mlflow",
        "wandb",
        "trackio",
        "comet",
        "aim",
        "many",
    }
    assert set(options("trainer")) == {"default", "cpu", "gpu", "mps", "ddp", "ddp_sim", "fsdp"}


@pytest.mark.parametrize("name", options("callbacks"))
def test_callbacks(shared_project: Path, tmp_path: Path, name: str) -> None:
    config = compose(shared_project, f"callbacks={name}", output=tmp_path)
    nodes = config.callbacks or {}
    built = [instantiate(config, f"callbacks.{key}") for key in nodes]
    assert all(isinstance(callback, Callback) for callback in built)
    assert bool(built) == (name != "none")


@pytest.mark.parametrize("name", options("logger"))
def test_loggers(shared_project: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path))
    config = compose(shared_project, f"logger={name}", output=tmp_path)
    if name in NOT_INSTALLED:
        assert missing_package(config.logger[name]["_target_"])
        return
    for key in config.logger:
        assert isinstance(instantiate(config, f"logger.{key}"), Logger)


@pytest.mark.parametrize("name", options("data"))
def test_data(shared_project: Path, tmp_path: Path, name: str) -> None:
    assert isinstance(
        instantiate(compose(shared_project, f"data={name}", output=tmp_path), "data"), LightningDataModule
    )


@pytest.mark.parametrize("name", options("model"))
def test_models(shared_project: Path, tmp_path: Path, name: str) -> None:
    assert isinstance(
        instantiate(compose(shared_project, f"model={name}", output=tmp_path), "model"), LightningModule
    )


@pytest.mark.parametrize("name", ["default", "cpu", "ddp", "ddp_sim"])
def test_trainers(shared_project: Path, tmp_path: Path, name: str) -> None:
    trainer = instantiate(
        compose(shared_project, f"trainer={name}", output=tmp_path), "trainer", logger=False
    )
    assert isinstance(trainer, Trainer)
    assert trainer.num_devices == (2 if name == "ddp_sim" else 1)


@pytest.mark.parametrize("name", ["gpu", "mps", "fsdp"])
def test_trainers_for_hardware_that_is_not_here_say_so(
    shared_project: Path, tmp_path: Path, name: str
) -> None:
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine has such a device")
    config = compose(shared_project, f"trainer={name}", output=tmp_path)
    with pytest.raises(Exception, match=r"(?i)accelerator|gpu|mps|device"):
        instantiate(config, "trainer", logger=False)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "bf16-true", "64-true"])
def test_precisions_of_the_cpu(shared_project: Path, tmp_path: Path, precision: str) -> None:
    trainer = instantiate(
        compose(shared_project, f"trainer.precision={precision}", output=tmp_path), "trainer", logger=False
    )
    assert trainer.precision == precision


@pytest.mark.parametrize("name", options("debug"))
@pytest.mark.parametrize("experiment", [None, *options("experiment")])
def test_debug_wins_over_every_experiment(
    shared_project: Path, tmp_path: Path, name: str, experiment: str | None
) -> None:
    chosen = [f"experiment={experiment}"] if experiment else []
    config = compose(shared_project, *chosen, f"debug={name}", output=tmp_path)
    assert config.task_name == "debug"
    assert config.callbacks is None
    assert config.logger is None
    assert config.trainer.accelerator == "cpu"
    assert config.extras.load_in_process


@pytest.mark.parametrize("example", ["digits", "text"])
def test_every_option_of_every_group_composes(example: str, tmp_path: Path) -> None:
    from hydra_lightning.scaffold.new import new_project

    project = new_project(tmp_path / "project", example).root
    for group in GROUPS:
        for name in options(group, example):
            config = compose(project, f"{group}={name}", output=tmp_path)
            assert OmegaConf.is_config(config), f"{group}={name}"


def test_an_uninstalled_logger_stops_before_anything_is_trained(
    shared_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "wandb" else find(name, *rest)
    )
    config = compose(shared_project, "logger=wandb", "extras.print_config=false", output=tmp_path)
    with pytest.raises(HydraLightningError, match=r"(?s)logger\.wandb.*pip install"):
        hydra_lightning.train(config)
    assert not list(tmp_path.rglob("run.json"))
