"""What a past run had on top of today's defaults, as overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from hydra_lightning.config.experiment_differences import Differences, differences, dotted, leaves
from hydra_lightning.config.experiment_files import GROUP
from hydra_lightning.config.experiment_text import parse
from hydra_lightning.config.layout import COLLECTIONS
from hydra_lightning.config.messages import explain
from hydra_lightning.errors import ConfigError, RunError
from hydra_lightning.runs.files import CONFIG_FILE
from hydra_lightning.runs.folder import ids_of, job_id
from hydra_lightning.runs.store import find_run, read_run
from hydra_lightning.tasks.compose import compose
from hydra_lightning.tasks.experiments import later_groups
from hydra_lightning.tasks.log_folder import log_folder

WHERE_AND_WHICH = ("paths", "ckpt_path", "resume", "run")
KEY = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


@dataclass(frozen=True)
class RunOverrides:
    """The overrides that repeat a run's config today, and what they leave out, a line each."""

    run_id: str
    overrides: list[str]
    notes: list[str]


def overrides_of_run(project: Path, reference: str, config_name: str = "train.yaml") -> RunOverrides:
    """What the run had on top of today's defaults.

    These are the overrides that were typed, as far as they still compose; options that were the default then; and
    a value for every key that is another one today. The seed is among them where the run had drawn it. ``paths``,
    ``ckpt_path`` and the run's own id and folder are left out: they say where, not what.

    Args:
        project: the folder that holds ``configs/``.
        reference: the run's id, the beginning of it, ``@last``, ``@best:METRIC``, or its folder.
        config_name: the main config.

    Raises:
        RunError: there is no such run, its config cannot be read, it was a debug run, or one of another main config.
        ConfigError: today's defaults do not compose.
    """
    folder = find_run(reference, log_folder(project, config_name))
    record, saved, started = read_run(folder), _saved_config(folder), _saved_hydra(folder)
    main = str(started.get("job", {}).get("config_name") or config_name)
    if main.removesuffix(".yaml") != config_name.removesuffix(".yaml"):
        raise RunError(f"{folder} is a run of {main}, not of {config_name}: add --config-name {main}")
    today = _Today(project, config_name, saved, {(): job_id(folder) if record["sweep"] else record["id"]})

    later = later_groups(project, config_name)
    typed, notes = [], []
    for text, override in zip(record["overrides"], parse(record["overrides"]), strict=True):
        key = override.key_or_group
        if key == "debug":
            raise RunError(f"{folder} is a debug run ({text}), and that is no experiment. Take another one.")
        if key.split(".")[0] in WHERE_AND_WHICH:
            notes.append(f"left out: {text}")
        elif key not in later:
            typed.append(text)
    overrides = today.composing([], typed)
    notes += [f"its values are written, as it no longer composes: {t}" for t in typed if t not in overrides]
    choices = started.get("runtime", {}).get("choices", {})
    overrides = today.composing(overrides, today.other_choices(overrides, choices, later))
    left = today.differences(overrides)
    for follow in (False, True):
        if more := today.assignments(left, overrides, follow):
            overrides += more
            left = today.differences(overrides)
    notes += [f"in today's configs, but not in the run's: {dotted(path)}" for path in left.removed]
    notes += [f"not taken over: {dotted(path)}" for path in (*left.changed, *left.added)]
    return RunOverrides(record["id"], overrides, notes)


