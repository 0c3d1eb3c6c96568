"""What configs may ask for in ``${...}`` beyond Hydra's and OmegaConf's own resolvers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from omegaconf import Node, OmegaConf
from omegaconf.errors import InterpolationResolutionError

from hydra_lightning.config.resolvers.arithmetic import (
    add,
    div,
    floordiv,
    largest,
    mul,
    nearest_int,
    smallest,
    sub,
)
from hydra_lightning.config.resolvers.environment import comet_online, env, wandb_offline
from hydra_lightning.config.resolvers.git import git_commit
from hydra_lightning.config.resolvers.machine import cpu_count, device_count
from hydra_lightning.errors import ConfigError

# Name -> the function, and how it is written.
RESOLVERS: dict[str, tuple[Callable[..., Any], str]] = {
    "add": (add, "${add:${data.train_size},${data.val_size}}"),
    "sub": (sub, "${sub:${data.classes},1}"),
    "mul": (mul, "${mul:${data.batch_size},4}"),
    "div": (div, "${div:${model.optimizer.lr},10}"),
    "floordiv": (floordiv, "${floordiv:${model.width},8}"),
    "min": (smallest, "${min:${data.batch_size},64}"),
    "max": (largest, "${max:1,${trainer.devices}}"),
    "round": (nearest_int, "${round:${mul:0.1,${trainer.max_epochs}}}"),
    "cpu_count": (cpu_count, "${cpu_count:} or, for at most 8, ${cpu_count:8}"),
    "device_count": (device_count, "${device_count:}"),
    "env": (env, "${env:NAME} or, with a default, ${env:NAME,8}"),
    "git_commit": (git_commit, "${git_commit:}, ${git_commit:8} or ${git_commit:8,none}"),
    "wandb_offline": (wandb_offline, "${wandb_offline:}"),
    "comet_online": (comet_online, "${comet_online:}"),
}


def register_resolvers() -> None:
    """Make the resolvers known to configs; safe to call again.

    A resolver of the same name that a project has registered itself stays: it wins.
    """
    for name, (function, example) in RESOLVERS.items():
        if not OmegaConf.has_resolver(name):
            OmegaConf.register_new_resolver(name, _strict(function, example))


def _strict(function: Callable[..., Any], example: str) -> Callable[..., Any]:
    """``function`` as a resolver, a mistake in its use told with what was written and what is right.

    The message goes in an error of OmegaConf's, which puts the key to it; ``explain`` shows both.
    """

    def resolve(*arguments: Any, _node_: Node) -> Any:
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError as error:
            raise _mistake(_node_, str(error), example) from error
        try:
            return function(*arguments)
        except ConfigError as error:
            raise _mistake(_node_, str(error), example) from error

    return resolve


def _mistake(node: Node, problem: str, example: str) -> InterpolationResolutionError:
    return InterpolationResolutionError(f"{node._value()}: {problem}. Right: {example}")
