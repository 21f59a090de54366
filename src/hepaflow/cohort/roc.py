"""The area under the ROC curve with its errors: lesions independent (DeLong) and lesions within patients (Obuchowski).

DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845. Obuchowski NA. Biometrics 1997;53:567-578. Hanley JA, McNeil BJ. Radiology 1982;143:29-36.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from hepaflow.cohort.sample import Floats, Sample
from hepaflow.errors import InputRefused

Interval = tuple[float, float]
#: Statistic, p, 95 % interval; None: not estimable.
Tested = tuple[float | None, float | None, Interval | None]
#: Quantiles at which an interval is looked at for reaching 0: from one step on, to where a p value is 0 for every purpose.
_STEP = 0.1
_QUANTILES = tuple(_STEP * step for step in range(1, 401))
#: Fewer draws than this tell no interval.
FEWEST_DRAWS = 20


@dataclass(frozen=True, slots=True)
class Auc:
    """An area with standard errors and 95 % intervals by both views of the lesions.

    ``ci95_delong`` is the plain interval (area ± 1.96 standard errors, cut at 0 and 1); ``ci95_delong_logit`` and ``ci95_clustered`` lie on the logit scale,
    the latter with the t quantile of one less than the smaller number of patients with a lesion of a class. None: not estimable.
    """

    auc: float
    positives: int
    negatives: int
    clusters: int
    se_delong: float | None
    ci95_delong: Interval | None
    ci95_delong_logit: Interval | None
    se_clustered: float | None
    ci95_clustered: Interval | None
    se_hanley: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Two areas on the same lesions: ``difference`` = first - second, by lesions (``z``, ``p``, ``ci95``: DeLong) and by patients (``se_clustered``: Obuchowski's; the
    other ``*_clustered`` are from the two logit intervals, which hold near 1).
    """

    difference: float
    n: int
    z: float | None
    p: float | None
    ci95: Interval | None
    se_clustered: float | None
    z_clustered: float | None
    p_clustered: float | None
    ci95_clustered: Interval | None


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """Share of the other class that each lesion stands on the right side of, ties counted half: one a positive, one a negative lesion."""

    of_positives: Floats
    of_negatives: Floats
    auc: float


def placements(found: Sample) -> Placements:
    """Structural components of the area.

    >>> from hepaflow.cohort.sample import sample
    >>> placements(sample([1.0, 2.0, 3.0, 2.0], [False, False, True, True])).auc
    0.875
    """
    values, truth = found.oriented, found.positive
    ranks = stats.rankdata(values)
    high, low = stats.rankdata(values[truth]), stats.rankdata(values[~truth])
    of_positives = (ranks[truth] - high) / len(low)
    of_negatives = 1.0 - (ranks[~truth] - low) / len(high)
    return Placements(of_positives, of_negatives, float(of_positives.mean()))


def auc(found: Sample) -> Auc:
    """The area with its errors. Standard errors are None where a class has one lesion (DeLong) or one patient (clustered)."""
    placed = placements(found)
    area, high, low = placed.auc, len(placed.of_positives), len(placed.of_negatives)
    by_lesion = _root(delong_covariance([placed])[0, 0])
    by_patient = _root(clustered_covariance([placed], found)[0, 0])
    return Auc(
        area,
        high,
        low,
        found.clusters,
        by_lesion,
        None if by_lesion is None else wald(area, by_lesion),
        None if by_lesion is None else logit_interval(area, by_lesion),
        by_patient,
        None if by_patient is None else logit_interval(area, by_patient, freedom=_freedom(found)),
        hanley_se(area, high, low),
    )


def resampled_interval(found: Sample, draws: Floats) -> Interval | None:
    """95 % interval of the area from areas of drawn studies (NaN: not computed): their standard deviation on the logit scale, quantile as ``ci95_clustered``.

    Percentiles and BCa hold the truth too seldom where areas are high (``docs/quality/study.md``). None where fewer than 20 draws tell, or as :func:`logit_interval`.
    """
    kept = draws[np.isfinite(draws)]
    if len(kept) < FEWEST_DRAWS:
        return None
    return logit_interval(placements(found).auc, float(kept.std(ddof=1)), freedom=_freedom(found))


def difference(first: Sample, second: Sample) -> Difference:
    """The two areas compared on the same lesions (paired). Refused: samples that are not of the same lesions, classes and patients (ROC-NOT-PAIRED)."""
    if not (np.array_equal(first.positive, second.positive) and np.array_equal(first.cluster, second.cluster)):
        raise InputRefused(
            "ROC-NOT-PAIRED", "the two values are not of the same lesions", "Compare values measured on the same lesions"
        )
    placed = [placements(first), placements(second)]
    areas = placed[0].auc, placed[1].auc
    apart = areas[0] - areas[1]
    plain = _tested(apart, _root(_of_difference(delong_covariance(placed))), math.inf)
    grouped = clustered_covariance(placed, first)
    error = _root(_of_difference(grouped))
    by_patient = (_held_apart(areas, grouped, _freedom(first)) if error else None) or _tested(apart, error, _freedom(first))
    return Difference(apart, len(first.values), *plain, error, *by_patient)


def delong_covariance(placed: Sequence[Placements]) -> Floats:
    """Covariance of the areas, lesions independent (curves x curves); NaN where a class has one lesion."""
    high, low = len(placed[0].of_positives), len(placed[0].of_negatives)
    if high < 2 or low < 2:
        return np.full((len(placed), len(placed)), np.nan)
    up = np.atleast_2d(np.cov([one.of_positives for one in placed]))
    down = np.atleast_2d(np.cov([one.of_negatives for one in placed]))
    return np.asarray(up / high + down / low)


