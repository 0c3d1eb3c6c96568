"""The config files of a converted program, and which of its options is which key."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from hydra_lightning.config.yaml_text import as_yaml, entry
from hydra_lightning.convert.accelerators import accelerator_arguments
from hydra_lightning.convert.arguments import Node
from hydra_lightning.convert.classes import Written
from hydra_lightning.convert.early_stopping import Patience
from hydra_lightning.convert.epochs import epochs_of
from hydra_lightning.convert.evaluation import Evaluation, best_by, validation_of
from hydra_lightning.convert.flags import benchmark_of
from hydra_lightning.convert.flow import Flow, pieces_in
from hydra_lightning.convert.model_modes import evaluates_in_train_mode, mode_hooks
from hydra_lightning.convert.optimizers import Partial
from hydra_lightning.convert.program import Program
from hydra_lightning.convert.refusal import Refused
from hydra_lightning.convert.rewrite import only_seeds
from hydra_lightning.convert.settings import RESOLVERS, Computed, Setting, is_literal, literal_of, setting_in
from hydra_lightning.convert.source import Piece
from hydra_lightning.parity.tape import Tape

# Where the arguments of an Accelerator are in a project.
OF_ACCELERATOR = {
    "gradient_accumulation_steps": "trainer.accumulate_grad_batches",
    "mixed_precision": "trainer.precision",
    "cpu": "trainer.accelerator",
    "log_with": "logger",
    "project_dir": "paths.log_dir",
}
PRECISIONS = {"bf16": "bf16-mixed", "fp16": "16-mixed"}
# Other libraries want lists, and no ListConfig.
LISTS = "_convert_: all"
# How metrics end of which more is better.
HIGH = ("acc", "auc", "f1", "score", "iou", "dice", "psnr", "ssim", "precision", "recall", "r2")


def configs_of(written: Written, program: Program) -> tuple[dict[str, str], dict[str, str]]:
    """The files below ``configs/``, and the key of each setting by its code.

    Raises:
        Refused: the loop over epochs has a length that is neither a literal nor a setting.
    """
    keys: dict[str, str] = {}
    roles, settings, stem, camel = program.roles, program.settings, program.stem, program.camel
    limit = program.step_limit
    epochs = epochs_of(program.flow, settings, keys) if limit is None or limit.has_epochs else -1
    if limit is not None and limit.setting is not None:
        keys[limit.setting.code] = "trainer.max_steps"
    seed_of(program.flow, settings, program.tape, keys)
    for each in [*written.module_settings.values(), *written.data_settings.values()]:
        if keys.get(each.code) == "ckpt_path":
            # A folder that checkpoints are in, and more.
            del keys[each.code]
    for name, each in written.data_settings.items():
        # What the model takes too is the data's: the model is made to fit them.
        keys.setdefault(each.code, f"data.{name}")
    for role, partial in written.partials.items():
        # A setting is where people look for it first: model.optimizer.lr.
        for name, value in partial.config.items():
            setting = setting_in(value, partial.piece, settings)
            if setting is not None:
                keys.setdefault(setting.code, f"model.{role}.{name}")
    model = [f"_target_: lightning_classes.models.{stem}_module.{camel}Module"]
    model += _entries(written.module_settings, "model", keys)
    net = "net" if len(roles.nets) == 1 else "nets"
    model += ["", f"{net}:", *_node(written.net, f"model.{net}", keys)]
    for role, partial in written.partials.items():
        model += ["", f"{role}:", f"  _target_: {partial.path}", "  _partial_: true"]
        model += _arguments(partial, f"model.{role}", settings, keys)
    data = [f"_target_: lightning_classes.data.{stem}_datamodule.{camel}DataModule"]
    if any(isinstance(each.value, (list, dict)) for each in written.data_settings.values()):
        data.append(LISTS)
    data += _entries(written.data_settings, "data", keys)
    experiment = _experiment(written, program, epochs, keys)
    files = {f"model/{stem}.yaml": model, f"data/{stem}.yaml": data, f"experiment/{stem}.yaml": experiment}
    texts = {f"configs/{name}": "\n".join(lines) + "\n" for name, lines in files.items()}

    def place(known: tuple[str, str]) -> int:
        """Epochs, the model, what trains it, the data, and the rest."""
        section, _, name = known[1].partition(".")
        if known[1] == "trainer.max_epochs":
            return 0
        if section == "model":
            return 2 if name.partition(".")[0] in written.partials else 1
        return 3 if section == "data" else 4

    return texts, dict(sorted(keys.items(), key=place))


def _entries(settings: Mapping[str, Setting], section: str, keys: dict[str, str]) -> list[str]:
    return [line for name, each in settings.items() for line in _setting_entry(name, each, section, keys)]


def _setting_entry(
    name: str, setting: Setting, section: str, keys: dict[str, str], indent: str = ""
) -> list[str]:
    """The value of a setting where its key is; elsewhere, where to find it."""
    key = keys.setdefault(setting.code, f"{section}.{name}")
    value = as_yaml(setting.value) if key == f"{section}.{name}" else f"${{{key}}}"
    return entry(name, value, setting.help, indent)


def _node(node: Node, section: str, keys: dict[str, str], indent: str = "  ") -> list[str]:
    """The lines of a ``_target_`` with its arguments."""
    lines = [f"{indent}_target_: {node.target}"]
    lines += [f"{indent}_partial_: true"] if node.is_partial else []
    values = [getattr(each, "value", each) for each in node.arguments.values()]
    if any(isinstance(each, (list, dict)) for each in values):
        lines.append(f"{indent}{LISTS}")
    for name, value in node.arguments.items():
        if isinstance(value, Node):
            lines += [f"{indent}{name}:", *_node(value, f"{section}.{name}", keys, f"{indent}  ")]
        elif isinstance(value, Computed):
            lines += entry(name, as_yaml(value.value), value.code, indent)
        elif isinstance(value, Setting):
            lines += _setting_entry(name, value, section, keys, indent)
        else:
            lines += entry(name, as_yaml(value), "", indent)
    return lines


def _arguments(
    partial: Partial, section: str, settings: Mapping[str, Setting], keys: dict[str, str]
) -> list[str]:
    lines = []
    for name, value in partial.config.items():
        setting = setting_in(value, partial.piece, settings)
        if setting is not None:
            lines += _setting_entry(name, setting, section, keys, "  ")
        elif is_literal(value):
            lines += entry(name, as_yaml(ast.literal_eval(value)), "", "  ")
        else:
            lines += entry(name, str(_formula(value, partial.piece, settings, keys)), "", "  ")
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
    plan = validation_of(program)
    patience = plan.patience if plan is not None else None
    typed = " ".join([program.file, *program.tape.command[1:]])
    lines = ["# @package _global_", f"# The training of {typed}", "", "defaults:"]
    lines += [
        f"  - override /data: {stem}",
        f"  - override /model: {stem}",
        f"  - override /callbacks: {'model_checkpoint' if patience is None else '[model_checkpoint, early_stopping]'}",
    ]
    lines += ["", f"tags: [{as_yaml(stem)}]", f"seed: {seed_of(program.flow, settings, program.tape, keys)}"]
    if program.first:
        program.keep(program.first, "the key validate")
        lines.append("validate: true # before training, too")
    is_tested = roles.test is not None
    monitored, flow = _monitored(written, program), program.flow
    lines += [
        "test: true" if is_tested else "test: false # the program has no test of its own",
        f"optimized_metric: {monitored[0] if monitored and not flow.interval else 'null'}",
        "",
        "trainer:",
    ]
    why = "" if epochs > 0 else " # as many as the steps need"
    lines.append(f"  max_epochs: {epochs}{why}")
    if program.step_limit is not None:
        program.keep(program.step_limit.pieces, "trainer.max_steps")
        lines.append(f"  max_steps: {program.step_limit.number}")
        if program.step_limit.is_evaluated:
            lines.append("  min_epochs: null # the last step may come in the first epoch")
    lines += _interval(program, keys)
    loaders = [facts for name, facts in program.tape.objects.items() if name.startswith("loader")]
    is_changed = bool(mode_hooks(program)) or evaluates_in_train_mode(program)
    if plan is not None and (is_changed or any(facts["generator"] for facts in loaders)):
        lines.append(
            "  num_sanity_val_steps: 0 # it would change what is drawn, a mode or statistics, before training"
        )
    elif plan is not None and roles.kept and roles.plateau:
        lines.append("  num_sanity_val_steps: 0 # it would step the schedule")
    elif plan is not None and (plan.stop or program.early or any(map(program.evaluates, program.steps))):
        lines.append("  num_sanity_val_steps: 0 # nothing else is evaluated before training")
    lines += [f"  precision: {program.precision}"] if program.precision else []
    told = {piece: value for piece in program.flow.setup if (value := benchmark_of(piece)) is not None}
    program.keep(told, "trainer.benchmark")
    lines += [f"  benchmark: {as_yaml(value)}" for value in [*told.values()][-1:]]
    lines += _of_accelerator(program, keys)
    for kind, cut in program.cuts.items():
        if cut is program.skipped:
            continue
        program.keep([cut.piece], f"trainer.limit_{kind}_batches")
        name = f"limit_{kind}_batches"
        if cut.setting is None:
            lines.append(f"  {name}: {cut.batches}")
        else:
            lines += _setting_entry(name, cut.setting, "trainer", keys, "  ")
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
    lines += ["", "callbacks:"]
    if plan is not None and patience is not None:
        lines += _early_stopping(program, plan, patience, keys)
    lines.append("  model_checkpoint:")
    if is_tested and not _restores(program):
        lines.append("    monitor: null # the weights as they are at the end are tested")
    elif monitored is None:
        lines.append("    monitor: null")
    else:
        lines += [f"    monitor: {monitored[0]}", f"    mode: {monitored[1]}"]
    return lines


def _monitored(written: Written, program: Program) -> tuple[str, str] | None:
    """The metric that tells which weights are best, and ``min`` or ``max``."""
    plan = validation_of(program)
    best = best_by(program, plan) if plan is not None else None
    if best is not None or not written.metrics:
        return best
    name = "val/loss" if "val/loss" in written.metrics else next(iter(written.metrics))
    return name, "max" if name.endswith(HIGH) else "min"


def _early_stopping(
    program: Program, plan: Evaluation, patience: Patience, keys: dict[str, str]
) -> list[str]:
    """The entry of the callback.

    Raises:
        Refused: the patience is neither a literal nor a setting.
    """
    piece, limit = patience.limit
    setting = setting_in(limit, piece, program.settings)
    value = setting.value if setting is not None else literal_of(limit)
    if not isinstance(value, int):
        raise Refused("computed-argument", piece.site, f"the patience is computed: {piece.part(limit)}")
    if setting is not None:
        keys[setting.code] = "callbacks.early_stopping.patience"
    name = next(name for name, _, value in plan.logged if ast.unparse(value) == patience.name)
    return [
        "  early_stopping:",
        f"    monitor: val/{name}",
        f"    mode: {patience.mode}",
        f"    patience: {value + patience.more}",
        "    check_finite: false # NaN is no better, as in the program",
    ]


def _interval(program: Program, keys: dict[str, str]) -> list[str]:
    """How often the model is evaluated.

    Raises:
        Refused: that is neither a literal nor a setting.
    """
    interval = program.flow.interval
    if interval is None:
        return []
    setting = setting_in(interval.number, interval.branch, program.settings)
    value = setting.value if setting is not None else literal_of(interval.number)
    if not isinstance(value, int):
        told = interval.branch.part(interval.number)
        raise Refused("computed-argument", interval.branch.site, f"how often to evaluate is computed: {told}")
    (key, unit), *others = interval.keys.items()
    if setting is not None:
        keys[setting.code] = f"trainer.{key}"
    program.keep([interval.branch], f"trainer.{key}")
    return [
        f"  {key}: {value} # {unit}",
        *(f"  {name}: {as_yaml(each)} # count them through the epochs" for name, each in others),
    ]


def _of_accelerator(program: Program, keys: dict[str, str]) -> list[str]:
    """What an Accelerator is told, or done by hand, and the Trainer has keys for."""
    arguments = accelerator_arguments(program.flow.setup)
    if program.roles.accumulate is not None:
        arguments.setdefault("gradient_accumulation_steps", program.roles.accumulate)
        program.keep([program.roles.accumulate[0]], "trainer.accumulate_grad_batches")
    lines = []
    for name, key in OF_ACCELERATOR.items():
        if name not in arguments:
            continue
        piece, value = arguments[name]
        setting = setting_in(value, piece, program.settings)
        if setting is not None:
            keys.setdefault(setting.code, key)
        known = program.known.value(value, piece)
        if name == "mixed_precision" and known in PRECISIONS:
            lines.append(f"  precision: {PRECISIONS[known]}")
        if (
            name == "gradient_accumulation_steps"
            and isinstance(known, int)
            and (setting is not None or known > 1)
        ):
            lines.append(f"  accumulate_grad_batches: {known}")
    return lines


def _restores(program: Program) -> bool:
    """Whether weights are loaded after the training, before the test."""
    calls = [each for piece in pieces_in(program.flow.end) for each in ast.walk(piece.node)]
    return any(isinstance(each, ast.Attribute) and each.attr == "load_state_dict" for each in calls)


def seed_of(flow: Flow, settings: Mapping[str, Setting], tape: Tape, keys: dict[str, str]) -> int:
    """The seed of the program, that of the recording where it sets none.

    Raises:
        Refused: it sets several.
    """
    events = [event for event in tape.events if event.kind == "seed" and event.site]
    events = [event for event in events if not _seeds_in_what_it_makes(event.site, flow, tape)]
    values = {value for event in events for value in event.data["values"]}
    if len(values) > 1:
        raise Refused(
            "several-seeds", events[-1].site, f"generators are seeded differently: {sorted(values)}."
        )
    for piece in flow.setup:
        if only_seeds(piece, flow.setup) or any(piece.covers(event.site) for event in events):
            for node in ast.walk(piece.node):
                setting = setting_in(node, piece, settings)
                if setting is not None and not isinstance(setting.value, dict):
                    keys[setting.code] = "seed"
    for piece in flow.not_run:
        # A seed that was not given, and a checkpoint to go on from.
        for word, key in (("seed(", "seed"), ("load(", "ckpt_path")):
            if word in piece.text(comments=False):
                found = (setting_in(node, piece, settings) for node in ast.walk(piece.node))
                for setting in found:
                    if setting is not None:
                        keys.setdefault(setting.code, key)
    return int(next(iter(values), tape.facts["seed"]))


def _seeds_in_what_it_makes(site: str, flow: Flow, tape: Tape) -> bool:
    """Whether a function or a class seeds while it makes something of the program: it goes on doing so."""
    stack = tape.stacks.get("seed", {}).get(site, [site])
    makers = [each for each in flow.setup if isinstance(each.node, ast.Assign) and not each.covers(site)]
    return any(piece.covers(each) for piece in makers for each in stack)
