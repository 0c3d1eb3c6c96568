"""Opens the record of a run for a composed config: the part that training and evaluation share."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, open_dict
from omegaconf.errors import OmegaConfBaseException

from hydra_lightning.config.messages import explain
from hydra_lightning.config.problems import report, stopping
from hydra_lightning.config.resolved import resolved
from hydra_lightning.config.tags import join_tags
from hydra_lightning.errors import ConfigError, HydraLightningError
from hydra_lightning.runs.environment import command_line
from hydra_lightning.runs.folder import claim, discard, ids_of, job_id
from hydra_lightning.runs.rank import global_rank
from hydra_lightning.runs.record import RunRecord, open_run
from hydra_lightning.tasks.check import check_composed
from hydra_lightning.tasks.children import one_job
from hydra_lightning.tasks.extras import apply_extras, load_in_process


@contextmanager
def run_of(
    config: DictConfig, saved: Path | None = None
) -> Iterator[tuple[RunRecord, DictConfig, Mapping[str, Any]]]:
    """Check ``config``, open its run and yield the record, the config to run with and the same as plain data.

    Nothing heavy is imported before the config is found to be sound.

    Args:
        config: the composed config.
        saved: the saved config of the run that parts of it are from, to say where they were written.
    """
    config = config.copy()
    with open_dict(config):
        config.pop("hydra", None)
        config.paths.output_dir = str(_folder(config))
        if HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN:
            # Trackers would take the jobs of a sweep for one run.
            ids_of(config)[()] = job_id(Path(config.paths.output_dir))
        config.seed = _seed(config)
    try:
        join_tags(config)
        _need_a_sound_config(config, saved)
        load_in_process(config)
        if global_rank() == 0:
            apply_extras(config)
        plain = resolved(config)
    except HydraLightningError:
        if global_rank() == 0:
            discard(Path(config.paths.output_dir))
        raise
    with _opened(config, plain) as record, one_job(record.folder):
        if config.paths.output_dir != str(record.folder):
            config.paths.output_dir = str(record.folder)
            plain = resolved(config)
            record.save_config(plain)
        yield record, config, plain


def _need_a_sound_config(config: DictConfig, saved: Path | None) -> None:
    """Raise ConfigError with all problems of ``config``; say warnings on stderr."""
    problems = check_composed(config, saved)
    if stopping(problems):
        raise ConfigError(report(problems, "nothing was started"))
    if problems and global_rank() == 0:
        print(report(problems), file=sys.stderr)


def _opened(config: DictConfig, plain: Mapping[str, Any]) -> AbstractContextManager[RunRecord]:
    return open_run(
        Path(config.paths.output_dir),
        root=Path(config.paths.root_dir),
        task=str(config.task_name),
        experiment=_experiment(),
        tags=list(config.get("tags") or []),
        command=command_line(),
        overrides=_overrides(),
        seed=config.seed,
        devices=_devices(plain),
        config=plain,
        sweep=_sweep(),
    )


def _folder(config: DictConfig) -> Path:
    """``paths.output_dir``; when that is Hydra's folder and no Hydra application is running, a new one."""
    try:
        folder = config.paths.output_dir
    except OmegaConfBaseException as error:
        raise ConfigError(f"paths.output_dir: {explain(error)}") from error
    # Hydra's resolver gives None for a folder that is not set.
    return Path(folder) if folder else claim(Path(config.paths.log_dir) / str(config.task_name) / "runs")


def _seed(config: DictConfig) -> int:
    """The configured seed; else one that is drawn and recorded, so that this run can be repeated too.

    Children of a distributed run get the one that rank 0 drew, through Lightning's ``PL_GLOBAL_SEED``.
    """
    seed = config.get("seed")
    if seed is None:
        seed = os.environ.get("PL_GLOBAL_SEED") if global_rank() else None
    return int(seed) if seed is not None else secrets.randbelow(2**32)


def _experiment() -> str | None:
    """The chosen experiment; of several, as they were typed: ``digits,wide``."""
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    choice = hydra.runtime.choices.get("experiment")
    if choice in (None, "null"):
        # Hydra lists no choice of a group that is given several.
        typed = [each.partition("=")[2] for each in hydra.overrides.task if each.startswith("experiment=[")]
        choice = typed[-1].strip("[]") if typed else None
    return None if choice is None else str(choice)


def _overrides() -> list[str]:
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def _sweep() -> dict[str, Any] | None:
    """Which sweep and trial this run is; None for a single run."""
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    if hydra.mode != RunMode.MULTIRUN:
        return None
    return {"id": Path(hydra.sweep.dir).name, "trial": hydra.job.num, "params": _swept(hydra)}


def _swept(hydra: HydraConf) -> dict[str, str]:
    """What this job has of the keys that the sweep varies: on the command line, or in ``hydra.sweeper.params``."""
    parser = OverridesParser.create()
    typed = [argument for argument in sys.argv[1:] if "=" in argument and not argument.startswith("-")]
    varied = {each.key_or_group for each in parser.parse_overrides(typed) if each.is_sweep_override()}
    varied |= set(hydra.sweeper.get("params") or {})
    pairs = [override.partition("=") for override in hydra.overrides.task]
    return {key.lstrip("+"): value for key, _, value in pairs if key.lstrip("+") in varied}


def _devices(plain: Mapping[str, Any]) -> dict[str, Any]:
    """What the trainer was asked for; what it got is written once it is built."""
    trainer = plain.get("trainer") or {}
    return {"accelerator": trainer.get("accelerator"), "devices": trainer.get("devices")}
