"""A composed config as plain data: every interpolation resolved, nothing missing."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_lightning.config.messages import explain
from hydra_lightning.errors import ConfigError


def resolved(config: DictConfig) -> dict[str, Any]:
    """``config`` as plain containers.

    Raises:
        ConfigError: a value is still ``???``, or an interpolation does not resolve; names the key.
    """
    try:
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            keys = "\n".join(f"  {key}" for key in missing)
            raise ConfigError(f"These keys need a value (they are ???), in a config or as KEY=VALUE:\n{keys}")
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error)) from error
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
