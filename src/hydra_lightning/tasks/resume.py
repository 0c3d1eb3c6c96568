"""A run that goes on in its own folder, with its saved config: what is between the command line and the training."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_lightning.config.problems import report, stopping
from hydra_lightning.config.resolved import resolved
from hydra_lightning.errors import ConfigError
from hydra_lightning.runs.environment import command_line
from hydra_lightning.runs.files import CONFIG_FILE, RUN_FILE
from hydra_lightning.runs.record import RunRecord
from hydra_lightning.runs.resume import point_of, read_idle_run, reopen_run, requeued_run, without
from hydra_lightning.runs.slurm import restarted, slurm_job
from hydra_lightning.runs.store import find_run, read_run
from hydra_lightning.tasks.check import check_composed
from hydra_lightning.tasks.children import one_job
from hydra_lightning.tasks.log_folder import log_folder
from hydra_lightning.tasks.saved import moved, read_saved

RESUME = re.compile(r"\+{0,2}resume=(.+)")
CHOICES = ("experiment", "hparams_search", "debug")
# The argument that continues what a logger has begun; a run's own folder is enough for the others.
RUN_ARGUMENTS = {
    "MLFlowLogger": "run_id",
    "WandbLogger": "id",
    "CometLogger": "experiment_key",
    "AimLogger": "run_hash",
    "TensorBoardLogger": "version",
}


def expanded(configs: Path, config_name: str, typed: Sequence[str]) -> list[str] | None:
    """The arguments with which Hydra composes a run that goes on, in its folder; None when this is a new run.

    A run goes on after ``resume=RUN``, and when Slurm has requeued the job that began it with the same command.
    What was typed then comes first, so that what is typed now finds the same keys.

    Raises:
        RunError: there is no such run, it cannot be read, or it is still running.
    """
    given = next((match[1] for each in typed if (match := RESUME.fullmatch(each))), None)
    given = None if given == "null" else given
    if given is None:
        folder = requeued_run(_log_folder(configs, config_name), command_line()) if restarted() else None
    else:
        folder = _find(given.strip("'\""), configs, config_name)
    if folder is None:
        return None
    data = read_idle_run(folder)
    rest = [each for each in typed if not RESUME.fullmatch(each)]
    goes_on = [
        f"++resume={_quoted(folder)}",
        f"hydra.run.dir={_quoted(folder)}",
        f"hydra.output_subdir=.hydra/attempt_{len(data['attempts']) + 1}",
    ]
    if given is None:
        return [*rest, *goes_on]
    new = [each for each in rest if _is_override(each)]
    return [*(without(data["overrides"], new) if new else ()), *goes_on, *rest]


def resumed_folder(config: DictConfig) -> Path | None:
    """The folder of the run that ``config`` goes on with; None for a new one.

    Raises:
        RunError: ``resume`` means no run.
        ConfigError: ``resume`` in a sweep.
    """
    if config.get("resume"):
        if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
            raise ConfigError("resume goes on with one run: leave out -m.")
        return find_run(str(config.resume), Path(config.paths.log_dir)).absolute()
    if restarted() and HydraConfig.initialized():
        folder = Path(HydraConfig.get().runtime.output_dir)
        if (folder / RUN_FILE).exists() and read_run(folder).get("slurm_job") == slurm_job():
            return folder
    return None


@contextmanager
def resumed_run_of(
    config: DictConfig, folder: Path
) -> Iterator[tuple[RunRecord, DictConfig, Mapping[str, Any]]]:
    """Like ``run_of``, for the run in ``folder``: its saved config with the overrides on top.

    ``resume`` of the config is the checkpoint to go on from, None for the start; ``ckpt_path`` one that was named.

    Raises:
        HydraLightningError: the run, its config or its checkpoint cannot be used, or an override is wrong. Nothing is
            changed then.
    """
    data = read_idle_run(folder)
    new = _new_overrides()
    config = _on_saved(config, folder, new)
    own_checkpoint = any(each.startswith("ckpt_path=") for each in new)
    point = None if own_checkpoint else point_of(folder, data)
    problems = check_composed(config, folder / CONFIG_FILE)
    if stopping(problems):
        raise ConfigError(report(problems, "nothing was started"))
    plain = resolved(config)
    with open_dict(config):
        config.resume = None if point is None else str(point)
        _continue_loggers(config, data["loggers"])
    root, devices = Path(config.paths.root_dir), data.get("devices")
    reopened = reopen_run(folder, root=root, command=command_line(), overrides=new, devices=devices)
    with reopened as record, one_job(folder):
        yield record, config, plain


def _find(reference: str, configs: Path, config_name: str) -> Path:
    if (Path(reference) / RUN_FILE).is_file():
        return Path(reference).absolute()
    return find_run(reference, _log_folder(configs, config_name)).absolute()


def _log_folder(configs: Path, config_name: str) -> Path:
    folder = log_folder(configs.parent, config_name)
    # Hydra starts afresh with what was typed.
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
    return folder


def _is_override(argument: str) -> bool:
    return not argument.startswith(
        ("-", "hydra.", "+hydra.", "++hydra.", "hydra/")
    ) and "=" in argument.lstrip("~")


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"


def _new_overrides() -> list[str]:
    """What was typed for this attempt: Hydra was given what was typed before ahead of the run."""
    if not HydraConfig.initialized():
        return []
    given = [str(each) for each in HydraConfig.get().overrides.task]
    runs = [index for index, each in enumerate(given) if each.startswith("++resume=")]
    return [each for each in (given[runs[0] + 1 :] if runs else given) if not RESUME.fullmatch(each)]


def _on_saved(config: DictConfig, folder: Path, overrides: Sequence[str]) -> DictConfig:
    saved = read_saved(folder)
    root = str(config.paths.root_dir)
    saved = moved(saved, str(saved.get("paths", {}).get("root_dir", "")), root)
    saved = moved(saved, str(saved.get("paths", {}).get("output_dir", "")), str(folder))
    base: DictConfig = OmegaConf.create(saved)
    with open_dict(base):
        base.resume = None
        for override in OverridesParser.create().parse_overrides(list(overrides)):
            key = override.key_or_group.replace("/", ".")
            if key in CHOICES:
                raise ConfigError(
                    f"{override.input_line}: not together with resume=; the run has its saved config. "
                    "Override its keys."
                )
            if override.is_delete():
                parent, _, name = key.rpartition(".")
                (OmegaConf.select(base, parent) if parent else base).pop(name, None)
            else:
                OmegaConf.update(base, key, OmegaConf.select(config, key), merge=False, force_add=True)
        base.paths.output_dir = str(folder)
    return base


def _continue_loggers(config: DictConfig, begun: Mapping[str, Any]) -> None:
    for name, run in begun.items():
        node = OmegaConf.select(config, f"logger.{name}")
        argument = (
            RUN_ARGUMENTS.get(str(node.get("_target_")).rpartition(".")[2]) if node is not None else None
        )
        if argument is not None:
            node[argument] = run


def script_of(folder: Path, project: Path) -> Path:
    """The script that started the run in ``folder``, in ``project`` as it is now.

    Raises:
        ConfigError: it is not there.
    """
    data, saved = read_run(folder), read_saved(folder)
    paths = saved.get("paths", {})
    typed = re.findall(r"(?:^|\s)'?([^\s']+\.py)\b", data["command"])
    name = typed[0] if typed else "lightning_classes/train.py"
    began_in = Path(paths.get("work_dir") or project)
    script = Path(moved(str(began_in / name), str(paths.get("root_dir")), str(project)))
    if not script.is_file():
        raise ConfigError(
            f"{script}: no such script, and {folder.name} was started with it: {data['command']}"
        )
    return script


def resume(folder: Path, project: Path, overrides: Sequence[str]) -> None:
    """Become the run's own script, which goes on with it; raises what ``train.py resume=`` would tell early.

    Raises:
        RunError: the run cannot be read, or is still running.
        CheckpointError: its checkpoint is gone.
        ConfigError: its script is not there.
    """
    if not any(each.startswith("ckpt_path=") for each in overrides):
        point_of(folder, read_idle_run(folder))
    script = script_of(folder, project)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(script), f"++resume={_quoted(folder)}", *overrides])
