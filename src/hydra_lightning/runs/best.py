"""Which run is the best by a metric."""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from hydra_lightning.errors import RunError
from hydra_lightning.runs.fields import Run

Mode = Literal["min", "max"]
MAXIMIZED = re.compile(
    r"(^|[/_.-])(acc\w*|top\d*|auc\w*|auroc|f1\w*|precision|recall|ap|map|bleu|rouge\w*|iou|miou|dice|jaccard"
    r"|kappa|mcc|r2|psnr|ssim|score|reward|return)([/_.@-]|$)",
    re.IGNORECASE,
)
MINIMIZED = re.compile(
    r"(^|[/_.-])(\w*loss|err|error\w*|\w*mse|\w*mae|mape|nll|bce|ece|brier|perplexity|ppl|wer|cer|fid|cost"
    r"|regret)([/_.@-]|$)",
    re.IGNORECASE,
)


def score(run: Run, metric: str) -> float | None:
    """The value of ``metric`` by which a run is judged: that of its best checkpoint where it was monitored, else
    the last one; None where it has none, or NaN."""
    monitored = run.part("best", "metric") == metric
    value = run.part("best", "value") if monitored else run.part("metrics", metric)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return None if not number or math.isnan(value) else float(value)


def direction(runs: Sequence[Run], metric: str, mode: Mode | None = None) -> Mode:
    """Whether ``metric`` is to be small or large: ``mode``, else as checkpoints monitored it, else by its name.

    Raises:
        RunError: nothing tells.
    """
    if mode is not None:
        return mode
    modes = Counter(
        best["mode"]
        for best in (run.field("best") for run in runs)
        if best and best["metric"] == metric and best.get("mode") in ("min", "max")
    )
    if modes:
        return "max" if modes["max"] > modes["min"] else "min"
    named = direction_by_name(metric)
    if named is None:
        raise RunError(
            f"Is {metric} better when it is small or large? Nothing tells; give --mode min or --mode max."
        )
    return named


def direction_by_name(metric: str) -> Mode | None:
    """Whether a metric of that name is to be small or large; None where the name does not tell."""
    if MAXIMIZED.search(metric):
        return "max"
    return "min" if MINIMIZED.search(metric) else None


def metric_name(runs: Sequence[Run], metric: str) -> str:
    """``metric`` without ``metrics.``.

    Raises:
        RunError: no run has it; says which come near.
    """
    name = metric.removeprefix("metrics.")
    known: dict[str, None] = dict.fromkeys(each for run in runs for each in run.field("metrics"))
    if name in known:
        return name
    ends = [each for each in known if each.endswith(f"/{name}")]
    if len(ends) == 1:
        return str(ends[0])
    near = ends or difflib.get_close_matches(name, known, n=3) or list(known)[:10]
    hint = f" There is {', '.join(near)}." if near else " They have no metrics yet."
    raise RunError(f"{metric!r}: no run has such a metric.{hint}")


def ranked(runs: Sequence[Run], metric: str, mode: Mode) -> list[Run]:
    """The runs that have a value of ``metric``, the best first; of equal ones first what has a checkpoint, then
    the older one. NaN is no value."""
    sign = 1 if mode == "min" else -1
    scored = [(value, run) for run in runs if (value := score(run, metric)) is not None]

    def rank(pair: tuple[float, Run]) -> tuple[float, bool, float]:
        value, run = pair
        return sign * value, not has_checkpoint(run), run.created.timestamp()

    return [run for _, run in sorted(scored, key=rank)]


def best_run(runs: Sequence[Run], metric: str, mode: Mode | None = None) -> Run:
    """The best of ``runs``.

    Raises:
        RunError: none has the metric, or only NaN, or it is not known what is better.
    """
    name = metric_name(runs, metric)
    order = ranked(runs, name, direction(runs, name, mode))
    if not order:
        raise RunError(f"{metric!r}: every run has NaN, so none is the best.")
    return order[0]


def has_checkpoint(run: Run) -> bool:
    """Whether the run wrote a checkpoint."""
    return any((run.field("checkpoints") or {}).values())
