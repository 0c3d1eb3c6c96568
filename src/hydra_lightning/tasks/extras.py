"""What the ``extras`` group switches on before a run: quiet warnings, asking for tags, printing the config,
data without worker processes."""

from __future__ import annotations

import sys
import warnings

from omegaconf import DictConfig, OmegaConf, open_dict

_FIRST = ("data", "model", "callbacks", "logger", "trainer", "paths", "extras")


def apply_extras(config: DictConfig) -> None:
    """Do what ``config.extras`` asks for; without that group, nothing."""
    extras = config.get("extras") or {}
    if extras.get("ignore_warnings"):
        warnings.filterwarnings("ignore")
    if extras.get("enforce_tags") and not config.get("tags"):
        ask_for_tags(config)
    if extras.get("print_config"):
        print_config(config)


def ask_for_tags(config: DictConfig) -> None:
    """Ask for ``tags`` when somebody is there to answer; else go on with none, and say so."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        warnings.warn("no tags: set them with tags=[...]; nobody to ask, this is no terminal", stacklevel=2)
        return
    from rich.prompt import Prompt

    answer = Prompt.ask("Tags for this run, separated by commas", default="dev")
    with open_dict(config):
        config.tags = [tag.strip() for tag in answer.split(",") if tag.strip()]


def load_in_process(config: DictConfig) -> None:
    """Give a data module that can have worker processes none, where ``extras`` asks for it."""
    data = config.get("data") or {}
    if (config.get("extras") or {}).get("load_in_process"):
        for name, none in (("num_workers", 0), ("persistent_workers", False)):
            if name in data:
                data[name] = none


def print_config(config: DictConfig) -> None:
    """Print the composed config as a tree, the groups in the order in which a run uses them."""
    from rich.console import Console
    from rich.syntax import Syntax
    from rich.tree import Tree

    tree = Tree("config", style="dim", guide_style="dim")
    names = [name for name in _FIRST if name in config]
    names += [str(name) for name in config if name not in names]
    for name in names:
        node = config._get_node(name)
        text = OmegaConf.to_yaml(node, resolve=False) if OmegaConf.is_config(node) else str(node)
        tree.add(name, style="bold").add(Syntax(text.rstrip(), "yaml", background_color="default"))
    Console().print(tree)
