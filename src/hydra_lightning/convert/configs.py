"""The config files of a converted program, and which of its options is which key."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from hydra_lightning.config.signatures.read import read_signature
from hydra_lightning.config.yaml_text import as_yaml, entry
from hydra_lightning.convert.classes import Written
from hydra_lightning.convert.flow import Flow
from hydra_lightning.convert.module_class import mode_hooks
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.settings import Setting, is_literal, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape

RESOLVERS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
}


def configs_of(written: Written, program: Program) -> tuple[dict[str, str], dict[str, str]]:
    """The files below ``configs/``, and the key of each setting by its code.

    Raises:
        Refused: the optimizer or the scheduler has an argument, or the loop over epochs a length, that is neither a
            literal nor a setting.
    """
    keys: dict[str, str] = {}
    roles, settings, stem, camel = program.roles, program.settings, program.stem, program.camel
    epochs = _epochs(program.flow, settings, keys)
    target, arguments = written.net
    model = [f"_target_: lightning_classes.models.{stem}_module.{camel}Module"]
    model += _entries(written.module_settings, "model", keys)
    named = {setting.name: setting for setting in written.used.values()}
    model += ["", "net:" if len(roles.nets) == 1 else "nets:", f"  _target_: {target}"]
    for name, value in arguments.items():
        setting = named.get(name)
        model += entry(name, as_yaml(value), setting.help if setting else "", "  ")
        if setting is not None:
            keys.setdefault(setting.code, f"model.{'net' if len(roles.nets) == 1 else 'nets'}.{name}")
    for role, piece in written.partials.items():
        path = roles.classes[piece]
        if path:
            model += ["", f"{role}:", f"  _target_: {path}", "  _partial_: true"]
            model += _arguments(piece, path, f"model.{role}", settings, keys)
    data = [f"_target_: lightning_classes.data.{stem}_datamodule.{camel}DataModule"]
    data += _entries(written.data_settings, "data", keys)
    experiment = _experiment(written, program, epochs, keys)
    files = {f"model/{stem}.yaml": model, f"data/{stem}.yaml": data, f"experiment/{stem}.yaml": experiment}
    return {f"configs/{name}": "\n".join(lines) + "\n" for name, lines in files.items()}, keys


def _entries(settings: Mapping[str, Setting], section: str, keys: dict[str, str]) -> list[str]:
    lines = []
    for name, setting in settings.items():
        known = keys.get(setting.code)
        lines += entry(name, f"${{{known}}}" if known else as_yaml(setting.value), setting.help)
        keys.setdefault(setting.code, f"{section}.{name}")
    return lines


def _arguments(
    piece: Piece, path: str, section: str, settings: Mapping[str, Setting], keys: dict[str, str]
) -> list[str]:
    assert isinstance(piece.node, ast.Assign)
    call = piece.node.value
    assert isinstance(call, ast.Call)
    signature = read_signature(path)
    names = [each.name for each in signature.named()] if signature is not None else []
    given = [
        *zip(names, call.args, strict=False),
        *((each.arg or "**", each.value) for each in call.keywords),
    ][1:]
    lines = []
    for name, value in given:
        setting = setting_in(value, piece, settings)
        if setting is not None:
            keys[setting.code] = f"{section}.{name}"
            lines += entry(name, as_yaml(setting.value), setting.help, "  ")
        elif is_literal(value):
            lines += entry(name, as_yaml(ast.literal_eval(value)), "", "  ")
        elif (formula := _formula(value, piece, settings, keys)) is not None:
            lines += entry(name, formula, "", "  ")
        else:
            raise Refused(
                "computed-argument", piece.site, f"{name} of {path} is computed: {piece.part(value)}"
            )
    return lines


def _formula(
    node: ast.expr, piece: Piece, settings: Mapping[str, Setting], keys: Mapping[str, str]
) -> str | None:
    """``${mul:${trainer.max_epochs},10}`` for ``EPOCHS * 10``, where every setting has a key."""
    setting = setting_in(node, piece, settings)
    if setting is not None:
        return f"${{{keys[setting.code]}}}" if setting.code in keys else None
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return repr(node.value)
    resolver = RESOLVERS.get(type(node.op)) if isinstance(node, ast.BinOp) else None
    if resolver is None or not isinstance(node, ast.BinOp):
        return None
    parts = [_formula(each, piece, settings, keys) for each in (node.left, node.right)]
    return None if None in parts else f"${{{resolver}:{parts[0]},{parts[1]}}}"


def _experiment(written: Written, program: Program, epochs: int, keys: dict[str, str]) -> list[str]:
    roles, settings, stem = program.roles, program.settings, program.stem
    typed = " ".join([program.file, *program.tape.command[1:]])
    lines = ["# @package _global_", f"# The training of {typed}", "", "defaults:"]
    lines += [
        f"  - override /data: {stem}",
        f"  - override /model: {stem}",
        "  - override /callbacks: model_checkpoint",
    ]
    lines += ["", f"tags: [{as_yaml(stem)}]", f"seed: {seed_of(program.flow, settings, program.tape, keys)}"]
    lines += ["test: false # the program has no test of its own", "", "trainer:"]
    lines.append(f"  max_epochs: {epochs}")
    loaders = [facts for name, facts in program.tape.objects.items() if name.startswith("loader")]
    if roles.val is not None and (mode_hooks(program.tape) or any(facts["generator"] for facts in loaders)):
        lines.append(
            "  num_sanity_val_steps: 0 # it would change what is drawn, or the mode, before training"
        )
    if roles.clip is not None:
        how, piece, limit = roles.clip
        setting = setting_in(limit, piece, settings)
        if setting is None and not is_literal(limit):
            raise Refused(
                "computed-argument",
                piece.site,
                f"the limit of the gradients is computed: {piece.part(limit)}",
            )
        if setting is not None:
            keys[setting.code] = "trainer.gradient_clip_val"
        lines.append(f"  gradient_clip_val: {as_yaml(setting.value if setting else ast.literal_eval(limit))}")
        if how == "value":
            lines.append("  gradient_clip_algorithm: value")
    lines += ["", "callbacks:", "  model_checkpoint:"]
    monitor = next((name for name in written.metrics if name == "val/loss"), None) or next(
        iter(written.metrics), None
    )
    lines.append(f"    monitor: {as_yaml(monitor)}")
    if monitor is not None and monitor.endswith(("acc", "auc", "f1", "score")):
        lines.append("    mode: max")
    return lines


def seed_of(flow: Flow, settings: Mapping[str, Setting], tape: Tape, keys: dict[str, str]) -> int:
    """The seed of the program, that of the recording where it sets none.

    Raises:
        Refused: it sets several.
    """
    events = [event for event in tape.events if event.kind == "seed" and event.site]
    values = {value for event in events for value in event.data["values"]}
    if len(values) > 1:
        raise Refused(
            "several-seeds", events[-1].site, f"generators are seeded differently: {sorted(values)}."
        )
    for piece in flow.setup:
        if any(piece.covers(event.site) for event in events):
            for node in ast.walk(piece.node):
                setting = setting_in(node, piece, settings)
                if setting is not None:
                    keys[setting.code] = "seed"
    return int(next(iter(values), tape.facts["seed"]))


def _epochs(flow: Flow, settings: Mapping[str, Setting], keys: dict[str, str]) -> int:
    head = flow.epochs
    node = head.node
    if isinstance(node, ast.For):
        iterated = node.iter
        while isinstance(iterated, ast.Call) and ast.unparse(iterated.func).rpartition(".")[2] in (
            "tqdm",
            "trange",
        ):
            iterated = iterated.args[0] if ast.unparse(iterated.func).endswith("tqdm") else iterated
            if ast.unparse(iterated).startswith("trange"):
                break
        if isinstance(iterated, ast.Call) and ast.unparse(iterated.func) in ("range", "trange"):
            values = [_number(each, head, settings, keys) for each in iterated.args]
            if values and None not in values:
                return len(range(*[int(each) for each in values if each is not None]))
    raise Refused("epochs", head.site, "the number of epochs is neither a literal nor a setting.")


def _number(node: ast.expr, piece: Piece, settings: Mapping[str, Setting], keys: dict[str, str]) -> Any:
    setting = setting_in(node, piece, settings)
    if setting is not None:
        keys[setting.code] = "trainer.max_epochs"
        return setting.value if isinstance(setting.value, (int, float)) else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "int" and len(node.args) == 1:
        value = _number(node.args[0], piece, settings, keys)
        return None if value is None else int(value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        one, two = (_number(each, piece, settings, keys) for each in (node.left, node.right))
        if one is None or two is None:
            return None
        return one + two if isinstance(node.op, ast.Add) else one - two
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else None
