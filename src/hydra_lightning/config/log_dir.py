"""Where a project keeps its runs, read without composing anything where that is as plain as a new project has it."""

from __future__ import annotations

import re
from pathlib import Path

from hydra_lightning.config.layout import chosen_groups

LOG_DIR = re.compile(r"^log_dir: *\$\{paths\.root_dir\}(/[\w./-]+) *(#.*)?$", re.MULTILINE)
ROOT_DIR = re.compile(r"^root_dir: *\$\{oc\.env:PROJECT_ROOT\} *(#.*)?$", re.MULTILINE)
# What could set paths elsewhere: an override of the group, its keys in another file, configs of other places.
ELSEWHERE = re.compile(r"(?<!\w)(log_dir *:|root_dir *:|paths *:|paths@|searchpath\b)")


def plain_log_dir(project: Path) -> Path | None:
    """``paths.log_dir`` of ``project``; None where only Hydra can tell."""
    configs = project / "configs"
    option = chosen_groups(configs / "train.yaml").get("paths")
    if not isinstance(option, str):
        return None
    file = configs / "paths" / f"{option.removesuffix('.yaml')}.yaml"
    marked = next(
        (each for each in (project, *project.parents) if (each / ".project-root").is_file()), project
    )
    try:
        text = file.read_text(encoding="utf-8")
        others = [each.read_text(encoding="utf-8") for each in configs.rglob("*.yaml") if each != file]
    except (OSError, ValueError):
        return None
    found = LOG_DIR.findall(text)
    chosen = re.compile(rf"^ +- paths: {re.escape(option)}\b", re.MULTILINE)
    elsewhere = any(ELSEWHERE.search(chosen.sub("", each)) for each in others)
    once = len(found) == 1 and text.count("log_dir:") == 1 and len(ROOT_DIR.findall(text)) == 1
    if not once or elsewhere or marked != project or "defaults" in text or "@package" in text:
        return None
    return project.joinpath(found[0][0].strip("/"))
