"""Sweeps whose truth is known."""

from __future__ import annotations

import math
import random

import pytest

from hydra_lightning.runs.report.importance import LEAST_RUNS, importance


def swept(runs: int, seed: int = 0) -> dict[str, list[float | str | int | None]]:
    """A random search: a learning rate over four orders of magnitude, a choice, a null, and two without effect."""
    source = random.Random(seed)
    return {
        "lr": [10 ** source.uniform(-5, -1) for _ in range(runs)],
        "act": [source.choice(["relu", "gelu", "tanh"]) for _ in range(runs)],
        "clip": [source.choice([None, 0.5, 1.0]) for _ in range(runs)],
        "width": [source.choice([32, 64, 128]) for _ in range(runs)],
        "seed": [source.randrange(10**6) for _ in range(runs)],
    }


def loss(settings: dict[str, list[float | str | int | None]], run: int, noise: random.Random) -> float:
    """Best at lr 1e-3, in the middle of its range; tanh is worse; the others do nothing."""
    lr = settings["lr"][run]
    assert isinstance(lr, float)
    return (math.log10(lr) + 3) ** 2 + (0.8 if settings["act"][run] == "tanh" else 0.0) + noise.gauss(0, 0.1)


@pytest.mark.parametrize("runs", [40, 200])
def test_what_matters_is_found_and_what_does_not_is_not(runs: int) -> None:
    settings, noise = swept(runs), random.Random(1)
    found = importance([loss(settings, run, noise) for run in range(runs)], settings)
    by_name = {each.name: each for each in found.shares}
    assert found.shares[0].name == "lr"
    assert by_name["lr"].share > (0.5 if runs == 200 else 0.3) > by_name["lr"].chance
    assert all(by_name[name].share < 0.15 for name in ("clip", "width", "seed"))
    if runs == 200:
        assert by_name["act"].share > by_name["act"].chance


def test_a_setting_without_effect_passes_for_one_in_about_one_sweep_of_twenty() -> None:
    passed = 0
    for sweep in range(200):
        settings, source = swept(24, sweep), random.Random(1000 + sweep)
        found = importance([source.random() for _ in range(24)], {"width": settings["width"]})
        passed += sum(each.share > each.chance for each in found.shares)
    assert 2 <= passed <= 20


def test_the_share_is_that_of_the_formula() -> None:
    # Ranks 1 to 4 and 5 to 8: SS = 8 * 2**2 = 32, SST = 42, MS = 10 / 6; (32 - 10 / 6) / (42 + 10 / 6) = 91 / 131.
    found = importance([1, 2, 3, 4, 5, 6, 7, 8], {"side": ["a"] * 4 + ["b"] * 4})
    assert found.shares[0].share == pytest.approx(91 / 131, abs=1e-4)
    assert found.shares[0].share > found.shares[0].chance


def test_a_small_effect_is_seen_beside_a_large_one() -> None:
    lr = [each for each in (0.001, 0.01, 0.1) for _ in range(8)]
    batch: list[float | str | int | None] = [32, 128] * 12
    noise = random.Random(3)
    values = [each * 100 + (batch[run] == 128) * 0.04 + noise.random() * 0.02 for run, each in enumerate(lr)]
    found = {each.name: each for each in importance(values, {"lr": lr, "batch": batch}).shares}
    assert found["lr"].share > 0.5
    assert 0 < found["batch"].chance < found["batch"].share < 0.2


def test_settings_that_were_changed_together_get_what_they_have_in_common() -> None:
    net = ["small"] * 6 + ["large"] * 12
    width: list[float | str | int | None] = [8] * 6 + [64] * 6 + [128] * 6
    found = importance([float(run // 6) + run / 100 for run in range(18)], {"net": net, "width": width})
    assert {each.name for each in found.shares if each.share > each.chance} == {"net", "width"}


def test_a_scale_changes_nothing() -> None:
    settings, noise = swept(60), random.Random(2)
    values = [loss(settings, run, noise) for run in range(60)]
    stretched = {**settings, "lr": [math.log10(float(lr or 1)) for lr in settings["lr"]]}
    assert importance(values, settings) == importance([math.exp(value) for value in values], stretched)


def test_runs_that_diverged_count_as_the_worst() -> None:
    lr = [0.1, 0.2, 0.3, 0.4] * 5
    values = [math.nan if each == 0.4 else each for each in lr]
    lower, higher = (importance(values, {"lr": lr}, lower=side) for side in (True, False))
    assert lower.broken == higher.broken == 5
    assert lower.shares[0].share == pytest.approx(1.0, abs=1e-3)
    assert higher.shares[0].share == pytest.approx(1.0, abs=1e-3)


def test_runs_without_the_metric_do_not_count_and_too_few_say_nothing() -> None:
    lr = [0.1, 0.2] * 10
    values: list[float | None] = [None] * 20
    values[: LEAST_RUNS - 1] = [float(place) for place in range(LEAST_RUNS - 1)]
    found = importance(values, {"lr": lr})
    assert (found.runs, found.shares, found.unjudged) == (LEAST_RUNS - 1, [], [])


def test_a_setting_that_only_one_run_has_otherwise_is_not_judged() -> None:
    names: list[str | float | int | None] = [f"run {place}" for place in range(20)]
    found = importance(
        [float(place) for place in range(20)], {"odd": [1, *[2] * 19], "name": names, "side": [1, 2] * 10}
    )
    assert [each.name for each in found.shares] == ["side"]
    assert found.unjudged == ["odd", "name"]


def test_equal_metrics_have_no_cause() -> None:
    assert importance([1.0] * 12, {"side": [1, 2] * 6}).shares[0].share == 0.0
