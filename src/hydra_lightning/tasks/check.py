"""The strict check of a project's configs, composed as a run would compose them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import MarkedYAMLError, YAMLError

from hydra_lightning.config.check import check
from hydra_lightning.config.layout import OVERLAYS, chosen_groups, main_configs, options
from hydra_lightning.config.messages import explain
from hydra_lightning.config.problems import COMMAND_LINE, Problem
from hydra_lightning.config.tags import join_tags
from hydra_lightning.errors import HydraLightningError
from hydra_lightning.tasks.compose import compose_raw, config_folder


def check_overrides(
    project: str | Path = ".", overrides: Sequence[str] = (), config_name: str = "train.yaml"
) -> list[Problem]:
    """Compose ``overrides`` and check the result; what does not compose is among the problems.

    Nothing that the configs name is imported.

    Raises:
        ConfigError: the project has no ``configs/``.
    """
    configs = config_folder(project)
    problems, composed = collect(configs, overrides, config_name)
    if composed is None:
        return problems
    config, hydra = composed
    _settle_folder(config)
    try:
        join_tags(config)
    except HydraLightningError as error:
        key, _, message = str(error).partition(": ")
        problems.append(Problem(key, message, firm=True))
    return problems + check(config, hydra)


def check_everything(project: str | Path = ".") -> dict[str, list[Problem]]:
    """Check every main config, alone and with each experiment, debug option and hparams_search.

    Values that are left for the command line (``???``) are no problem here.

    Returns:
        the problems by what was composed, ``train.yaml experiment=digits``; those of the main config alone are
        not repeated.
    """
    configs = config_folder(project)
    found: dict[str, list[Problem]] = {}
    for name in main_configs(configs):
        main = f"{name}.yaml"
        known = [each for each in check_overrides(project, (), main) if not _is_missing_value(each)]
        found[main] = known
        for override in _overlays(configs, main):
            problems = check_overrides(project, [override], main)
            found[f"{main} {override}"] = [
                each for each in problems if each not in known and not _is_missing_value(each)
            ]
    return found


def check_composed(config: DictConfig) -> list[Problem]:
    """The problems of a config that Hydra has composed for this process."""
    return check(config, cast(DictConfig, HydraConfig.get()) if HydraConfig.initialized() else None)


def collect(
    configs: Path, overrides: Sequence[str], config_name: str
) -> tuple[list[Problem], tuple[DictConfig, DictConfig] | None]:
    """Compose; leave out one override after the other that cannot be part of it, with a problem for each.

    Returns:
        the problems, and the config and Hydra's node of it: None when what is left does not compose either.
    """
    remaining = list(overrides)
    problems: list[Problem] = []
    while True:
        try:
            return problems, compose_raw(configs, remaining, config_name)
        except (CompactHydraException, OmegaConfBaseException, YAMLError) as error:
            culprit = _culprit(error, remaining)
            problems.append(_problem(error, culprit, configs))
            if culprit is None:
                return problems, None
            remaining.remove(culprit)


def _culprit(error: Exception, overrides: Sequence[str]) -> str | None:
    """The override that ``error`` is about."""
    if isinstance(error, OverrideParseException):
        return error.override if error.override in overrides else None
    in_a_file = re.match(r"In '[^']+': ", str(error)) is not None
    if isinstance(error, MissingConfigException):
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        for override in () if in_a_file and not _is_main(str(error)) else overrides:
            key, _, value = override.lstrip("+").partition("=")
            if key.split("@")[0] == group and option in value:
                return override
        return None
    told = f"{error} {error.__cause__ or ''}"
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if re.search(r"(?<![\w.])" + re.escape(key) + r"(?![\w.])", told):
            return override
    return None


def _is_main(message: str) -> bool:
    """Whether a message says that the main config, not another file, names the option."""
    return "/" not in message.partition("'")[2].partition("'")[0]


def _problem(error: Exception, culprit: str | None, configs: Path) -> Problem:
    told = explain(error) or str(error)
    if culprit is not None:
        key = culprit.lstrip("+~").partition("=")[0]
        start = next(
            (
                part
                for part in (f"{key}: ", f"command line, {culprit}: ", "command line: ")
                if told.startswith(part)
            ),
            "",
        )
        return Problem(key, told.removeprefix(start), file=COMMAND_LINE, override=culprit, firm=True)
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        file = Path(error.problem_mark.name)
        line = error.problem_mark.line + 1
        return Problem(
            "", f"not YAML: {error.problem or error.context}", _named(file, configs), line, firm=True
        )
    written = re.match(r"In '([^']+)': ", str(error))
    file_of = configs / f"{written[1].removesuffix('.yaml')}.yaml" if written else None
    if file_of is None or not file_of.is_file():
        return Problem("", told, firm=True)
    option = (getattr(error, "missing_cfg_file", None) or "").rpartition("/")[2]
    lines = file_of.read_text().splitlines()
    line_of = next(
        (number for number, text in enumerate(lines, 1) if option and option in text.partition(":")[2]), None
    )
    text = told.removeprefix(f"In '{written[1]}': ").removeprefix(f"In '{written[1]}'") if written else told
    return Problem("defaults", text, _named(file_of, configs), line_of, firm=True)


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


def _is_missing_value(problem: Problem) -> bool:
    return problem.firm and "(it is ???)" in problem.message


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