@dataclass(frozen=True)
class _Today:
    """The project's configs as they are now, held against the saved config of a run."""

    project: Path
    config_name: str
    saved: DictConfig
    ids: Mapping[tuple[str, ...], str]
    composed: dict[tuple[str, ...], tuple[DictConfig, dict[str, Any]]] = field(default_factory=dict)

    def compose(self, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, Any]]:
        """The config and the chosen options; composed once, since that takes a fifth of a second."""
        key = tuple(overrides)
        if key not in self.composed:
            config = compose(self.project, overrides, self.config_name)
            self.composed[key] = config, dict(HydraConfig.get().runtime.choices)
        return self.composed[key]

    def composing(self, base: list[str], more: list[str]) -> list[str]:
        """``base`` with what of ``more`` composes."""
        if not more or self._composes([*base, *more]):
            return [*base, *more]
        kept = list(base)
        for text in more:
            if self._composes([*kept, text]):
                kept.append(text)
        return kept

    def _composes(self, overrides: Sequence[str]) -> bool:
        try:
            self.compose(overrides)
        except ConfigError:
            return False
        return True

    def other_choices(
        self, overrides: Sequence[str], choices: Mapping[str, Any], later: Sequence[str]
    ) -> list[str]:
        """The run's options of the groups of which another option is chosen today."""
        now = self.compose(overrides)[1]
        spared = {*WHERE_AND_WHICH, *later, GROUP, "hydra"}
        return [
            f"~{group}" if option is None else f"{group}={option}"
            for group, option in choices.items()
            if group in now and now[group] != option and group.split("/")[0] not in spared
        ]

    def differences(self, overrides: Sequence[str]) -> Differences:
        """From today's config with ``overrides`` to the run's, resolved in the run's folder and with its id."""
        config = self.compose(overrides)[0].copy()
        OmegaConf.set_struct(config, False)
        config.paths = OmegaConf.merge(config.paths, self.saved.paths)
        ids_of(config).update(self.ids)
        try:
            for path, value in leaves(OmegaConf.to_container(config)):
                # What Hydra fills in is of one start.
                if isinstance(value, str) and "${hydra:" in value:
                    OmegaConf.update(config, dotted(path), OmegaConf.select(self.saved, dotted(path)))
            now: Any = OmegaConf.to_container(config, resolve=True)
        except OmegaConfBaseException as error:
            raise ConfigError(explain(error)) from error
        had: Any = OmegaConf.to_container(self.saved, resolve=True)
        return differences(_without_places(now), _without_places(had))

    def assignments(self, found: Differences, overrides: Sequence[str], follow: bool) -> list[str]:
        """Overrides that set what differs with ``overrides``.

        Without ``follow`` not the keys that follow another one: they may be right once that one is.
        """
        if not found.keys():
            return []
        composed = OmegaConf.to_container(self.compose(overrides)[0])
        escaped = OmegaConf.to_container(self.saved)
        gone = [f"~{dotted(path)}" for path in found.removed if path[0] in COLLECTIONS and len(path) == 2]
        leaf_paths = [
            (leaf, value)
            for path in (*found.changed, *found.added)
            if follow or "${" not in str(_at(composed, path))
            for leaf, value in leaves(_at(escaped, path), path)
        ]
        return gone + [text for leaf, value in leaf_paths if (text := self._assignment(leaf, value))]

    def _assignment(self, path: tuple[Any, ...], value: Any) -> str | None:
        """``++key=value``; None where Hydra's command line cannot say it."""
        if not all(isinstance(key, str) and KEY.fullmatch(key) for key in path):
            return None
        if value is None and len(path) == 1 and path[0] in COLLECTIONS:
            return f"~{path[0]}"
        text = f"++{dotted(path)}={_as_typed(self._without_own_places(value))}"
        try:
            OverridesParser.create().parse_override(text)
        except OverrideParseException:
            return None
        return text

    def _without_own_places(self, value: Any) -> Any:
        """``value`` with the run's folder, the project's and the run's id as interpolations."""
        if isinstance(value, list):
            return [self._without_own_places(item) for item in value]
        if not isinstance(value, str):
            return value
        for key in ("output_dir", "root_dir"):
            folder = str(self.saved.paths[key])
            if value == folder or value.startswith(f"{folder}/"):
                return f"${{paths.{key}}}{value[len(folder) :]}"
        return "${run_id:}" if value in self.ids.values() else value


def _saved_config(folder: Path) -> DictConfig:
    file = folder / CONFIG_FILE
    try:
        saved = OmegaConf.load(file)
    except (OSError, YAMLError) as error:
        raise RunError(f"{file}: the run's saved config cannot be read: {error}") from error
    if not isinstance(saved, DictConfig) or "paths" not in saved:
        raise RunError(f"{file}: this is not the config of a run.")
    return saved


def _saved_hydra(folder: Path) -> dict[str, Any]:
    """What Hydra wrote of the start; empty for a run that a Python program started."""
    file = folder / ".hydra" / "hydra.yaml"
    if not file.exists():
        return {}
    hydra: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["hydra"]
    return hydra


def _without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in WHERE_AND_WHICH}


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _as_typed(value: Any) -> str:
    """A plain value in the grammar of overrides."""
    if isinstance(value, str):
        text = re.sub(r"(\\+)(?='|$)", r"\1\1", value).replace("'", r"\'")
        return f"'{text}'"
    if isinstance(value, list):
        return f"[{','.join(map(_as_typed, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_as_typed(item)}" for key, item in value.items()) + "}"
    return "null" if value is None else str(value).lower()
