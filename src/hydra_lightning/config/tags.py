"""The tags of a run: those of the config, and those that ``add_tags`` puts to them."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from hydra_lightning.config.messages import explain
from hydra_lightning.errors import ConfigError


def join_tags(config: DictConfig) -> None:
    """Make ``config.tags`` the whole list, ``tags`` and then ``add_tags`` without repetition, and drop ``add_tags``.

    Hydra can replace a list but not append to it. Either key may be one word, a list of words, or null; words that
    YAML reads as numbers become text. ``tags: ???`` is left for the check of missing values.

    Raises:
        ConfigError: one of them is neither, or does not resolve; names the key.
    """
    if OmegaConf.is_missing(config, "tags") or not ("tags" in config or "add_tags" in config):
        return
    together = dict.fromkeys([*_words(config, "tags"), *_words(config, "add_tags")])
    with open_dict(config):
        config.pop("add_tags", None)
        config.tags = list(together)


def _words(config: DictConfig, key: str) -> list[str]:
    try:
        value: Any = config.get(key)
        words = list(value) if isinstance(value, ListConfig) else [] if value is None else [value]
    except OmegaConfBaseException as error:
        raise ConfigError(f"{key}: {explain(error)}") from error
    for word in words:
        if not isinstance(word, (str, int, float)) or isinstance(word, bool):
            raise ConfigError(f"{key}: a tag is a word, and {word!r} is none. Right: {key}=[baseline,wide]")
    return [str(word) for word in words]
