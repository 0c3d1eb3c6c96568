"""The strict check of a project's configs, composed as a run would compose them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from hydra_lightning.config.check import check
from hydra_lightning.config.layout import OVERLAYS, chosen_groups, main_configs, options
from hydra_lightning.config.messages import explain
from hydra_lightning.config.problems import COMMAND_LINE, Problem
from hydra_lightning.config.sources import Sources, key_lines
from hydra_lightning.config.tags import join_tags
from hydra_lightning.errors import HydraLightningError
from hydra_lightning.tasks.compose import compose_raw, config_folder
from hydra_lightning.tasks.saved import TAKEN_FROM_RUN


def check_overrides(
    project: str | Path = ".",
    overrides: Sequence[str] = (),
    config_name: str = "train.yaml",
    error: Exception | None = None,
) -> list[Problem]:
    """Compose ``overrides`` and check the result; what does not compose is among the problems.

    Nothing that the configs name is imported.

    Args:
        project: the project's folder, the one that holds ``configs/``.
        overrides: as on the command line.
        config_name: the main config.
        error: what composing them raised, where that is known already.

    Raises:
        ConfigError: the project has no ``configs/``.
    """
    configs = config_folder(project)
    problems, composed = collect(configs, overrides, config_name, error)
    if composed is None:
        return problems
    config, hydra = composed
    _settle_folder(config)
    try:
        join_tags(config)
    except HydraLightningError as error:
        key, _, message = str(error).partition(": ")
        problems.append(Problem(key, message, firm=True))
    return problems + check(config, Sources(hydra, configs.parent))


def check_everything(project: str | Path = ".") -> dict[str, list[Problem]]:
    """Check every main config, alone and with each experiment, debug option and hparams_search.

    Values and choices that are left for the command line are no problem here, and those of an option that the main
    config itself does not offer (``+experiment=...``) are warnings.

    Returns:
        the problems by what was composed, ``train.yaml experiment=digits``; those of the main config alone are
        not repeated.
    """
    configs = config_folder(project)
    found: dict[str, list[Problem]] = {}
    for name in main_configs(configs):
        main = f"{name}.yaml"
        alone = [each for each in check_overrides(project, (), main) if not each.unset]
        found[main] = alone
        for override in _overlays(configs, main):
            problems = check_overrides(project, [override], main)
            more = [each for each in problems if each not in alone and not each.unset]
            if override.startswith("+"):
                more = [replace(each, level="warning") for each in more]
            found[f"{main} {override}"] = more
    return found


def check_composed(config: DictConfig, saved: Path | None = None) -> list[Problem]:
    """The problems of a config that Hydra has composed for this process.

    Args:
        config: the config.
        saved: the saved config of the run that its data, model and trainer are from.
    """
    # A run that is repeated has no sources: its saved config is all there is.
    if not HydraConfig.initialized() or not HydraConfig.get().runtime.config_sources:
        return check(config)
    root = Path(str(config.paths.root_dir)) if "paths" in config else Path.cwd()
    return check(config, Sources(cast(DictConfig, HydraConfig.get()), root, saved, TAKEN_FROM_RUN))


def collect(
    configs: Path, overrides: Sequence[str], config_name: str, error: Exception | None = None
) -> tuple[list[Problem], tuple[DictConfig, DictConfig] | None]:
    """Compose; leave out one override after the other that cannot be part of it, with a problem for each.

    Args:
        configs: the folder of the configs.
        overrides: as on the command line.
        config_name: the main config.
        error: what composing all of them raised, where that is known already.

    Returns:
        the problems, and the config and Hydra's node of it: None when what is left does not compose either.
    """
    remaining = list(overrides)
    problems: list[Problem] = []
    while True:
        if error is None:
            try:
                return problems, compose_raw(configs, remaining, config_name)
            except Exception as raised:
                error = raised
        if explain(error) is None:
            raise error
        culprit = _culprit(error, remaining, configs)
        problems.append(_problem(error, culprit, configs, remaining))
        if culprit is None:
            return problems, None
        remaining.remove(culprit)
        error = None


def _culprit(error: Exception, overrides: Sequence[str], configs: Path) -> str | None:
    """The override that ``error`` is about."""
    if isinstance(error, OverrideParseException):
        return error.override if error.override in overrides else None
    if isinstance(error, YAMLError):
        return None
    if isinstance(error, ValueError):
        no_name = re.compile(r"\+?([^=~@]+)(@[^=]*)?=(null|true|false|[-+.\d]+)?$")
        groups = options(configs)
        typed = ((override, no_name.match(override)) for override in overrides)
        return next((override for override, found in typed if found and found[1] in groups), None)
    if isinstance(error, MissingConfigException):
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        chosen = [(override, *override.lstrip("+").partition("=")) for override in overrides]
        about = [
            override for override, key, _, value in chosen if key.split("@")[0] == group and option in value
        ]
        return about[0] if about else None
    if re.match(r"In '[^']+/[^']+': ", str(error)):
        return None
    told = f"{error} {error.__cause__ or ''}"
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if re.search(r"(?<![\w.])" + re.escape(key) + r"(?![\w.])", told):
            return override
    return None


def _problem(error: Exception, culprit: str | None, configs: Path, overrides: Sequence[str]) -> Problem:
    told = explain(error) or str(error)
    written = re.match(r"In '([^']+)':? ?", told)
    told = told.removeprefix(written[0]) if written else told
    if culprit is not None:
        key = culprit.lstrip("+~").partition("=")[0]
        for start in (f"{key}: ", f"command line, {culprit}: ", "command line: "):
            told = told.removeprefix(start)
        return Problem(key, told.strip(), file=COMMAND_LINE, override=culprit, firm=True)
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        file = Path(error.problem_mark.name)
        line = error.problem_mark.line + 1
        return Problem(
            "", f"not YAML: {error.problem or error.context}", _named(file, configs), line, firm=True
        )
    missing = getattr(error, "missing_cfg_file", None) or ""
    group, _, option = missing.rpartition("/")
    unmatched = re.search(r"Could not override '([^'@]+)", told)
    wanted = (
        rf"\b{re.escape(group.rpartition('/')[2])}(@\S+)?\s*:.*\b{re.escape(option)}\b" if option else None
    )
    wanted = rf"override\s+/?{re.escape(unmatched[1])}\b" if unmatched else wanted
    chosen = [each.lstrip("+").replace("=", "/", 1) for each in overrides]
    key = getattr(error.__cause__ or error.__context__, "full_key", None) or "defaults"
    said = _file_that_says(configs, [written[1] if written else "", *chosen], wanted)
    text = told.removeprefix(f"{key}: ").strip()
    if said is None:
        return Problem(key, text, firm=True)
    return Problem(key, text, _named(said, configs), _line_of(said, key, wanted), firm=True)


def _file_that_says(configs: Path, names: Sequence[str], wanted: str | None) -> Path | None:
    """The first file that matches ``wanted``, those of ``names`` before all others; without one the first of them."""
    files = [file for name in names if (file := configs / f"{name.removesuffix('.yaml')}.yaml").is_file()]
    for file in [*files, *sorted(configs.rglob("*.yaml"))] if wanted else ():
        if re.search(wanted or "", file.read_text()):
            return file
    return files[0] if files else None


def _line_of(file: Path, key: str, wanted: str | None) -> int | None:
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if wanted and re.search(wanted, line):
            return number
    return key_lines(file).get(tuple(key.split(".")))


def _named(file: Path, configs: Path) -> str:
    root = configs.parent
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def _overlays(configs: Path, main: str) -> Iterator[str]:
    """``experiment=digits`` for each option of the groups that change others; with ``+`` where ``main`` lacks one."""
    known = chosen_groups(configs / main)
    for group, names in options(configs).items():
        if group.partition("/")[0] in OVERLAYS and group.partition("/")[0] != "local":
            top, _, below = group.partition("/")
            for name in names:
                yield f"{'' if top in known else '+'}{top}={below + '/' if below else ''}{name}"


def _settle_folder(config: DictConfig) -> None:
    """Put a name where a run would have its folder."""
    if "paths" not in config or not OmegaConf.is_interpolation(config.paths, "output_dir"):
        return
    try:
        folder = config.paths.output_dir or f"{config.paths.log_dir}/{config.task_name}/runs/RUN"
    except OmegaConfBaseException:
        # The check says what does not resolve.
        return
    with open_dict(config):
        config.paths.output_dir = folder
