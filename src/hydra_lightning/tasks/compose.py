"""A project's config in Python: for notebooks, tests and services."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from hydra_lightning.config.messages import explain
from hydra_lightning.config.project import enter_project
from hydra_lightning.config.resolvers import register_resolvers
from hydra_lightning.config.tags import join_tags
from hydra_lightning.errors import ConfigError
from hydra_lightning.runs.folder import register_run_id


def compose(
    project: str | Path = ".", overrides: Sequence[str] = (), config_name: str = "train.yaml"
) -> DictConfig:
    """The config that ``python lightning_classes/train.py OVERRIDES`` would run with.

    ``hydra_lightning.train(compose(...))`` trains it, in a run folder of its own.

    Args:
        project: the project's folder, the one that holds ``configs/``.
        overrides: as on the command line, ``["experiment=digits", "trainer.max_epochs=3"]``.
        config_name: the main config.

    Raises:
        ConfigError: the project has no ``configs/``, or the config does not compose; says where and why.
    """
    try:
        config, _ = compose_raw(config_folder(project), overrides, config_name)
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        raise ConfigError(told) from error
    join_tags(config)
    return config


def config_folder(project: str | Path) -> Path:
    """The folder of a project's configs; ConfigError when it has none."""
    configs = Path(project).expanduser().resolve() / "configs"
    if not configs.is_dir():
        raise ConfigError(f"{configs}: no such folder; a project has one (hydra-lightning new writes it).")
    return configs


def prepare(configs: Path) -> None:
    """Ready this process for the configs of a project: its root, the resolvers, the id of a run."""
    enter_project(configs)
    register_resolvers()
    register_run_id()
    store = ConfigStore.instance()
    # Hydra copies this singleton a hundred times while it composes, a third of a second, and changes no copy.
    store.__deepcopy__ = lambda memo: store  # type: ignore[attr-defined]


def compose_raw(configs: Path, overrides: Sequence[str], config_name: str) -> tuple[DictConfig, DictConfig]:
    """The composed config and Hydra's own node of it; raises what Hydra, OmegaConf and PyYAML raise."""
    prepare(configs)
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(configs), version_base="1.3"):
        config = hydra.compose(config_name, overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    own = config.hydra
    config = copy.deepcopy(config)
    with open_dict(config):
        del config["hydra"]
    return config, own
