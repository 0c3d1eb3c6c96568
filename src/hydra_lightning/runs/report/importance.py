"""Which settings matter: how much of the order of the runs by a metric each of them accounts for.

An analysis of variance of the ranks of the metric (Conover and Iman 1981, "Rank transformations as a bridge between
parametric and nonparametric statistics", The American Statistician 35), by groups of runs with the same value of a
setting. The share of a setting is its omega squared, after what the other settings account for was taken out (Olejnik
and Algina 2003, "Generalized eta and omega squared statistics", Psychological Methods 8):

    share = max(0, (SS - df * MS) / (SST + MS)),    MS = SSR / (n - p - df)

SST is the sum of squares of the n ranks around their mean; SS what of it the df = k - 1 contrasts between the k groups
of the setting add to a model that has the p columns of a constant and the groups of the others; SSR what is left then.
df * MS is what a setting without effect would add, so many values are no advantage. ``chance`` is the share that 1 in
20 shuffles of the residuals of the model without the setting reach (Freedman and Lane 1983, "A nonstochastic
interpretation of reported significance levels", Journal of Business and Economic Statistics 1).

Ranks make it the same on a logarithmic scale and proof against a run that diverged; groups make it see a value in the
middle that is best, and take choices as they take numbers. With few runs, only the settings that account for most are
taken out of the others. Where a setting was changed together with others, so that the model cannot tell them apart,
nothing is taken out, and it gets what they have in common. What only two settings together do is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hydra_lightning.runs.settings import Plain

Matrix = np.ndarray[Any, np.dtype[np.float64]]

# Of 8 runs in two groups of 4, 2 in 70 orders split perfectly; of 7, 2 in 35, which is more than 1 in 20.
LEAST_RUNS = 8
SHUFFLES = 200
CHANCE = 0.95
# One or two odd runs tell nothing about what makes them odd.
LEAST_OUTSIDE = 3
MOST_BINS = 5
MOST_GROUPS = 12
# Columns of 0 and 1 of which less than this is left are those of others.
SMALLEST = 1e-6


@dataclass(frozen=True)
class Share:
    """What one setting accounts for, from 0 to 1, and what 1 in 20 random shuffles of the runs reach."""

    name: str
    share: float
    chance: float


@dataclass(frozen=True)
class Importance:
    """The settings, the largest share first; those whose values too few runs have in common are ``unjudged``.

    ``runs`` is how many have the metric, ``broken`` for how many of them it is not finite. Both lists are empty
    when ``runs`` is less than ``LEAST_RUNS``.
    """

    runs: int
    broken: int
    shares: list[Share]
    unjudged: list[str]


def importance(
    metric: Sequence[float | None], settings: Mapping[str, Sequence[Plain]], *, lower: bool = True
) -> Importance:
    """How much each setting accounts for; deterministic.

    Args:
        metric: the value of each run; None where it has none, and the run does not count. A value that is not
            finite counts as the worst.
        settings: by name, the value of each run; None is a value like others.
        lower: whether smaller values of the metric are better.
    """
    used = [place for place, value in enumerate(metric) if value is not None]
    values = [float(metric[place] or 0.0) for place in used]
    broken = sum(not math.isfinite(value) for value in values)
    if len(used) < LEAST_RUNS:
        return Importance(len(used), broken, [], [])
    worst = math.inf if lower else -math.inf
    ranks = _ranks([value if math.isfinite(value) else worst for value in values])
    groups: dict[str, Matrix] = {}
    unjudged: list[str] = []
    for name, of_runs in settings.items():
        members = _members([of_runs[place] for place in used])
        if members is None:
            unjudged.append(name)
        else:
            groups[name] = members
    others = _strongest(ranks, groups, len(used) // 3)
    random = np.random.default_rng(0)
    orders = np.stack([np.arange(len(used)), *(random.permutation(len(used)) for _ in range(SHUFFLES))])
    shares = []
    for name, members in groups.items():
        beside = [others[other] for other in others if other != name]
        found = _shares(ranks, members, beside, orders) or _shares(ranks, members, [], orders)
        chance = sorted(found[1:])[math.ceil(CHANCE * SHUFFLES) - 1]
        shares.append(Share(name, round(found[0], 4), round(chance, 4)))
    return Importance(len(used), broken, sorted(shares, key=lambda each: -each.share), unjudged)


def _strongest(ranks: Matrix, groups: Mapping[str, Matrix], most: int) -> dict[str, Matrix]:
    """The settings that account for most on their own, as long as they have no more than ``most`` columns."""
    as_it_is = np.arange(len(ranks))[None]
    alone = {name: _shares(ranks, members, [], as_it_is) for name, members in groups.items()}
    chosen: dict[str, Matrix] = {}
    for name in sorted(alone, key=lambda name: -alone[name][0]):
        if sum(members.shape[1] for members in (*chosen.values(), groups[name])) <= most:
            chosen[name] = groups[name]
    return chosen


def _ranks(values: Sequence[float]) -> Matrix:
    """From 1; equal values share their mean."""
    _, place, count = np.unique(np.array(values), return_inverse=True, return_counts=True)
    ranks: Matrix = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranks


def _members(values: Sequence[Plain]) -> Matrix | None:
    """A column of 0 and 1 for each group of runs but the first; None where too few runs have a value in common."""
    distinct = sorted(set(values), key=lambda value: (isinstance(value, str), str(type(value)), value or 0))
    bins = min(MOST_BINS, len(values) // 4)
    as_they_are = max(bins, min(MOST_GROUPS, len(values) // 3))
    if len(distinct) > as_they_are and all(type(value) in (int, float) for value in values):
        places = (_ranks([float(value or 0) for value in values]) - 0.5) / len(values) * bins
        groups = np.minimum(places.astype(np.int64), bins - 1)
    else:
        groups = np.array([distinct.index(value) for value in values])
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not 2 <= len(sizes) <= min(MOST_GROUPS, len(values) // 2) or len(values) - sizes.max() < LEAST_OUTSIDE:
        return None
    members: Matrix = np.eye(len(sizes))[groups][:, 1:]
    return members


def _shares(ranks: Matrix, members: Matrix, others: Sequence[Matrix], orders: Any) -> list[float]:
    """The formula above for the residuals in each of ``orders``, the first of which is as they are.

    Empty where ``others`` leave nothing of a contrast between the groups.
    """
    n, df = members.shape
    model = _basis(np.column_stack([np.ones(n), *others]))
    contrasts = _basis(members - model @ (model.T @ members))
    if contrasts.shape[1] < df:
        return []
    rows = (ranks - model @ (model.T @ ranks))[orders]
    rows -= (rows @ model) @ model.T
    added = ((rows @ contrasts) ** 2).sum(axis=1)
    noise = np.maximum((rows**2).sum(axis=1) - added, 0.0) / max(1, n - model.shape[1] - df)
    total = ((ranks - ranks.mean()) ** 2).sum() + noise
    shares = np.maximum(0.0, (added - df * noise) / np.where(total > 0, total, 1.0))
    return [float(share) for share in shares]


def _basis(columns: Matrix) -> Matrix:
    """Orthonormal columns that span the same; fewer, where some follow from others."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    basis: Matrix = left[:, sizes > SMALLEST]
    return basis
