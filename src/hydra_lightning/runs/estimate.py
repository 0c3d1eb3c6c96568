"""A mean, and how sure it is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """What ``n`` values say about the mean of what they were drawn from.

    Attributes:
        n: how many values.
        mean: theirs.
        std: the standard deviation of the sample (divided by n - 1); None for one value.
        low, high: the confidence interval of the mean by Student's t; None for one value.
    """

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None


def estimate(values: Sequence[float], confidence: float) -> Estimate | None:
    """The estimate from finite ``values``; None when there are none.

    Raises:
        ValueError: ``confidence`` is not between 0 and 1.
    """
    if not values:
        return None
    mean = statistics.mean(values)
    if len(values) == 1:
        return Estimate(1, mean, None, None, None)
    std = statistics.stdev(values)
    half = student_t(confidence, len(values) - 1) * std / math.sqrt(len(values))
    return Estimate(len(values), mean, std, mean - half, mean + half)


def student_t(confidence: float, degrees: int) -> float:
    """The t with ``confidence`` of Student's distribution between -t and t.

    Raises:
        ValueError: ``confidence`` is not between 0 and 1, or ``degrees`` is not positive.
    """
    if not 0 < confidence < 1 or degrees < 1:
        raise ValueError(f"confidence {confidence} with {degrees} degrees of freedom")
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _between(middle, degrees) < confidence else (low, middle)
    return math.sqrt(degrees) * math.tan(middle)


def _between(angle: float, degrees: int) -> float:
    """The probability between -t and t, where t = sqrt(degrees) tan(angle).

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 (odd) and 26.7.4 (even): finite sums.
    """
    odd = degrees % 2
    cosine = math.cos(angle)
    term = total = cosine if odd and degrees > 1 else 1.0 - odd
    for step in range(2 + odd, degrees, 2):
        term *= cosine**2 * (step - 1) / step
        total += term
    if odd:
        return (angle + math.sin(angle) * total) * 2 / math.pi
    return math.sin(angle) * total
