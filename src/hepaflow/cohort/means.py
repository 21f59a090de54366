"""Differences of means: Student's pooled t, Welch's t, paired t; from values or from published summaries.

Student. Biometrika 1908;6:1-25. Welch BL. Biometrika 1947;34:28-35.

Unknown values (NaN) are left out and counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from hepaflow.errors import InputRefused

Values = npt.NDArray[np.float64]
POOLED = "Student's t-test with pooled variance, two-sided"
WELCH = "Welch's t-test, two-sided"
PAIRED = "paired t-test, two-sided"


@dataclass(frozen=True, slots=True)
class TTest:
    """A t-test: ``difference`` of means (first - second) in the unit of the values, with its 95 % interval; paired tests count pairs in both n."""

    test: str
    statistic: float
    df: float
    p: float
    difference: float
    ci95: tuple[float, float]
    n_first: int
    n_second: int
    left_out: int


def t_pooled(first: Values, second: Values) -> TTest:
    """Student's t-test of two independent groups of equal variance.

    Refused: infinite values, fewer than two known values in a group, groups without any spread.

    >>> found = t_pooled(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0]))
    >>> round(found.statistic, 4), found.df, round(found.p, 4)
    (-2.4495, 4.0, 0.0705)
    """
    return _of_values(first, second, equal_variance=True)


def t_welch(first: Values, second: Values) -> TTest:
    """Welch's t-test of two independent groups whose variances may differ; refused as in ``t_pooled``."""
    return _of_values(first, second, equal_variance=False)


def t_from_summary(first: tuple[int, float, float], second: tuple[int, float, float], *, equal_variance: bool = True) -> TTest:
    """Pooled or Welch's t-test from (n, mean, sample SD) of each group, as a paper prints them; none is left out.

    Refused: fewer than two values in a group, a negative SD, two SDs of zero, numbers that are not finite.

    >>> found = t_from_summary((25, -8.6, 13.52), (32, 1.375, 12.0))
    >>> round(found.statistic, 3), round(found.p, 4)
    (-2.946, 0.0047)
    """
    return _two_groups(first, second, equal_variance=equal_variance, left_out=0)


def t_paired(first: Values, second: Values) -> TTest:
    """Student's t-test of the differences of pairs; a pair with an unknown value is left out.

    Refused: rows of different length, infinite values, fewer than two known pairs, differences without spread.

    >>> round(t_paired(np.array([1.0, 2.0, 4.0]), np.array([0.0, 2.0, 2.0])).statistic, 4)
    1.7321
    """
    if first.shape != second.shape:
        raise InputRefused(
            "MEANS-UNEQUAL", "the two values of the pairs are not of the same pairs", "Give two values for every pair"
        )
    _known(first), _known(second)
    differences = _known(first - second)
    n, mean, sd = _summary(differences)
    return _result(PAIRED, mean, sd / math.sqrt(n), df=n - 1.0, n=(n, n), left_out=first.size - n)


def _of_values(first: Values, second: Values, *, equal_variance: bool) -> TTest:
    one, other = _known(first), _known(second)
    left_out = first.size + second.size - one.size - other.size
    return _two_groups(_summary(one), _summary(other), equal_variance=equal_variance, left_out=left_out)


def _two_groups(first: tuple[int, float, float], second: tuple[int, float, float], *, equal_variance: bool, left_out: int) -> TTest:
    (n, mean, sd), (m, mean_other, sd_other) = first, second
    if n < 2 or m < 2 or not all(map(math.isfinite, (mean, sd, mean_other, sd_other))) or min(sd, sd_other) < 0.0:
        raise InputRefused(
            "MEANS-SUMMARY",
            "a group has fewer than two values, or its mean or SD is not a number",
            "Give n of 2 or more, mean and sample SD",
        )
    if equal_variance:
        df = n + m - 2.0
        variance = ((n - 1) * sd**2 + (m - 1) * sd_other**2) / df * (1 / n + 1 / m)
    else:
        variance = sd**2 / n + sd_other**2 / m
        share = sd**2 / n / variance if variance else 0.0
        df = 1.0 / (share**2 / (n - 1) + (1.0 - share) ** 2 / (m - 1))
    name = POOLED if equal_variance else WELCH
    return _result(name, mean - mean_other, math.sqrt(variance), df=df, n=(n, m), left_out=left_out)


def _result(test: str, difference: float, se: float, *, df: float, n: tuple[int, int], left_out: int) -> TTest:
    if se == 0.0:
        raise InputRefused("MEANS-NO-SPREAD", "the values do not vary, so no t exists", "Report the means without a test")
    statistic, half = difference / se, float(stats.t.ppf(0.975, df)) * se
    p = 2.0 * float(stats.t.sf(abs(statistic), df))
    return TTest(test, statistic, df, p, difference, (difference - half, difference + half), *n, left_out)


def _known(values: Values) -> Values:
    if values.ndim != 1 or np.isinf(values).any():
        raise InputRefused(
            "MEANS-VALUE", "a value is infinite, or the values are not a row", "Give a row of numbers, NaN where unknown"
        )
    return np.asarray(values[~np.isnan(values)], dtype=np.float64)


def _summary(values: Values) -> tuple[int, float, float]:
    if values.size < 2:
        raise InputRefused("MEANS-FEW", "fewer than two values are known", "Compare groups of two or more")
    return values.size, float(values.mean()), 0.0 if np.ptp(values) == 0 else float(values.std(ddof=1))
