"""Writes a JSON schema for every config file of a project, from what each one composes to."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from hydra_lightning.config.editor import with_modeline, with_schemas
from hydra_lightning.config.layout import COLLECTIONS, OVERLAYS, chosen_groups, main_configs, options
from hydra_lightning.config.messages import explain
from hydra_lightning.config.schema import ConfigFile, Known, file_schema, shared_definitions, targets_in
from hydra_lightning.config.schema_targets import TARGETS, known_signatures, targets_schema
from hydra_lightning.config.schema_types import Schema
from hydra_lightning.config.sources import Sources
from hydra_lightning.config.undeclared import READ, undeclared
from hydra_lightning.errors import ConfigError
from hydra_lightning.tasks.compose import compose_raw, config_folder

FOLDER = ".hydra-schemas"
# The schema of a file that is not there yet. The YAML extension takes letters, digits and _-. in a name.
NEW = "_new"
# Hydra raises a ValueError for a defaults list with values of another kind, such as no.
NOT_COMPOSED = (CompactHydraException, OmegaConfBaseException, YAMLError, ValueError)


@dataclass(frozen=True)
class Schemas:
    """The schemas of a project.

    Args:
        files: the text of each, by its path below ``.hydra-schemas/``.
        matches: which config files each schema is for, as globs below the project; ``!`` excludes.
        broken: config files that do not compose, and why; their schemas know less.
    """

    files: dict[str, str]
    matches: dict[str, list[str]]
    broken: dict[str, str]

    def write(self, project: Path) -> list[str]:
        """Write what has changed, remove what is of no use any more, and return the paths of both."""
        folder = project / FOLDER
        wanted = {
            **self.files,
            ".gitignore": "# made by hydra-lightning schema, from the installed packages\n*\n",
        }
        stale = self.stale(project)
        for name in stale:
            if name in wanted:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(wanted[name], encoding="utf-8")
            else:
                (folder / name).unlink()
        if not (folder / ".gitignore").is_file():
            (folder / ".gitignore").write_text(wanted[".gitignore"], encoding="utf-8")
        return stale

    def write_settings(self, project: Path) -> Path:
        """Tell VS Code which schema is for which file, in ``.vscode/settings.json``; other settings stay.

        Raises:
            ConfigError: that file is there and cannot be parsed; it is left as it is.
        """
        file = project / ".vscode" / "settings.json"
        before = file.read_text(encoding="utf-8") if file.is_file() else ""
        matches = {f"./{FOLDER}/{name}": globs for name, globs in self.matches.items()}
        try:
            after = with_schemas(before, matches, ours=f"./{FOLDER}/")
        except ConfigError as error:
            raise ConfigError(
                f"{file}: {error} It was left as it is. Mend it, or use the schemas without it: "
                "hydra-lightning schema --modelines"
            ) from error
        if after != before:
            file.parent.mkdir(exist_ok=True)
            file.write_text(after, encoding="utf-8")
        return file

    def write_modelines(self, project: Path) -> list[Path]:
        """Name the schema of each config file in its first line; return the files that changed."""
        changed: list[Path] = []
        for name in self.matches:
            file = project / "configs" / Path(name).with_suffix(".yaml")
            if file.is_file():
                before = file.read_text(encoding="utf-8")
                after = with_modeline(before, f"{'../' * (name.count('/') + 1)}{FOLDER}/{name}")
                if after != before:
                    file.write_text(after, encoding="utf-8")
                    changed.append(file)
        return changed

    def stale(self, project: Path) -> list[str]:
        """The schemas on disk that are missing, out of date, or of no config file."""
        folder = project / FOLDER
        there = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*.json")}
        changed = [
            name
            for name, text in self.files.items()
            if name not in there or there[name].read_text(encoding="utf-8") != text
        ]
        return sorted({*changed, *(set(there) - set(self.files))})


@dataclass(frozen=True)
class _Composed:
    """A config file and what it composes to.

    Args:
        file: the config file.
        names: the keys of the top (``""``) and of the sections without a target that something reads.
        elsewhere: whether Hydra searches other folders for configs too.
        problem: why it does not compose; its schema is then made from what stands in it.
    """

    file: ConfigFile
    names: dict[str, set[str]]
    elsewhere: bool = False
    problem: str = ""


def schemas(project: str | Path = ".") -> Schemas:
    """The schemas of all config files of a project. No target is imported.

    Raises:
        ConfigError: the project has no ``configs/``.
    """
    configs = config_folder(project)
    with warnings.catch_warnings():
        # Hydra asks for _self_ in a file that is composed by itself.
        warnings.simplefilter("ignore")
        composed = list(_composed(configs))
    files = [each.file for each in composed]
    groups = options(configs)
    closed = {key: set(names) for key, names in READ.items()}
    closed[""] |= {group.partition("/")[0] for group in groups} | {"hydra"}
    for each in composed:
        for key, names in each.names.items():
            closed[key] |= names
    signatures = known_signatures(
        target for file in files for target in targets_in([file.tree, file.content])
    )
    known = Known(signatures, groups, _comments(configs), closed, any(each.elsewhere for each in composed))
    everything = [*files, *_new_files(groups, files)]
    texts = {file.schema_file: _text(file_schema(file, known)) for file in everything}
    return Schemas(
        texts | {TARGETS: _text(targets_schema(signatures, shared_definitions(known)))},
        {file.schema_file: _globs(file, files) for file in everything},
        {each.file.name: each.problem for each in composed if each.problem},
    )


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _composed(configs: Path) -> Iterator[_Composed]:
    """Every config file, the main configs first."""
    mains: list[_Composed] = []
    for name in main_configs(configs):
        mains.append(_compose(configs, name, "", [(f"{name}.yaml", [])], {}))
    yield from mains
    base = mains[0].file.tree if mains else {}
    for group, names in options(configs).items():
        for option in names:
            name = f"{group}/{option}"
            package = _package(configs / f"{name}.yaml", group)
            if package:
                yield _compose(configs, name, package, [(name, [])], None)
            else:
                ways = [
                    (f"{main.file.name}.yaml", [_choice(configs, main.file.name, name)]) for main in mains
                ]
                yield _compose(configs, name, package, ways, base)


def _compose(
    configs: Path, name: str, package: str, ways: Sequence[tuple[str, list[str]]], otherwise: Any
) -> _Composed:
    """Compose a file in the first of ``ways`` that works; without one its tree is ``otherwise``, or itself."""
    problem, content, is_main = "", {}, "/" not in name
    try:
        loaded = OmegaConf.load(configs / f"{name}.yaml")
        content = _plain(loaded) if isinstance(loaded, DictConfig) else {}
        if package and "defaults" not in content:
            return _Composed(ConfigFile(name, package, content, content), {})
        for main, overrides in ways:
            try:
                config, hydra = compose_raw(configs, overrides, main)
            except NOT_COMPOSED as error:
                problem = problem or explain(error) or str(error)
                continue
            tree = _plain(config)
            names = {} if package else _names(config, tree, hydra, configs.parent)
            for part in package.split(".") if package else ():
                tree = tree.get(part) or {}
            file = ConfigFile(name, package, tree, content, is_main)
            return _Composed(file, names, bool(hydra.searchpath))
    except NOT_COMPOSED as error:
        problem = explain(error) or str(error)
    tree = content if otherwise is None else otherwise
    return _Composed(ConfigFile(name, package, tree, content, is_main), {}, problem=problem)


def _plain(config: DictConfig) -> dict[str, Any]:
    return cast("dict[str, Any]", OmegaConf.to_container(config))


def _names(
    config: DictConfig, tree: Mapping[str, Any], hydra: DictConfig, project: Path
) -> dict[str, set[str]]:
    """The keys at the top and in the sections of ``READ`` that are declared or read somewhere."""
    wrong = {problem.key for problem in undeclared(config, tree, Sources(hydra, project))}
    return {
        key: {name for name in section if (f"{key}.{name}" if key else name) not in wrong}
        for key in READ
        if isinstance(section := tree.get(key) if key else tree, Mapping)
    }


def _package(file: Path, group: str) -> str:
    """The dotted key where Hydra puts the content of ``file``; empty for the top."""
    own = group.replace("/", ".")
    found = re.search(r"^#\s*@package\s+(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    words = (found[1] if found else "_group_").replace("_group_", own).split(".")
    return ".".join(word for word in words if word != "_global_")


def _choice(configs: Path, main: str, name: str) -> str:
    """The override that chooses the option ``name`` with this main config."""
    chosen = chosen_groups(configs / f"{main}.yaml")
    group, _, option = name.rpartition("/")
    while group and group not in chosen and "/" in group:
        group, _, below = group.rpartition("/")
        option = f"{below}/{option}"
    return f"{'' if group in chosen else '+'}{group}={option}"


def _new_files(groups: Iterable[str], files: Sequence[ConfigFile]) -> Iterator[ConfigFile]:
    """What a new file of each group has to look like."""
    mains = {file.name: file for file in files if file.is_main}
    base = next(iter(mains.values())).tree if mains else {}
    for group in groups:
        if group in OVERLAYS:
            yield ConfigFile(f"{group}/{NEW}", "", base)
        else:
            tree = {} if group in (*COLLECTIONS, "extras", "paths") else {"_target_": ""}
            yield ConfigFile(f"{group}/{NEW}", group.replace("/", "."), tree)


def _globs(file: ConfigFile, files: Sequence[ConfigFile]) -> list[str]:
    if not file.name.endswith(f"/{NEW}"):
        return [f"configs/{file.name}.yaml"]
    beside = [each.name for each in files if each.group == file.group]
    return [f"configs/{file.group}/*.yaml", *(f"!configs/{name}.yaml" for name in beside)]


def _comments(configs: Path) -> dict[str, str]:
    """What the main configs say about their keys, above them or beside them."""
    found: dict[str, str] = {}
    for name in main_configs(configs):
        above: list[str] = []
        for line in (configs / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
            match = re.match(r"(\w+):[^#]*(?:# (.*))?$", line)
            if line.startswith("# "):
                above.append(line.removeprefix("# "))
                continue
            if match and (said := " ".join(above) or match[2]) and match[1] != "defaults":
                found.setdefault(match[1], said)
            above = []
    return found
