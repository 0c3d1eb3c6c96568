"""What configs read of the environment."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import Any

import yaml
from omegaconf import ListConfig
from omegaconf._utils import get_yaml_loader

from hydra_lightning.config.messages import nearest
from hydra_lightning.errors import ConfigError

REQUIRED = object()
TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def env(name: Any, default: Any = REQUIRED) -> Any:
    """The environment variable ``name``, read as what its default is; where it is not set, the default.

    A default that is text takes the value as it is; int, float and bool (true, yes, on, 1 and their opposites)
    want one; a list is written ``a,b`` or ``[a,b]``. Without a default, or with ``null``, and for the items of a
    list, the value is read as in a config file: ``8`` is a number, ``1e-3`` too, ``true`` is true.

    Raises:
        ConfigError: the variable is not set and has no default, or it cannot be read so.
    """
    if not isinstance(name, str):
        raise ConfigError(f"{name!r} is not the name of an environment variable")
    if name not in os.environ:
        if default is REQUIRED:
            raise ConfigError(
                f"the environment has no {name}.{nearest(name, os.environ)} Set it, or give a default"
            )
        return default
    return _read(name, os.environ[name], default)


def _read(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    if default is None or default is REQUIRED:
        return _as_in_a_config(name, text)
    if isinstance(default, (list, ListConfig)):
        return _as_in_a_config(name, text if text.lstrip().startswith("[") else f"[{text}]")
    try:
        if isinstance(default, bool):
            return TRUTH[text.strip().lower()]
        if isinstance(default, (int, float)):
            return type(default)(text)
    except (ValueError, KeyError):
        kind = type(default).__name__
        raise ConfigError(
            f"{name} is {text!r} in the environment, which is no {kind} as its default is"
        ) from None
    raise ConfigError(f"the default {default!r} is neither text, a number, true, false, null nor a list")


def _as_in_a_config(name: str, text: str) -> Any:
    """``text`` read by the loader that reads config files; the message keeps it to itself, it may be a password."""
    try:
        return yaml.load(text, Loader=get_yaml_loader())
    except yaml.YAMLError:
        raise ConfigError(
            f"{name} cannot be read as YAML. With a default that is text, even '', it is taken as it is"
        ) from None


def wandb_offline() -> bool:
    """Whether wandb would find no key: in the environment or where ``wandb login`` stores it, in a netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return False
    file = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    if not file.is_file():
        return True
    try:
        hosts = netrc.netrc(str(file)).hosts
    except (netrc.NetrcParseError, OSError):
        return True
    return not any("wandb" in host for host in hosts)


def comet_online() -> bool:
    """Whether there is a key for Comet in the environment."""
    return bool(os.environ.get("COMET_API_KEY"))
