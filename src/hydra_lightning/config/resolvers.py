"""What configs may ask for in ``${...}`` beyond Hydra's own resolvers."""

from __future__ import annotations

import netrc
import os
from pathlib import Path

from omegaconf import OmegaConf


def register_resolvers() -> None:
    """Make ``${wandb_offline:}`` and ``${comet_online:}`` known; safe to call again."""
    OmegaConf.register_new_resolver("wandb_offline", lambda: not _wandb_logged_in(), replace=True)
    OmegaConf.register_new_resolver(
        "comet_online", lambda: bool(os.environ.get("COMET_API_KEY")), replace=True
    )


def _wandb_logged_in() -> bool:
    """Whether wandb would find a key: in the environment or where ``wandb login`` stores it, in a netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    file = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    if not file.is_file():
        return False
    try:
        hosts = netrc.netrc(str(file)).hosts
    except (netrc.NetrcParseError, OSError):
        return False
    return any("wandb" in host for host in hosts)
