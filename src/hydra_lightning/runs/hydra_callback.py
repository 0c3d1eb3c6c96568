"""Claims the folder of a run or a sweep before Hydra writes into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from hydra_lightning.errors import RunError
from hydra_lightning.runs.folder import claim, ids_of, share
from hydra_lightning.runs.rank import global_rank, launch


class ClaimRunFolder(Callback):
    """Makes the folder that ``hydra.run.dir`` or ``hydra.sweep.dir`` names, for this run alone.

    It is set in ``hydra.callbacks``.

    A name that was drawn (by ``${run_id:}`` or by ``${now:...}``) and that another process took first is
    replaced by a new one. Any other name is the user's: it is taken as it is, and refused when it holds a run
    already. Afterwards ``${run_id:}`` is the name of the folder wherever it stands in the config. Ranks other
    than 0 claim nothing; those of an outside launcher write no ``.hydra`` and get a log file of their own.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim the folder of a single run; SystemExit with the message when that fails."""
        if config.get("resume"):
            # The folder of the run that goes on, which tasks/resume.py has set.
            ids_of(config)[()] = _folder(config, "run").name
        else:
            _settle(config, "run")
        if global_rank() != 0 and config.hydra.output_subdir is not None:
            config.hydra.output_subdir = None
            config.hydra.job.name = f"{config.hydra.job.name}_ddp_process_{global_rank()}"

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Claim the folder of a sweep; SystemExit with the message when that fails."""
        _settle(config, "sweep")


def _settle(config: DictConfig, kind: str) -> None:
    wanted = _folder(config, kind)
    ids = ids_of(config)
    drawn = wanted.name in ids.values() or "${now:" in OmegaConf.to_yaml(config.hydra[kind])
    try:
        folder = _take(wanted, drawn)
    except RunError as error:
        # Hydra turns any Exception of a callback into a warning and goes on.
        raise SystemExit(f"\n{error}") from error
    ids[()] = folder.name
    if _folder(config, kind) != folder:
        config.hydra[kind].dir = str(folder)


def _take(folder: Path, drawn: bool) -> Path:
    if global_rank() != 0:
        return folder
    if drawn and launch() is None:
        return claim(folder.parent, folder.name)
    share(folder)
    return folder


def _folder(config: DictConfig, kind: str) -> Path:
    """What Hydra will resolve the folder to, with ``${hydra:...}`` available as it will be then."""
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(config)
    try:
        return Path(str(config.hydra[kind].dir)).absolute()
    finally:
        HydraConfig.instance().cfg = before
        OmegaConf.set_readonly(config.hydra, None)
