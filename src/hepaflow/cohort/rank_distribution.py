"""Exact distributions of rank sums, with and without ties, by counting the ways to each sum (dynamic programming).

Conditional on the observed midranks: Streitberg B, Röhmel J. Stat Softw Newsl 1986;12:10-17. Counts are floats, exact up to 2^53 and correct to a few
units of the last place above; a tail is a sum of counts, so a small p is as accurate as a large one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import stats

Values = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]
#: Half of what a 95 % interval leaves outside, and what rounding may add to it.
TAIL = 0.025 * (1 + 1e-9)


def rank_sum_tails(ranks: Values, n: int, *, seen: float) -> tuple[float, float]:
    """P(sum <= ``seen``) and P(sum >= ``seen``) for the ranks of ``n`` units drawn from all with equal chances; ``ranks`` are (mid)ranks of all units.

    >>> rank_sum_tails(np.array([1.0, 2.5, 2.5, 4.0]), 2, seen=6.5)
    (1.0, 0.3333333333333333)
    """
    doubled = np.rint(2 * ranks).astype(np.int64)
    lowest = int(doubled.min())
    unit = max(1, int(np.gcd.reduce(doubled - lowest)))
    steps, place = (doubled - lowest) // unit, (round(2 * seen) - n * lowest) // unit
    if 2 * n <= ranks.size:
        return _tails(_ways_of(steps, n), place)
    above, below = _tails(_ways_of(steps, ranks.size - n), int(steps.sum()) - place)  # the fewer others hold what is left
    return below, above


def signed_rank_tails(ranks: Values, seen: float) -> tuple[float, float]:
    """P(sum <= ``seen``) and P(sum >= ``seen``) for the ranks of positive differences, each difference as likely positive as negative.

    >>> signed_rank_tails(np.array([1.0, 2.0, 3.0]), 5.0)
    (0.875, 0.25)
    """
    return _tails(_ways(np.rint(2 * ranks).astype(np.int64)), round(2 * seen))


def u_ways(n: int, m: int) -> Values:
    """How many ways lead to U = 0, 1, ..., n m without ties.

    >>> u_ways(2, 2).tolist()
    [1.0, 1.0, 2.0, 1.0, 1.0]
    """
    fewer = min(n, m)
    return _ways_of(np.arange(n + m), fewer)[fewer * (fewer - 1) // 2 :]


def signed_rank_ways(n: int) -> Values:
    """How many ways lead to a sum of positive ranks of 0, 1, ..., n (n + 1) / 2 without ties.

    >>> signed_rank_ways(3).tolist()
    [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]
    """
    return _ways(np.arange(1, n + 1))


def cut(ways: Values | None, *, mean: float, variance: float) -> int:
    """Place k of the 95 % interval: it runs from the k-th smallest to the k-th largest of the sorted differences; 0 where even all of them cover less.

    The largest k with P(statistic <= k - 1) <= 2.5 %, from ``ways`` or, where None, from the normal distribution with continuity correction.
    """
    if ways is not None:
        return int((np.cumsum(ways) <= TAIL * ways.sum()).sum())
    return max(0, math.floor(mean + 0.5 - float(stats.norm.ppf(0.975)) * math.sqrt(variance)))


def _ways(steps: Steps) -> Values:
    """How many subsets of ``steps`` have the sum 0, 1, ..."""
    ways = np.zeros(int(steps.sum()) + 1)
    ways[0] = 1.0
    for step in steps:
        ways[step:] += ways[: ways.size - step].copy()
    return ways


def _ways_of(steps: Steps, chosen: int) -> Values:
    """How many subsets of ``chosen`` of the ``steps`` have the sum 0, 1, ..."""
    ordered = np.sort(steps)
    table = np.zeros((chosen + 1, int(ordered[steps.size - chosen :].sum()) + 1))
    table[0, 0] = 1.0
    for done, step in enumerate(ordered):
        some = min(done + 1, chosen)
        table[1 : some + 1, step:] += table[:some, : table.shape[1] - step].copy()
    return np.asarray(table[chosen])


def _tails(ways: Values, place: int) -> tuple[float, float]:
    total = ways.sum()
    return float(ways[: place + 1].sum() / total), float(ways[place:].sum() / total)
