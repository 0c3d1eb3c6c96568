"""A trained model back in Python: for notebooks, services and exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from omegaconf import DictConfig, OmegaConf

from hydra_lightning.config.instantiate import instantiate
from hydra_lightning.config.layout import nearest_project
from hydra_lightning.errors import CheckpointError
from hydra_lightning.runs.files import RUN_FILE
from hydra_lightning.runs.store import find_run
from hydra_lightning.tasks.compose import prepare
from hydra_lightning.tasks.log_folder import log_folder
from hydra_lightning.tasks.saved import best_checkpoint, moved, read_saved

if TYPE_CHECKING:
    from lightning.pytorch import LightningDataModule, LightningModule


class LoadedRun(NamedTuple):
    """What `load_run` returns: three things, to be unpacked or taken by name."""

    model: LightningModule
    datamodule: LightningDataModule
    config: DictConfig


def load_run(
    run: str | Path = "@last", project: str | Path | None = None, ckpt_path: str | Path | None = None
) -> LoadedRun:
    """The model of a run with its trained weights, its data module, and its config.

    ``model, datamodule, config = load_run("@last")``. The model is on the CPU and in evaluation mode. The data module
    is as the config builds it: ``prepare_data()`` and ``setup("test")`` make its data ready.

    Args:
        run: an id, a unique part of one, ``@last`` (the last run that wrote a checkpoint),
            ``@best:METRIC`` or a run folder.
        project: the project, or a folder in it; None for the one around the run folder or the working directory. It
            is put on ``sys.path``, since the classes of the run are in it.
        ckpt_path: a checkpoint; None for the run's best one, or its last where that is not there.

    Raises:
        ProjectError: there is no project there.
        RunError: ``run`` means no run or several, or its record or config cannot be read.
        CheckpointError: the checkpoint is missing, damaged, or does not fit the model as it is in the code today.
        ConfigError: a class or an argument of the saved config does not exist any more.
    """
    root, folder = find(run, project)
    prepare(root / "configs")
    saved = read_saved(folder)
    config = OmegaConf.create(moved(saved, str(saved["paths"]["root_dir"]), str(root)))
    checkpoint = Path(ckpt_path) if ckpt_path is not None else best_checkpoint(folder)
    model = _trained(new_model(config), checkpoint, config.get("weights_only") is not False)
    return LoadedRun(model, instantiate(config, "data"), config)


def find(run: str | Path, project: str | Path | None = None) -> tuple[Path, Path]:
    """The project, and the folder of one of its runs, as `load_run` finds them."""
    is_folder = bool(str(run)) and (Path(run) / RUN_FILE).is_file()
    start = Path(project) if project is not None else Path(run) if is_folder else Path.cwd()
    root = nearest_project(start)
    return root, Path(run).resolve() if is_folder else find_run(run, log_folder(root), with_checkpoint=True)


def new_model(config: DictConfig) -> LightningModule:
    """The model as a config builds it, with all its layers and untrained weights."""
    from lightning.pytorch.utilities.model_helpers import is_overridden

    from hydra_lightning.tasks.console import quiet_lightning
    from hydra_lightning.training.restored import restored

    quiet_lightning()
    with restored():
        model: LightningModule = instantiate(config, "model")
    if is_overridden("configure_model", model):
        model.configure_model()
    return model


def _trained(model: LightningModule, checkpoint: Path, weights_only: bool) -> LightningModule:
    import torch

    from hydra_lightning.training.checkpoint_io import check_checkpoint, explained_load_errors

    check_checkpoint(checkpoint, model, weights_only)
    if checkpoint.is_dir():
        raise CheckpointError(
            f"{checkpoint} is a sharded checkpoint. Give another one with ckpt_path, or make one file of it: "
            f"python -m lightning.pytorch.utilities.consolidate_checkpoint {checkpoint}"
        )
    content = torch.load(checkpoint, map_location="cpu", weights_only=weights_only)
    with explained_load_errors(checkpoint, model):
        model.on_load_checkpoint(content)
        model.load_state_dict(content["state_dict"], strict=model.strict_loading)
    return model.eval()
