"""Counts of categories by group: Pearson's chi-square and the exact test of Fisher, Freeman and Halton.

Pearson K. Phil Mag 1900;50:157-175. Fisher RA. J R Stat Soc 1935;98:39-82. Freeman GH, Halton JH. Biometrika 1951;38:141-149.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from hepaflow.errors import InputRefused

Counts = npt.NDArray[np.int64]
#: More partial tables than this are not enumerated: p is then by Monte Carlo and named so.
ENUMERATED = 1_000_000
RESAMPLES = 99_999
SEED = 20260101
#: Tables whose probability equals the observed one but for rounding count as equal, as in R's fisher.test.
EQUAL = 1e-7


@dataclass(frozen=True, slots=True)
class CategoryTest:
    """A test of independence of rows and columns of counts over ``n`` units; rows and columns without units are dropped and counted.

    ``statistic`` is chi-square, None for the exact test and, with ``df`` 0 and p 1, where one row or column is left. ``smallest_expected`` count: chi-square
    is held to be fair where it is at least 5 (Cochran WG. Biometrics 1954;10:417-451); None where there is nothing to compare.
    """

    test: str
    statistic: float | None
    df: int
    p: float
    n: int
    smallest_expected: float | None
    dropped_rows: int
    dropped_columns: int


def chi_square(counts: Counts, *, correction: bool = False) -> CategoryTest:
    """Pearson's chi-square of counts (rows, columns), for 2 x 2 with Yates' ``correction`` if asked.

    Refused: counts that are not a table of whole numbers from 0, no units.

    >>> found = chi_square(np.array([[2, 12, 11], [14, 15, 3]]))
    >>> round(found.statistic, 2), found.df, round(found.p, 4)
    (13.24, 2, 0.0013)
    """
    table, dropped = _table(counts)
    corrected = correction and table.shape == (2, 2)
    name = "Pearson's chi-square test, with Yates' continuity correction" if corrected else "Pearson's chi-square test"
    if min(table.shape) < 2:
        return CategoryTest(name, None, 0, 1.0, int(table.sum()), None, *dropped)
    found = stats.chi2_contingency(table, correction=corrected)
    smallest = float(found.expected_freq.min())
    return CategoryTest(name, float(found.statistic), int(found.dof), float(found.pvalue), int(table.sum()), smallest, *dropped)


def fisher_exact(counts: Counts) -> CategoryTest:
    """The exact test of counts (rows, columns), two-sided: all tables of the same margins that are no more probable than the observed one.

    Up to ``ENUMERATED`` partial tables p is exact; beyond, from ``RESAMPLES`` random tables of the margins with a fixed seed, and named so.
    Refused as in ``chi_square``.

    >>> round(fisher_exact(np.array([[3, 1], [1, 3]])).p, 4)
    0.4857
    """
    table, dropped = _table(counts)
    name = "Fisher's exact test, two-sided" if table.shape == (2, 2) else "Fisher-Freeman-Halton exact test"
    n, df = int(table.sum()), (table.shape[0] - 1) * (table.shape[1] - 1)
    if min(table.shape) < 2:
        return CategoryTest(name, None, 0, 1.0, n, None, *dropped)
    smallest = float(table.sum(axis=0).min() * table.sum(axis=1).min() / n)
    p = _enumerated(table if table.shape[0] >= table.shape[1] else table.T)
    if p is None:
        name = f"Fisher-Freeman-Halton test, Monte Carlo with {RESAMPLES} tables and a fixed seed"
        method = stats.MonteCarloMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
        # scipy gives an array of one where the table has more cells than units
        p = float(np.ravel(stats.fisher_exact(table, method=method).pvalue)[0])
    return CategoryTest(name, None, df, min(1.0, p), n, smallest, *dropped)


def _table(counts: Counts) -> tuple[Counts, tuple[int, int]]:
    if counts.ndim != 2 or not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise InputRefused(
            "CATEGORIES-COUNTS", "the counts are not a table of whole numbers from 0", "Count the units of each row and column"
        )
    if not counts.any():
        raise InputRefused("CATEGORIES-EMPTY", "the table holds no units", "Compare groups that have units")
    rows, columns = counts.any(axis=1), counts.any(axis=0)
    return counts[rows][:, columns], (int((~rows).sum()), int((~columns).sum()))


def _enumerated(table: Counts) -> float | None:
    """P over all tables of these margins, row by row: column totals used so far and the log weight of the way there; None where there are too many."""
    free, weight = table.sum(axis=0)[None, :], np.zeros(1)
    for row in table[:-1].sum(axis=1):
        if free.shape[0] * math.comb(int(row) + table.shape[1] - 1, int(row)) > ENUMERATED:
            return None
        parts = _shared(int(row), table.shape[1])
        left = (free[:, None, :] - parts[None]).reshape(-1, table.shape[1])
        weight = (weight[:, None] - special.gammaln(parts + 1.0).sum(axis=1)).ravel()
        possible = (left >= 0).all(axis=1)
        free, weight = left[possible], weight[possible]
    weight = weight - special.gammaln(free + 1.0).sum(axis=1)  # the last row takes what is left
    seen = -float(special.gammaln(table + 1.0).sum())
    every = np.exp(weight - weight.max())
    return float(every[weight <= seen + EQUAL].sum() / every.sum())


def _shared(units: int, columns: int) -> Counts:
    """All ways to share units among columns."""
    if columns == 1:
        return np.array([[units]])
    ways = [np.insert(_shared(units - first, columns - 1), 0, first, axis=1) for first in range(units + 1)]
    return np.concatenate(ways)
