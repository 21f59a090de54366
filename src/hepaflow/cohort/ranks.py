"""Rank tests of two groups, of pairs, and of lesions that share patients; exact also with ties.

Mann HB, Whitney DR. Ann Math Stat 1947;18:50-60. Wilcoxon F. Biometrics Bull 1945;1:80-83. Hodges JL, Lehmann EL. Ann Math Stat 1963;34:598-611.
Datta S, Satten GA. J Am Stat Assoc 2005;100:908-915.

Unknown values (NaN) are left out and counted. A two-sided exact p is twice the smaller tail, at most 1, as R's wilcox.test has it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from hepaflow.cohort.crossed import Bools, check_units
from hepaflow.cohort.rank_distribution import cut, rank_sum_tails, signed_rank_tails, signed_rank_ways, u_ways
from hepaflow.cohort.sample import places
from hepaflow.errors import InputRefused

Values = npt.NDArray[np.float64]
Alternative = Literal["two-sided", "greater", "less"]
#: Exact rank-sum up to this many values in both groups, exact signed-rank up to this many pairs: well under a second each.
EXACT_VALUES = 150
EXACT_PAIRS = 200
SIDES = {"two-sided": "two-sided", "greater": "one-sided, greater", "less": "one-sided, less"}
#: A variance of scores below this is rounding.
NO_VARIANCE = 1e-18


@dataclass(frozen=True, slots=True)
class RankTest:
    """A rank-sum test: ``statistic`` is U of the first group (pairs in which its value is the greater, ties one half).

    ``shift`` is the Hodges-Lehmann estimate (median of all differences first - second) in the unit of the values; its interval is None where the groups are
    too small for 95 %. With ties the interval covers at least as often as it says.
    """

    test: str
    statistic: float
    p: float
    n_first: int
    n_second: int
    shift: float
    shift_ci95: tuple[float, float] | None
    ties: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class SignedRankTest:
    """A signed-rank test: ``statistic`` is the sum of the ranks of positive differences among ``n`` that are not zero.

    ``shift`` is the median of the averages of all pairs of differences, zeros among them, in the unit of the values.
    """

    test: str
    statistic: float
    p: float
    n: int
    zeros: int
    shift: float
    shift_ci95: tuple[float, float] | None
    ties: bool
    left_out: int


@dataclass(frozen=True, slots=True)
class ClusteredRankTest:
    """A rank-sum test over clusters: ``statistic`` is near standard normal under no difference and positive where the first group is higher; None without spread."""

    test: str
    statistic: float | None
    p: float
    n_first: int
    n_second: int
    clusters: int
    mixed_clusters: int
    left_out: int


def mann_whitney(positive_values: Values, negative_values: Values, *, alternative: Alternative = "two-sided") -> RankTest:
    """Whether values of the first group tend to be higher or lower than those of the second; units are independent.

    Up to ``EXACT_VALUES`` values p is exact, from all ways to share the observed (mid)ranks among the groups; beyond it is the normal approximation
    with tie and continuity correction. ``greater`` asks whether the first group is higher. Refused: infinite values, an empty group.

    >>> found = mann_whitney(np.array([3.1, 4.0, 5.2]), np.array([1.0, 2.2, 2.9, 3.0]))
    >>> found.test, found.statistic, round(found.p, 4)
    ('exact Mann-Whitney (Wilcoxon rank-sum) test, two-sided', 12.0, 0.0571)
    """
    first, second = _known(positive_values), _known(negative_values)
    left_out = positive_values.size + negative_values.size - first.size - second.size
    _check_side(alternative)
    if not first.size or not second.size:
        raise InputRefused("RANKS-EMPTY", "a group has no known value", "Compare groups that both have values")
    together = np.concatenate([first, second])
    ranks = stats.rankdata(together)
    n, m = first.size, second.size
    u = float(ranks[:n].sum()) - n * (n + 1) / 2
    exact = n + m <= EXACT_VALUES
    if exact:
        p = _p(*rank_sum_tails(ranks, n, seen=float(ranks[:n].sum())), alternative)
    else:
        p = _normal_p(u - n * m / 2, n * m / 12 * (n + m + 1 - _tied(together) / ((n + m) * (n + m - 1))), alternative)
    outside = cut(u_ways(n, m) if exact else None, mean=n * m / 2, variance=n * m * (n + m + 1) / 12)
    shift, ci = _shift(np.subtract.outer(first, second).ravel(), outside)
    return RankTest(
        _name("Mann-Whitney (Wilcoxon rank-sum) test", exact, alternative),
        u,
        p,
        n,
        m,
        shift,
        ci,
        bool(np.unique(together).size < together.size),
        left_out,
    )


def wilcoxon_signed(differences: Values, *, alternative: Alternative = "two-sided") -> SignedRankTest:
    """Whether differences of pairs tend to be above or below zero; pairs are independent.

    Zeros are left out of the ranks, as Wilcoxon did. Up to ``EXACT_PAIRS`` others p is exact over all signs of the observed (mid)ranks; beyond it is the
    normal approximation with tie and continuity correction. Refused: infinite values, no known difference.

    >>> found = wilcoxon_signed(np.array([1.1, 2.0, -0.4, 3.0, 0.0]))
    >>> found.statistic, found.p, found.n, found.zeros
    (9.0, 0.25, 4, 1)
    """
    known = _known(differences)
    _check_side(alternative)
    if not known.size:
        raise InputRefused("RANKS-EMPTY", "no difference is known", "Compare pairs that have both values")
    other = known[known != 0]
    ranks, n = stats.rankdata(np.abs(other)), other.size
    v = float(ranks[other > 0].sum())
    exact = n <= EXACT_PAIRS
    if exact:
        p = _p(*signed_rank_tails(ranks, v), alternative)
    else:
        p = _normal_p(v - n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24 - _tied(np.abs(other)) / 48, alternative)
    k = known.size
    outside = cut(signed_rank_ways(k) if k <= EXACT_PAIRS else None, mean=k * (k + 1) / 4, variance=k * (k + 1) * (2 * k + 1) / 24)
    shift, ci = _shift((known[:, None] + known)[np.triu_indices(k)] / 2, outside)
    return SignedRankTest(
        _name("Wilcoxon signed-rank test", exact, alternative),
        v,
        p,
        n,
        k - n,
        shift,
        ci,
        bool(np.unique(np.abs(other)).size < n),
        differences.size - k,
    )


def clustered_ranks(
    values: Values, positive: Bools, *, cluster: npt.NDArray[np.generic], alternative: Alternative = "two-sided"
) -> ClusteredRankTest:
    """Whether values of ``positive`` units tend to differ from those of the others where units share clusters (lesions of patients).

    The rank-sum test of Datta and Satten: the mean over all ways to draw one unit of each cluster, so a cluster counts once however many units it has and
    may hold both groups. p is from the t distribution with clusters - 1 degrees of freedom: the normal one of the paper errs in up to 6.2 % of cohorts of
    32 clusters (``docs/quality/study.md``).
    Refused: rows of different length, infinite values, an empty group, fewer than two clusters.

    >>> found = clustered_ranks(np.array([5.0, 6.0, 1.0, 2.0]), np.array([True, True, False, False]), cluster=np.array([1, 2, 3, 3]))
    >>> found.clusters, found.mixed_clusters, round(found.statistic, 3)
    (3, 0, 1.342)
    """
    known = np.isfinite(values)
    _known(values)
    _check_side(alternative)
    if values.shape != positive.shape:
        raise InputRefused(
            "RANKS-UNEQUAL", "values and groups are not of the same units", "Give one value and one group for every unit"
        )
    check_units(positive, positive, cluster=cluster)
    x, first, place = values[known], positive[known], places(cluster[known])
    size = np.bincount(place)
    n_first, clusters = int(first.sum()), size.size
    if n_first in (0, x.size) or clusters < 2:
        raise InputRefused(
            "RANKS-EMPTY", "a group has no known value, or all are of one cluster", "Compare groups that both have values"
        )
    share = np.bincount(place, first) / size
    everywhere = _below(x, 1.0 / size[place])
    others = everywhere - _below_within(x, place, size)
    excess = float((np.bincount(place, first * (1 + others)) / size).sum() / (clusters + 1) - share.sum() / 2)
    pull = (clusters - 1) * first - (share.sum() - share[place])
    scores = np.bincount(place, pull * (everywhere / clusters - 0.5)) / size / (clusters + 1)
    variance = float((scores**2).sum())
    statistic = excess / math.sqrt(variance) if variance > NO_VARIANCE else None
    upper, lowest = 1.0, 1.0
    if statistic is not None:
        upper, lowest = float(stats.t.sf(statistic, clusters - 1)), float(stats.t.cdf(statistic, clusters - 1))
    return ClusteredRankTest(
        f"rank-sum test for clustered data (Datta and Satten), t distribution with clusters - 1 degrees of freedom, {SIDES[alternative]}",
        statistic,
        _p(lowest, upper, alternative),
        n_first,
        x.size - n_first,
        clusters,
        int(((share > 0) & (share < 1)).sum()),
        values.size - x.size,
    )


def _below(x: Values, weight: Values) -> Values:
    """For each unit the weight of all that lie below it, ties one half."""
    place = np.unique(x, return_inverse=True)[1]
    at = np.bincount(place, weight)
    return np.asarray((np.cumsum(at) - 0.5 * at)[place])


def _below_within(x: Values, place: npt.NDArray[np.intp], size: npt.NDArray[np.intp]) -> Values:
    """For each unit the share of its own cluster that lies below it, ties one half."""
    share = np.full(x.size, 0.5)
    order = np.argsort(place, kind="stable")
    for units in np.split(order, np.cumsum(size)[:-1]):
        if units.size > 1:
            share[units] = _below(x[units], np.full(units.size, 1.0 / units.size))
    return share


def _known(values: Values) -> Values:
    if values.ndim != 1 or np.isinf(values).any():
        raise InputRefused(
            "RANKS-VALUE", "a value is infinite, or the values are not a row", "Give a row of numbers, NaN where unknown"
        )
    return np.asarray(values[~np.isnan(values)], dtype=np.float64)


def _check_side(alternative: str) -> None:
    if alternative not in SIDES:
        raise InputRefused("RANKS-ALTERNATIVE", "the alternative is not known", "Use two-sided, greater or less")


def _name(test: str, exact: bool, alternative: Alternative) -> str:
    return (
        f"exact {test}, {SIDES[alternative]}"
        if exact
        else f"{test}, normal approximation with tie and continuity correction, {SIDES[alternative]}"
    )


def _p(below: float, above: float, alternative: Alternative) -> float:
    return min(1.0, {"two-sided": 2 * min(below, above), "greater": above, "less": below}[alternative])


def _normal_p(excess: float, variance: float, alternative: Alternative) -> float:
    if variance <= 0:
        return 1.0
    half = {"two-sided": 0.5 * np.sign(excess), "greater": 0.5, "less": -0.5}[alternative]
    z = (excess - half) / math.sqrt(variance)
    return _p(float(stats.norm.cdf(z)), float(stats.norm.sf(z)), alternative)


def _tied(values: Values) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts**3 - counts).sum())


def _shift(every: Values, outside: int) -> tuple[float, tuple[float, float] | None]:
    """The median, and the ``outside``-th smallest and largest (None where it is 0); ``every`` is put in another order."""
    middle = (every.size - 1) // 2, every.size // 2
    ends = (outside - 1, every.size - outside) if outside > 0 else ()
    every.partition(sorted({*middle, *ends}))
    median = float(every[list(middle)].mean())
    return median, (float(every[ends[0]]), float(every[ends[1]])) if ends else None
