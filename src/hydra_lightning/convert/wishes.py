"""What a person decided about a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hydra_lightning.convert.settings import Setting
from hydra_lightning.errors import ConfigError


@dataclass(frozen=True)
class Wishes:
    """What a person decided about a conversion, in its plan.

    Attributes:
        steps: ``automatic`` or ``manual``; None leaves it to the program.
        keys: the key of settings, by their option or the name of their constant.
    """

    steps: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def wished(settings: Mapping[str, Setting], keys: Mapping[str, str]) -> dict[str, Setting]:
    """The settings with the names that ``keys`` gives them.

    Raises:
        ConfigError: the program has no setting of that name, or a key is no key.
    """
    known = {setting.option or code for code, setting in settings.items()}
    for name, key in keys.items():
        if name not in known:
            raise ConfigError(
                f"The plan has a setting {name} that the program has not: {', '.join(sorted(known))}."
            )
        if not all(part.isidentifier() for part in key.split(".")):
            raise ConfigError(f"The plan gives {name} the key {key!r}; a key is like data.batch_size.")
    return {
        code: replace(setting, name=keys[told].rpartition(".")[2])
        if (told := setting.option or code) in keys
        else setting
        for code, setting in settings.items()
    }


def need_wished(keys: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Raise ConfigError where a setting did not get the key that is wanted."""
    for name, key in keys.items():
        if given.get(name) != key:
            told = f"is the key {given[name]}" if name in given else "is not used by the training"
            raise ConfigError(
                f"The plan gives {name} the key {key}, but it {told}. The place of a key and the arguments of foreign "
                "classes cannot be chosen; the names of the rest can."
            )
