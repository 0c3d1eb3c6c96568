"""Where the runs of a project are."""

from __future__ import annotations

from pathlib import Path

from hydra_lightning.config.log_dir import plain_log_dir
from hydra_lightning.errors import ConfigError


def log_folder(project: str | Path, config_name: str = "train.yaml") -> Path:
    """The ``paths.log_dir`` of a project, composed only where it is not as plain as a new project has it.

    Raises:
        ConfigError: the defaults do not compose, or ``paths.log_dir`` does not resolve.
    """
    root = Path(project).expanduser().resolve()
    plain = plain_log_dir(root) if config_name == "train.yaml" else None
    if plain is not None:
        return plain
    from omegaconf.errors import OmegaConfBaseException

    from hydra_lightning.config.messages import explain
    from hydra_lightning.tasks.compose import compose

    config = compose(root, [], config_name)
    try:
        return Path(config.paths.log_dir)
    except OmegaConfBaseException as error:
        raise ConfigError(f"paths.log_dir: {explain(error)}") from error
