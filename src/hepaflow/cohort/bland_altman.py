"""Limits of agreement of two methods or readers (Bland and Altman), also with several lesions a patient.

Bland JM, Altman DG. Lancet 1986;327:307-310; Stat Methods Med Res 1999;8:135-160; several values a patient where the true value differs: J Biopharm Stat
2007;17:571-582. Intervals of clustered limits by variance recovery (MOVER): Zou GY. Stat Methods Med Res 2013;22:630-642.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.pairs import Cluster, Pairs, paired
from hepaflow.errors import InputRefused

#: Limits hold 95 of 100 differences; the paper of 1986 used 2.
FACTOR = 1.96
_LEVEL = 0.975
_LEAST = 3
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ProportionalBias:
    """Slope of the difference on the mean of the two; ``test`` names how. Zero slope: the two readings spread alike."""

    slope: float
    se: float
    p: float
    test: str


@dataclass(frozen=True, slots=True)
class LimitsOfAgreement:
    """Differences first minus second, in the unit of the readings, or as natural logarithms of the ratio where ``log``.

    ``sd`` is the standard deviation of one difference; ``within_sd`` and ``between_sd`` are its parts with several lesions a patient (None without).
    ``proportional`` is None where all means are the same, or with fewer than three patients.
    """

    test: str
    n: int
    clusters: int
    left_out: int
    factor: float
    log: bool
    bias: float
    bias_ci95: Interval
    sd: float
    within_sd: float | None
    between_sd: float | None
    lower: float
    lower_ci95: Interval
    upper: float
    upper_ci95: Interval
    proportional: ProportionalBias | None

    @property
    def ratios(self) -> tuple[float, float, float] | None:
        """Bias and limits as ratios of first to second; None where they are differences."""
        return (math.exp(self.bias), math.exp(self.lower), math.exp(self.upper)) if self.log else None


def bland_altman(
    first: npt.ArrayLike, second: npt.ArrayLike, *, cluster: Cluster | None = None, log: bool = False, factor: float = FACTOR
) -> LimitsOfAgreement:
    """Bias, limits of agreement and their 95 % intervals; ``cluster`` names the patient of each lesion.

    Pairs that lack a reading (NaN) are left out and counted. With several lesions a patient the variance of a difference is that within patients plus
    that between them (one-way analysis of variance), degrees of freedom are those of patients, and the limits' intervals are MOVER.
    Refused: fewer than three pairs, one patient, logarithms of what is not above zero, a factor that is not above zero.

    >>> found = bland_altman([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 2.0, 4.0])
    >>> found.bias, round(found.upper, 3)
    (0.0, 1.6)
    """
    if not 0 < factor < math.inf:
        raise InputRefused("AGREEMENT-FACTOR", "the factor of the limits is not above zero", "Use 1.96")
    pairs = paired(first, second, cluster=cluster, least=_LEAST)
    if pairs.clusters < 2:
        raise InputRefused("AGREEMENT-ONE-PATIENT", "all lesions are of one patient", "Give lesions of several patients")
    one, other = pairs.first, pairs.second
    if log:
        if min(one.min(), other.min()) <= 0:
            raise InputRefused("AGREEMENT-LOG", "a reading is not above zero", "Use differences instead of logarithms")
        one, other = np.log(one), np.log(other)
    difference = one - other
    parts = _simple(difference, factor) if pairs.patient is None else _clustered(difference, pairs.patient, factor)
    bias, bias_ci, sd, within, between, below, above, test = parts
    lower, upper = bias - factor * sd, bias + factor * sd
    return LimitsOfAgreement(
        test=test + (", of natural logarithms" if log else ""),
        n=len(one),
        clusters=pairs.clusters,
        left_out=pairs.left_out,
        factor=factor,
        log=log,
        bias=bias,
        bias_ci95=bias_ci,
        sd=sd,
        within_sd=within,
        between_sd=between,
        lower=lower,
        lower_ci95=(lower - above, lower + below),
        upper=upper,
        upper_ci95=(upper - below, upper + above),
        proportional=_proportional(difference, (one + other) / 2.0, pairs),
    )


_Parts = tuple[float, Interval, float, float | None, float | None, float, float, str]


def _simple(difference: npt.NDArray[np.float64], factor: float) -> _Parts:
    from scipy import stats

    n = len(difference)
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = float(stats.t.ppf(_LEVEL, n - 1))
    half = t * sd / math.sqrt(n)
    of_limit = t * sd * math.sqrt(1 / n + factor**2 / (2 * (n - 1)))
    test = "limits of agreement, intervals by t and the approximate standard error of a limit (Bland and Altman 1999)"
    return bias, (bias - half, bias + half), sd, None, None, of_limit, of_limit, test


def _clustered(difference: npt.NDArray[np.float64], patient: npt.NDArray[np.intp], factor: float) -> _Parts:
    from scipy import stats

    sizes = np.bincount(patient).astype(np.float64)
    n, patients = len(difference), len(sizes)
    bias = float(difference.mean())
    means = np.bincount(patient, difference) / sizes
    among = float((sizes * (means - bias) ** 2).sum()) / (patients - 1)
    within = float(((difference - means[patient]) ** 2).sum()) / (n - patients)
    size = (n - float((sizes**2).sum()) / n) / (patients - 1)
    between = max((among - within) / size, 0.0)
    parts = ((among / size, patients - 1), ((1 - 1 / size) * within, n - patients))
    variance = sum(part for part, _ in parts)
    sd = math.sqrt(variance)
    t = float(stats.t.ppf(_LEVEL, patients - 1))
    half = t * math.sqrt(between * float((sizes**2).sum()) + within * n) / n
    short = sum((part * (1 - df / stats.chi2.ppf(_LEVEL, df))) ** 2 for part, df in parts)
    long = sum((part * (df / stats.chi2.ppf(1 - _LEVEL, df) - 1)) ** 2 for part, df in parts)
    least, most = math.sqrt(max(variance - math.sqrt(short), 0.0)), math.sqrt(variance + math.sqrt(long))
    inward = math.hypot(half, factor * (sd - least))
    outward = math.hypot(half, factor * (most - sd))
    test = (
        "limits of agreement with several lesions a patient, variance between and within patients (Bland and Altman 2007), intervals of the limits by "
        "MOVER (Zou 2013)"
    )
    return bias, (bias - half, bias + half), sd, math.sqrt(within), math.sqrt(between), inward, outward, test


def _proportional(difference: npt.NDArray[np.float64], mean: npt.NDArray[np.float64], pairs: Pairs) -> ProportionalBias | None:
    if np.ptp(mean) <= 1e-12 * np.abs(mean).max() or pairs.clusters < _LEAST:
        return None
    from scipy import stats

    n = len(difference)
    centred = mean - mean.mean()
    square = float((centred**2).sum())
    slope = float(centred @ difference) / square
    residual = difference - difference.mean() - slope * centred
    test = "least-squares slope of the difference on the mean, t test"
    if pairs.patient is None:
        df, variance = n - 2, float((residual**2).sum()) / (n - 2) / square
    else:
        test += ", cluster-robust by patient (CR1)"
        df = pairs.clusters - 1
        scores = np.bincount(pairs.patient, centred * residual)
        small = pairs.clusters / df * (n - 1) / (n - 2)
        variance = small * float((scores**2).sum()) / square**2
    se = math.sqrt(variance)
    t = slope / se if se > 0 else math.copysign(math.inf, slope) if slope else 0.0
    return ProportionalBias(slope, se, float(2 * stats.t.sf(abs(t), df)), test)
