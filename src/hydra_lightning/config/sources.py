"""Where each key of a composed config was written: the file and line, or the override."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.default_element import ResultDefault
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hydra_lightning.config.problems import COMMAND_LINE

Path_ = tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A line of a file, or an override."""

    file: str
    line: int | None = None
    override: str | None = None


@dataclass(frozen=True)
class Source:
    """One config file of the defaults list and the lines of its keys.

    ``declares``: it is the main config or an option of a group, whose keys are those that others may change.
    """

    file: Path
    lines: dict[Path_, int]
    declares: bool
    is_main: bool


class Sources:
    """What composed a config, in the order in which later ones win.

    Args:
        hydra: the ``hydra`` node of the composed config.
        root: the project; files are named relative to it.
        saved: the saved config of a run, which the sections ``taken`` are from.
    """

    def __init__(
        self, hydra: DictConfig, root: Path, saved: Path | None = None, taken: Sequence[str] = ()
    ) -> None:
        self._hydra = hydra
        self._root = root
        self._saved = saved
        self._taken = taken

    @property
    def hydra(self) -> DictConfig:
        return self._hydra

    @property
    def choices(self) -> dict[str, Any]:
        """The chosen option of each group, None for a group without one."""
        return dict(self._hydra.runtime.choices)

    def options(self, group: str) -> set[str]:
        """The options that a group has in the config folders."""
        folders = [Path(each.path) for each in self._hydra.runtime.config_sources if each.schema == "file"]
        return {file.stem for folder in folders for file in (folder / group).glob("*.yaml")}

    def of(self, key: str) -> Place | None:
        """Where ``key``, or the nearest key above it, was written last; the main config for what no file has."""
        path: Path_ = tuple(key.split("."))
        while path:
            place = self._typed(path) or self._in_a_file(path) or self._typed_below(path)
            if place is not None:
                return place
            path = path[:-1]
        main = next((source.file for source in self.files if source.is_main), None)
        return Place(self._named(main)) if main is not None else None

    def declared(self, key: str) -> bool:
        """Whether the main config or the option of a group has ``key``."""
        path = tuple(key.split("."))
        return any(source.declares and path in source.lines for source in self.files)

    @cached_property
    def files(self) -> list[Source]:
        return [*self._read(), *self._of_saved()]

    @cached_property
    def _overrides(self) -> list[Override]:
        setup_globals()
        return OverridesParser.create().parse_overrides(self._all_typed)

    @cached_property
    def _all_typed(self) -> list[str]:
        # As text: an override may hold an interpolation.
        typed: Any = OmegaConf.to_container(self._hydra.overrides)
        return [*typed["hydra"], *typed["task"]]

    def _typed(self, path: Path_) -> Place | None:
        """The last override that sets ``path`` or something above it to a value."""
        groups = set(self.choices)
        for override in reversed(self._overrides):
            name = override.key_or_group
            if name.split("@")[0] not in groups and path[: len(name.split("."))] == tuple(name.split(".")):
                return Place(COMMAND_LINE, override=override.input_line)
        return None

    def _typed_below(self, path: Path_) -> Place | None:
        """An override that makes ``path`` by setting something in it."""
        for override in self._overrides:
            if override.is_add() and tuple(override.key_or_group.split("."))[: len(path)] == path:
                return Place(COMMAND_LINE, override=override.input_line)
        return None

    def _in_a_file(self, path: Path_) -> Place | None:
        for source in reversed(self.files):
            # A file of a group has no key for the object that it describes, only those in it.
            line = source.lines.get(path) or source.lines.get((*path, "_target_"))
            if line is not None:
                return Place(self._named(source.file), line)
        return None

    def _named(self, file: Path) -> str:
        return str(file.relative_to(self._root)) if file.is_relative_to(self._root) else str(file)

    def _of_saved(self) -> Iterator[Source]:
        if self._saved is not None:
            lines = {path: line for path, line in key_lines(self._saved).items() if path[0] in self._taken}
            yield Source(self._saved, lines, declares=True, is_main=False)

    def _read(self) -> Iterator[Source]:
        search = ConfigSearchPathImpl()
        for source in self._hydra.runtime.config_sources:
            search.append(source.provider, f"{source.schema}://{source.path}")
        loader = ConfigLoaderImpl(search)
        defaults = loader.compute_defaults_list(self._hydra.job.config_name, self._all_typed, RunMode.RUN)
        folders = [Path(each.path) for each in loader.repository.get_sources() if each.scheme() == "file"]
        for default in defaults.defaults:
            file = _file(default, folders)
            if file is not None:
                package = tuple(part for part in (default.package or "").split(".") if part)
                yield Source(file, _lines(file, package), bool(package or default.primary), default.primary)


def key_lines(file: Path) -> dict[Path_, int]:
    """The line of each key of a YAML file."""
    return _lines(file, ())


def _file(default: ResultDefault, folders: Sequence[Path]) -> Path | None:
    name = (default.config_path or "").removesuffix(".yaml") + ".yaml"
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _lines(file: Path, package: Path_) -> dict[Path_, int]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tree = yaml.compose(file.read_text(), Loader=loader)
    lines: dict[Path_, int] = {}
    if tree is not None:
        _walk(tree, package, lines)
    return lines


def _walk(node: yaml.Node, path: Path_, lines: dict[Path_, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*path, str(name.value))
            lines[inner] = name.start_mark.line + 1
            _walk(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*path, str(index))
            lines[inner] = value.start_mark.line + 1
            _walk(value, inner, lines)
