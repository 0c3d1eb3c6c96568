"""Metrics that a config watches and that the model, as far as its source tells, never logs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hydra_lightning.config.messages import nearest
from hydra_lightning.config.problems import Problem
from hydra_lightning.config.signatures.lookup import Definition, TargetNotFound, locate, resolve
from hydra_lightning.config.signatures.modules import Library

OWN = ("lightning", "pytorch_lightning", "hydra_lightning", "torch")
ALWAYS = ("epoch", "step")
# Hooks in which nothing can be logged.
SILENT = ("__init__", "setup", "configure_model", "configure_optimizers", "prepare_data")
# What Lightning appends to a name: https://lightning.ai/docs/pytorch/stable/extensions/logging.html
SUFFIX = r"(_step|_epoch)?(/dataloader_idx_\d+)?"


def unlogged_monitors(plain: Mapping[str, Any]) -> Iterator[Problem]:
    """A warning for each monitor that no ``self.log`` of the model can have logged.

    None where that cannot be known: a name is computed, or callbacks that are not Lightning's may log as well.
    """
    monitors = {key: name for key, name in _monitors(plain) if isinstance(name, str)}
    model = plain.get("model")
    target = model.get("_target_") if isinstance(model, Mapping) else None
    if not monitors or not isinstance(target, str) or _has_own_callbacks(plain):
        return
    logged = logged_metrics(target)
    if logged is None:
        return
    # The same name at another key is most often an interpolation of the first.
    firsts = {name: key for key, name in reversed(monitors.items())}
    for name, key in firsts.items():
        if name not in ALWAYS and not any(
            re.fullmatch(pattern + SUFFIX, name) for pattern in logged.values()
        ):
            known = ", ".join(logged)
            text = f"{target} logs no metric {name!r}.{nearest(name, logged)} It logs {known}"
            yield Problem(key, text, level="warning")


def logged_metrics(target: str) -> dict[str, str] | None:
    """The names that a LightningModule logs, each with a pattern of it; None when its source does not say."""
    library = Library()
    try:
        found = locate(library, target)
    except TargetNotFound:
        return None
    names: dict[str, str] = {}
    waiting = [found]
    while waiting:
        owner = waiting.pop()
        if not isinstance(owner, Definition) or not isinstance(owner.node, ast.ClassDef):
            return None
        if owner.module.name.partition(".")[0] in OWN:
            continue
        if not _add_logged(owner.node, names):
            return None
        waiting += [resolve(library, owner.module, base) for base in owner.node.bases]
    return names or None


def _add_logged(node: ast.ClassDef, names: dict[str, str]) -> bool:
    """Add what the methods of a class log to ``names``; whether all of it can be read."""
    bodies = [each for each in node.body if getattr(each, "name", "") not in SILENT]
    for call in (each for body in bodies for each in ast.walk(body)):
        if not isinstance(call, ast.Call):
            continue
        if any(isinstance(each, ast.Name) and each.id == "self" for each in call.args):
            return False
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name == "log" and _is_self(call.func):
            first = call.args[0] if call.args else _keyword(call, "name")
            written = [first]
        elif name == "log_dict" and _is_self(call.func):
            first = call.args[0] if call.args else _keyword(call, "dictionary")
            if not isinstance(first, ast.Dict):
                return False
            written = list(first.keys)
        else:
            continue
        for each in written:
            pattern = _pattern(each)
            if pattern is None or each is None:
                return False
            names[pattern[0]] = pattern[1]
    return True


def _pattern(node: ast.expr | None) -> tuple[str, str] | None:
    """A name as written, and a regular expression of it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value, re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        shown, pattern = "", ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                shown, pattern = shown + str(part.value), pattern + re.escape(str(part.value))
            else:
                shown, pattern = shown + "*", pattern + ".*"
        return shown, pattern
    return None


def _monitors(plain: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    callbacks = plain.get("callbacks")
    for name, callback in callbacks.items() if isinstance(callbacks, Mapping) else ():
        if isinstance(callback, Mapping):
            yield f"callbacks.{name}.monitor", callback.get("monitor")
    model = plain.get("model")
    schedule = model.get("lr_scheduler_config") if isinstance(model, Mapping) else None
    if isinstance(schedule, Mapping) and model and model.get("scheduler") is not None:
        yield "model.lr_scheduler_config.monitor", schedule.get("monitor")
    yield "optimized_metric", plain.get("optimized_metric")


def _has_own_callbacks(plain: Mapping[str, Any]) -> bool:
    callbacks = plain.get("callbacks")
    members = callbacks.values() if isinstance(callbacks, Mapping) else ()
    targets = [str(each.get("_target_")) for each in members if isinstance(each, Mapping)]
    return any(target.partition(".")[0] not in OWN for target in targets)


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)