def clustered_covariance(placed: Sequence[Placements], found: Sample) -> Floats:
    """Covariance of the areas with lesions within patients (curves x curves): Obuchowski's, which is DeLong's when every patient has one lesion.

    NaN where fewer than two patients have a lesion of a class.
    """
    patients = found.clusters
    place = found.places
    of_high, of_low = place[found.positive], place[~found.positive]
    m, n = np.bincount(of_high, minlength=patients), np.bincount(of_low, minlength=patients)
    with_high, with_low = int((m > 0).sum()), int((n > 0).sum())
    if with_high < 2 or with_low < 2:
        return np.full((len(placed), len(placed)), np.nan)
    up = np.stack([np.bincount(of_high, one.of_positives, patients) - m * one.auc for one in placed])
    down = np.stack([np.bincount(of_low, one.of_negatives, patients) - n * one.auc for one in placed])
    high, low = m.sum(), n.sum()
    s10 = with_high / ((with_high - 1) * high) * (up @ up.T)
    s01 = with_low / ((with_low - 1) * low) * (down @ down.T)
    s11 = patients / (patients - 1) * (up @ down.T)
    return np.asarray(s10 / high + s01 / low + (s11 + s11.T) / (high * low))


def hanley_se(area: float, positives: int, negatives: int) -> float:
    """Standard error of an area known by its value alone (exponential approximation); for planning and for printed areas.

    >>> round(hanley_se(0.96875, 29, 32), 4)
    0.0236
    """
    q1, q2 = area / (2.0 - area), 2.0 * area**2 / (1.0 + area)
    spread = area * (1.0 - area) + (positives - 1) * (q1 - area**2) + (negatives - 1) * (q2 - area**2)
    return math.sqrt(max(spread, 0.0) / (positives * negatives))


def wald(value: float, se: float) -> Interval:
    """``value`` ± 1.96 standard errors, cut at 0 and 1."""
    reach = float(stats.norm.ppf(0.975)) * se
    return max(0.0, value - reach), min(1.0, value + reach)


def logit_interval(value: float, se: float, *, freedom: float = math.inf) -> Interval | None:
    """95 % interval of a share on the logit scale, so that it stays within 0 and 1; None where the share is 0 or 1 or has no spread."""
    if se <= 0.0 or not 0.0 < value < 1.0:
        return None
    return _on_logit(value, se, _quantile(freedom))


def _on_logit(value: float, se: float, quantile: float) -> Interval:
    centre, reach = math.log(value / (1.0 - value)), quantile * se / (value * (1.0 - value))
    return float(special.expit(centre - reach)), float(special.expit(centre + reach))


def _freedom(found: Sample) -> float:
    return float(min(len(np.unique(found.cluster[found.positive])), len(np.unique(found.cluster[~found.positive]))) - 1)


def _quantile(freedom: float) -> float:
    return float(stats.norm.ppf(0.975) if math.isinf(freedom) else stats.t.ppf(0.975, freedom))


def _tested(apart: float, se: float | None, freedom: float) -> Tested:
    if se is None or se == 0.0:
        return None, None, None
    z = apart / se
    p = 2.0 * float(stats.norm.sf(abs(z)) if math.isinf(freedom) else stats.t.sf(abs(z), freedom))
    reach = _quantile(freedom) * se
    return z, p, (apart - reach, apart + reach)


def _held_apart(areas: tuple[float, float], covariance: Floats, freedom: float) -> Tested | None:
    """The difference of two areas with the interval put together from their two logit intervals and their correlation, and the test that this interval makes.

    Near 1 a symmetric interval of a difference holds the truth too seldom. The statistic is the quantile at which the interval would just reach 0.
    Zou GY, Donner A. Stat Med 2008;27:1693-1702 (MOVER). None where an area is 0 or 1 or has no spread, or where no quantile reaches 0.
    """
    if not np.isfinite(covariance).all() or not all(0.0 < area < 1.0 for area in areas) or min(np.diag(covariance)) <= 0.0:
        return None
    errors = tuple(math.sqrt(float(spread)) for spread in np.diag(covariance))
    alike = min(1.0, max(-1.0, float(covariance[0, 1]) / (errors[0] * errors[1])))
    apart = areas[0] - areas[1]

    def ends(quantile: float) -> Interval:
        first, second = (_on_logit(area, error, quantile) for area, error in zip(areas, errors, strict=True))
        down, up = (areas[0] - first[0], second[1] - areas[1]), (first[1] - areas[0], areas[1] - second[0])
        reach = [math.sqrt(max(a * a - 2.0 * alike * a * b + b * b, 0.0)) for a, b in (down, up)]
        return apart - reach[0], apart + reach[1]

    def margin(quantile: float) -> float:
        low, high = ends(quantile)
        return low if apart > 0.0 else -high

    statistic = 0.0
    if apart != 0.0:
        # near 0 and 1 the two intervals saturate, so that the margin may rise again: the first quantile that reaches 0 counts
        after = next((quantile for quantile in _QUANTILES if margin(quantile) <= 0.0), None)
        if after is None:
            return None
        statistic = float(optimize.brentq(margin, after - _STEP, after, xtol=1e-12))
    p = min(1.0, 2.0 * float(stats.t.sf(statistic, freedom)))
    low, high = ends(_quantile(freedom))
    if statistic <= _quantile(freedom):
        low, high = min(low, 0.0), max(high, 0.0)
    return math.copysign(statistic, apart), p, (low, high)


def _of_difference(covariance: Floats) -> float:
    return float(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1])


def _root(variance: float) -> float | None:
    return math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else None
