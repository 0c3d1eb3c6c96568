"""The saved config of a run as the base of a later act on it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_lightning.errors import CheckpointError, ConfigError, RunError
from hydra_lightning.runs.files import CONFIG_FILE
from hydra_lightning.runs.store import read_run

log = logging.getLogger(__name__)

TAKEN_FROM_RUN = ("data", "model", "trainer", "seed")


def on_saved_config(config: DictConfig, run_folder: Path) -> DictConfig:
    """``config`` with data, model, trainer and seed of the run in ``run_folder``; the command line still wins.

    Paths that were saved below the run's project root are moved to today's root, so that a project that was
    moved or copied to another machine still works.

    Raises:
        RunError: the run's ``config.yaml`` is missing or unreadable.
        ConfigError: an override that cannot go on top of a saved config, such as ``experiment=``.
    """
    saved = read_saved(run_folder)
    saved = moved(saved, str(saved.get("paths", {}).get("root_dir", "")), str(config.paths.root_dir))
    merged = config.copy()
    with open_dict(merged):
        for key in TAKEN_FROM_RUN:
            if key in saved:
                merged[key] = OmegaConf.create({key: saved[key]})[key]
        merged.trainer.default_root_dir = config.paths.output_dir
        for override in _overrides():
            _put(merged, config, override)
    return merged


def read_saved(run_folder: Path) -> dict[str, Any]:
    """The ``config.yaml`` of a run as plain data; RunError when it is missing or unreadable."""
    file = run_folder / CONFIG_FILE
    try:
        saved = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RunError(f"{file}: the run's saved config cannot be read: {error}") from error
    if not isinstance(saved, dict):
        raise RunError(f"{file}: the run's saved config is not a mapping.")
    return saved


def moved(value: Any, old_root: str, new_root: str) -> Any:
    """``value`` with every path at or below ``old_root`` put below ``new_root``."""
    if isinstance(value, dict):
        return {key: moved(item, old_root, new_root) for key, item in value.items()}
    if isinstance(value, list):
        return [moved(item, old_root, new_root) for item in value]
    if (
        isinstance(value, str)
        and old_root
        and (value == old_root or value.startswith(old_root.rstrip("/") + "/"))
    ):
        return new_root + value[len(old_root.rstrip("/")) :]
    return value


def best_checkpoint(folder: Path) -> Path:
    """The best checkpoint of a run, else its last one.

    Raises:
        RunError: the run cannot be read, or wrote none.
        CheckpointError: those that it wrote are gone.
    """
    named: dict[str, str | None] = read_run(folder)["checkpoints"]
    for name in (named["best"], named["last"]):
        if name and (folder / name).exists():
            if name != named["best"]:
                log.warning("%s: its best checkpoint is not there; this is its last one.", folder)
            return folder / name
    if any(named.values()):
        gone = ", ".join(name for name in named.values() if name)
        raise CheckpointError(
            f"{folder}: its checkpoints are gone: {gone}. Give another with ckpt_path=FILE."
        )
    raise RunError(f"{folder}: this run wrote no checkpoint. Give one with ckpt_path=FILE.")


def _overrides() -> list[Override]:
    if not HydraConfig.initialized():
        return []
    texts = [str(text) for text in HydraConfig.get().overrides.task]
    return OverridesParser.create().parse_overrides(texts)


def _put(merged: DictConfig, composed: DictConfig, override: Override) -> None:
    """Let one command-line override win over the saved config, where it concerns what was taken from the run."""
    key = override.key_or_group.replace("/", ".")
    if key in ("experiment", "hparams_search", "debug"):
        raise ConfigError(
            f"{override.input_line}: not together with run=; the run has its saved config. Override its keys."
        )
    if key.split(".")[0] not in TAKEN_FROM_RUN:
        return
    if override.is_delete():
        parent, _, name = key.rpartition(".")
        OmegaConf.select(merged, parent).pop(name, None)
    else:
        OmegaConf.update(merged, key, OmegaConf.select(composed, key), merge=False, force_add=True)
