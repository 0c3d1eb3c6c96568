from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hydra_lightning.errors import RunError
from hydra_lightning.runs.fields import Run
from hydra_lightning.runs.filters import apply, moments, parse

NOW = datetime.now().astimezone()


def run(name: str, settings: dict[str, Any] | None = None, **fields: Any) -> Run:
    record = {"created": NOW.isoformat(), "status": "completed", "metrics": {}, "tags": []} | fields
    blocks: dict[str, dict[str, Any]] = {}
    for key, value in (settings or {}).items():
        blocks.setdefault(key.partition(".")[0], {})[key] = value
    return Run(Path(f"2026-01-01_10-00-00_{name}"), record, name, blocks)


RUNS = [
    run(
        "aaaa",
        {
            "model.optimizer.lr": 0.001,
            "data.batch_size": 64,
            "model.net.sizes": "[64, 32]",
            "model.compile": True,
        },
        experiment="digits",
        tags=["baseline", "dev"],
        metrics={"val/acc": 0.95, "val/loss": 0.1},
        git={"commit": "4ce4395aa", "branch": "main", "dirty": False},
        note="the first Baseline",
        seed=1,
        seconds=30.0,
        sweep={"id": "2026-01-01_09-00-00_swee", "trial": 3, "params": {"lr": 0.001}},
    ),
    run(
        "bbbb",
        {"model.optimizer.lr": 0.3, "data.batch_size": 64, "model.net.sizes": "[64]", "model.compile": False},
        experiment="digits/wide",
        metrics={"val/acc": 0.5, "val/loss": math.nan},
        git={"commit": "99aa", "branch": "main", "dirty": True},
        created=(NOW - timedelta(days=10)).isoformat(),
        seed=2,
        seconds=7000.0,
        sweep=None,
    ),
    run(
        "cccc",
        {"model.optimizer.lr": "auto", "model.scheduler": None},
        status="failed",
        experiment=None,
        git=None,
        error={"type": "OutOfMemoryError", "message": "CUDA out of memory", "at": "x.py:1"},
    ),
]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ("status=completed", "aaaa bbbb"),
        ("status!=completed", "cccc"),
        ("status=failed,lost", "cccc"),
        ("experiment=digits", "aaaa"),
        ("experiment=digits*", "aaaa bbbb"),
        ("experiment=null", "cccc"),
        ("tag=baseline", "aaaa"),
        ("tags!=baseline", "bbbb cccc"),
        ("model.optimizer.lr<1e-2", "aaaa"),
        ("model.optimizer.lr=1e-3", "aaaa"),
        ("model.optimizer.lr=auto", "cccc"),
        ("lr>=0.3", "bbbb"),
        ("data.batch_size=64.0", "aaaa bbbb"),
        ("data.batch_size!=64", "cccc"),
        ("model.net.sizes=[64,32]", "aaaa"),
        ("sizes=[64],[64,32]", "aaaa bbbb"),
        ("model.compile=true", "aaaa"),
        ("model.scheduler=null", "cccc"),
        ("metrics.val/acc>0.9", "aaaa"),
        ("val/acc > 0.9", "aaaa"),
        ("val/loss=nan", "bbbb"),
        ("val/loss<1", "aaaa"),
        ("seed=1", "aaaa"),
        ("seconds>1h", "bbbb"),
        ("git.commit=4ce4", "aaaa"),
        ("git.dirty=true", "bbbb"),
        ("note~baseline", "aaaa"),
        ("note!~baseline", "bbbb cccc"),
        ("error~memory", "cccc"),
        ("error!=null", "cccc"),
        ("id=bb", "bbbb"),
        ("sweep=swee", "aaaa"),
        ("sweep=2026-01-01_09", "aaaa"),
        ("sweep!=null", "aaaa"),
        ("sweep.trial=3", "aaaa"),
        ("created>7d", "aaaa cccc"),
        ("created<1w", "bbbb"),
        ("created>=today", "aaaa cccc"),
        ("status=completed lr<1", "aaaa bbbb"),
    ],
)
def test_a_filter_keeps_the_runs_that_fulfil_it(filters: str, left: str) -> None:
    parts = [filters] if " > " in filters else filters.split()
    assert " ".join(each.short for each in apply([parse(part, NOW) for part in parts], list(RUNS))) == left


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digits", "'digits' is no filter"),
        ("status=finished", "There are running, completed"),
        ("status=complted", "Did you mean completed?"),
        ("model.optimizer.lrr<1", r"'model.optimizer.lrr': no run has .* Did you mean model.optimizer.lr"),
        ("val/ac>0.9", "Did you mean metrics.val/acc"),
        ("batchsize=64", "Did you mean data.batch_size"),
        ("lr<fast", "model.optimizer.lr is a number, and 'fast' is none"),
        ("seed=one", "seed is a number, and 'one' is none"),
        ("experiment<digits", "experiment is text"),
        ("created>soon", "'soon' is no date"),
        ("created>2026-13", "'2026-13' is no date"),
    ],
)
def test_a_wrong_filter_is_explained(text: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        apply([parse(text)], list(RUNS))


def test_the_end_of_several_names_lists_them() -> None:
    several = [run("dddd", {"a.lr": 1, "b.lr": 2})]
    with pytest.raises(RunError, match=r"'lr' is the end of several names; write one of them: a.lr, b.lr"):
        apply([parse("lr<1")], several)


def test_a_setting_of_the_name_of_an_alias_or_field_is_found() -> None:
    assert apply([parse("resume=x")], [run("eeee", {"resume": "x"}, resume="checkpoints/resume.ckpt")])


def test_no_runs_fulfil_any_filter() -> None:
    assert apply([parse("whatever=1")], []) == []


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", (2026, 1, 1), (2027, 1, 1)),
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2026-02-28", (2026, 2, 28), (2026, 3, 1)),
        ("2026-02-28 14:05", (2026, 2, 28, 14, 5), (2026, 2, 28, 14, 6)),
        ("2026-02-28T14:05:07", (2026, 2, 28, 14, 5, 7), (2026, 2, 28, 14, 5, 8)),
    ],
)
def test_a_date_is_the_whole_time_that_it_names(
    text: str, start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    assert moments(text, "", NOW) == tuple(datetime(*each).astimezone() for each in (start, end))  # type: ignore[arg-type]


def test_today_is_the_day_on_which_the_filter_was_asked() -> None:
    asked = datetime(2026, 2, 3, 23, 59, 59).astimezone()
    late, early = (
        run(name, created=(asked + later).isoformat())
        for name, later in [("late", timedelta(seconds=-60)), ("soon", timedelta(days=-1))]
    )
    assert apply([parse("created=today", asked)], [late, early]) == [late]
    assert apply([parse("created=yesterday", asked)], [late, early]) == [early]


def test_a_date_that_is_compared_is_in_or_out_as_a_whole() -> None:
    noon = [run("noon", created=datetime(2026, 2, 3, 12).astimezone().isoformat())]
    assert all(apply([parse(f"created{how}2026-02-03")], noon) for how in ("=", "<=", ">="))
    assert not any(apply([parse(f"created{how}2026-02-03")], noon) for how in ("<", ">", "!="))
