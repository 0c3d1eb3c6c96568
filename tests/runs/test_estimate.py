from __future__ import annotations

import math
import statistics

import pytest

from hydra_lightning.runs.estimate import estimate, student_t


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.683, 0.9, 0.95, 0.99, 0.999])
def test_students_t_is_that_of_scipy_to_nine_digits(confidence: float) -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    for degrees in (*range(1, 60), 99, 100, 999, 1000):
        expected = scipy_stats.t.ppf((1 + confidence) / 2, degrees)
        assert student_t(confidence, degrees) == pytest.approx(expected, rel=1e-9)


def test_students_t_is_that_of_printed_tables() -> None:
    table = {1: 12.7062047, 2: 4.30265273, 3: 3.18244631, 4: 2.77644511, 9: 2.26215716, 30: 2.04227246}
    for degrees, expected in table.items():
        assert student_t(0.95, degrees) == pytest.approx(expected, rel=1e-8)


def test_an_estimate_is_that_of_the_formulas() -> None:
    values = [0.971, 0.978, 0.983]
    found = estimate(values, 0.95)
    assert found is not None
    half = 4.302652729911275 * statistics.stdev(values) / math.sqrt(3)
    assert (found.n, found.mean) == (3, pytest.approx(sum(values) / 3))
    assert found.std == pytest.approx(statistics.stdev(values))
    assert (found.low, found.high) == (pytest.approx(found.mean - half), pytest.approx(found.mean + half))


def test_the_interval_holds_the_mean_as_often_as_it_says() -> None:
    import random

    draw = random.Random(0)
    held = 0
    for _ in range(2000):
        found = estimate([draw.gauss(5, 2) for _ in range(4)], 0.9)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 5 <= found.high
    assert 0.88 < held / 2000 < 0.92


def test_one_value_has_no_deviation_and_no_interval_and_none_no_estimate() -> None:
    found = estimate([0.5], 0.95)
    assert found is not None
    assert (found.n, found.mean, found.std, found.low, found.high) == (1, 0.5, None, None, None)
    assert estimate([], 0.95) is None


def test_equal_values_have_an_interval_of_one_point() -> None:
    found = estimate([0.1, 0.1, 0.1], 0.95)
    assert found is not None
    assert (found.mean, found.std, found.low, found.high) == (0.1, 0.0, 0.1, 0.1)


@pytest.mark.parametrize(("confidence", "degrees"), [(0, 1), (1, 1), (95, 1), (0.95, 0)])
def test_impossible_confidences_are_refused(confidence: float, degrees: int) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        student_t(confidence, degrees)
