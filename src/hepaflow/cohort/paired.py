"""Two tests on the same units and the same positive class: McNemar's tests, and one for units that share patients.

McNemar Q. Psychometrika 1947;12:153-157; exact and mid-P: Fagerland MW, Lydersen S, Laake P. BMC Med Res Methodol 2013;13:91.
Clustered: Durkalski VL, Palesch YY, Lipsitz SR, Rust PF. Stat Med 2003;22:2417-2428.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from hepaflow.cohort.crossed import Bools, check_units
from hepaflow.cohort.proportion import Proportion, proportion
from hepaflow.cohort.sample import places
from hepaflow.errors import InputRefused

PairedRate = Literal["sensitivity", "specificity", "accuracy"]


@dataclass(frozen=True, slots=True)
class McNemar:
    """Units that only the first or only the second test has right; chi-squares (1 degree of freedom) and their p are None without such units."""

    only_first: int
    only_second: int
    p_exact: float
    p_mid: float
    chi2: float | None
    p_chi2: float | None
    chi2_corrected: float | None
    p_chi2_corrected: float | None
    test: str = "exact McNemar test, two-sided"


@dataclass(frozen=True, slots=True)
class ClusteredMcNemar:
    """Durkalski's statistic over ``clusters`` clusters, of which ``discordant_clusters`` differ; the statistic is None and p 1 where none does."""

    statistic: float | None
    p: float
    only_first: int
    only_second: int
    n: int
    clusters: int
    discordant_clusters: int
    df: int = 1
    test: str = "McNemar test for clustered data (Durkalski), chi-square with 1 degree of freedom"


@dataclass(frozen=True, slots=True)
class PairedRates:
    """One rate of two tests on the same units, their difference (first - second, None without units) and its tests."""

    first: Proportion
    second: Proportion
    difference: float | None
    plain: McNemar
    clustered: ClusteredMcNemar


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """McNemar's tests of the discordant pairs: exact binomial, mid-P, chi-square without and with Edwards' correction.

    Refused: negative counts.

    >>> found = mcnemar(16, 6)
    >>> round(found.p_exact, 4), round(found.p_mid, 4)
    (0.0525, 0.0347)
    """
    if min(only_first, only_second) < 0:
        raise InputRefused("MCNEMAR-COUNTS", "a count of discordant pairs is negative", "Check the counts")
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return McNemar(0, 0, 1.0, 1.0, None, None, None, None)
    tail, point = float(stats.binom.cdf(fewer, n, 0.5)), float(stats.binom.pmf(fewer, n, 0.5))
    apart = abs(only_first - only_second)
    chi2, corrected = apart**2 / n, max(apart - 1, 0) ** 2 / n
    return McNemar(
        only_first,
        only_second,
        p_exact=min(1.0, 2.0 * tail),
        p_mid=min(1.0, 2.0 * tail - point),
        chi2=chi2,
        p_chi2=float(stats.chi2.sf(chi2, 1)),
        chi2_corrected=corrected,
        p_chi2_corrected=float(stats.chi2.sf(corrected, 1)),
    )


def clustered_mcnemar(first_right: Bools, second_right: Bools, *, cluster: npt.NDArray[np.generic]) -> ClusteredMcNemar:
    """McNemar's test where units share clusters: (sum d_i)^2 / sum d_i^2, chi-square with 1 degree of freedom.

    d_i = (b_i - c_i) / n_i, with b_i and c_i the units of cluster i that only the first or only the second test has right. The statistic never
    exceeds the number of discordant clusters, so with fewer than four of them it cannot reach 5 %. Refused: rows that are not boolean or of one length.

    >>> first, second = np.array([True, True, True, False]), np.array([False, False, True, True])
    >>> found = clustered_mcnemar(first, second, cluster=np.array([1, 1, 2, 3]))
    >>> found.statistic, found.discordant_clusters
    (0.0, 2)
    """
    check_units(first_right, second_right, cluster=cluster)
    place = places(cluster)
    n = np.bincount(place)
    only_first, only_second = first_right & ~second_right, second_right & ~first_right
    shift = np.bincount(place, only_first.astype(np.float64) - only_second, minlength=n.size) / np.maximum(n, 1)
    counts = (int(only_first.sum()), int(only_second.sum()), first_right.size, n.size, int(np.count_nonzero(shift)))
    if not shift.any():
        return ClusteredMcNemar(None, 1.0, *counts)
    statistic = float(shift.sum() ** 2 / (shift**2).sum())
    return ClusteredMcNemar(statistic, float(stats.chi2.sf(statistic, 1)), *counts)


def compare_tests(
    first: Bools,
    second: Bools,
    *,
    condition: Bools,
    cluster: npt.NDArray[np.generic],
    first_positive: str,
    second_positive: str,
) -> dict[PairedRate, PairedRates]:
    """Sensitivity, specificity and accuracy of two tests on the same units, side by side, with plain and clustered McNemar tests.

    True is positive; both tests and the condition must mean the same class by it. Refused: tests that name different positive classes (the sensitivity
    of one is then a specificity of the other), rows that are not boolean or of one length.
    """
    if first_positive != second_positive or not first_positive.strip():
        raise InputRefused(
            "POSITIVE-CLASS-DIFFERS",
            "the two tests do not name the same positive class, so their rates cannot be compared",
            "Turn one of them round, so that both call the same class positive",
        )
    check_units(first, condition, cluster=cluster)
    check_units(second, condition, cluster=cluster)
    one, other = first == condition, second == condition
    among: dict[PairedRate, Bools] = {"sensitivity": condition, "specificity": ~condition, "accuracy": np.ones_like(condition)}
    return {name: _rates(one[units], other[units], cluster[units]) for name, units in among.items()}


def _rates(one: Bools, other: Bools, cluster: npt.NDArray[np.generic]) -> PairedRates:
    rate, rate_other = proportion(int(one.sum()), one.size), proportion(int(other.sum()), other.size)
    difference = None if rate.value is None or rate_other.value is None else rate.value - rate_other.value
    plain = mcnemar(int((one & ~other).sum()), int((other & ~one).sum()))
    return PairedRates(rate, rate_other, difference, plain, clustered_mcnemar(one, other, cluster=cluster))
