"""Are probabilities of response true, and would acting on them help: calibration and decision curves.

Cox DR. Biometrika 1958;45:562-565 (intercept and slope); Brier GW. Mon Weather Rev 1950;78:1-3; Vickers AJ, Elkin EB. Med Decis Making 2006;26:565-574 (net benefit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hepaflow.cohort.logistic import logistic, robust_covariance
from hepaflow.cohort.proportion import proportion
from hepaflow.cohort.resample import Counts, percentile
from hepaflow.cohort.roc import Interval
from hepaflow.cohort.sample import Bools, Floats, Ints, places
from hepaflow.errors import InputRefused

#: Probabilities are kept this far from 0 and 1 where their logit is needed: a probability from draws is never certain.
_EDGE = 1e-6
#: Threshold probabilities of a decision curve.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, slots=True)
class Group:
    """Lesions of similar probability: their number, mean probability, observed share with its Wilson interval."""

    n: int
    predicted: float
    observed: float
    ci95: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """``intercept`` (0: right on average, slope held at 1) and ``slope`` (1: neither too bold nor too shy) with intervals that know patients, ``brier`` and the share of the
    Brier score of always saying the prevalence that is saved (``scaled_brier``), observed over expected events. None: not estimable (classes wholly apart).
    """

    n: int
    events: int
    intercept: float | None
    intercept_ci95: Interval | None
    slope: float | None
    slope_ci95: Interval | None
    brier: float
    scaled_brier: float
    observed_over_expected: float
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DecisionCurve:
    """Net benefit a lesion at each threshold probability: of the rule (with its 95 % band over patients, where drawn), of treating all as positive; none is 0."""

    thresholds: Floats
    net_benefit: Floats
    band: tuple[Floats, Floats] | None
    all_positive: Floats


def calibrate(probability: Floats, positive: Bools, cluster: Ints, *, groups: int = 5) -> Calibration:
    """How true ``probability`` (n) is of ``positive`` (n), lesions within patients ``cluster``. Refused: a probability outside 0 to 1, one class only."""
    _check(probability, positive)
    score = _logit(probability)
    ones = np.ones((len(score), 1))
    level = logistic(ones, positive, offset=score)
    both = logistic(np.column_stack([ones, score]), positive) if np.ptp(score) > 0 else None
    patients = len(np.unique(cluster))
    reach = float(stats.t.ppf(0.975, max(patients - 1, 1)))
    brier = float(((probability - positive) ** 2).mean())
    prevalence = float(positive.mean())
    at, at_ci = None, None
    if level is not None:
        at = float(level.coefficients[0])
        spread = robust_covariance(level, ones, positive, cluster)
        at_ci = _around(at, spread[0, 0], reach)
    slope, slope_ci = None, None
    if both is not None:
        slope = float(both.coefficients[1])
        spread = robust_covariance(both, np.column_stack([ones, score]), positive, cluster)
        slope_ci = _around(slope, spread[1, 1], reach)
    return Calibration(
        len(positive),
        int(positive.sum()),
        at,
        at_ci,
        slope,
        slope_ci,
        brier,
        1.0 - brier / (prevalence * (1.0 - prevalence)),
        float(positive.sum() / probability.sum()) if probability.sum() > 0 else float("inf"),
        _groups(probability, positive, groups),
    )


def decision_curve(
    probability: Floats,
    positive: Bools,
    cluster: Ints,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    counts: Counts | None = None,
) -> DecisionCurve:
    """Net benefit: true positives less false positives weighted by the odds of the threshold, a lesion. Refused: as :func:`calibrate`; a threshold not between 0 and 1."""
    _check(probability, positive)
    at = np.asarray(thresholds, np.float64)
    if not ((at > 0) & (at < 1)).all():
        raise InputRefused(
            "DECISION-THRESHOLD", "a threshold probability is not between 0 and 1", "Give probabilities between 0 and 1"
        )
    odds = at / (1.0 - at)
    gain = np.where(positive[:, None], 1.0, -odds[None, :])
    called = probability[:, None] >= at[None, :]
    band = None
    if counts is not None:
        patients = places(cluster)
        by_patient = np.zeros((counts.shape[1], len(at)))
        np.add.at(by_patient, patients, gain * called)
        sizes = np.bincount(patients, minlength=counts.shape[1])
        drawn = counts @ by_patient / np.maximum(counts @ sizes, 1)[:, None]
        ends = [percentile(column) or (np.nan, np.nan) for column in drawn.T]
        band = (np.array([low for low, _ in ends]), np.array([high for _, high in ends]))
    return DecisionCurve(at, (gain * called).mean(axis=0), band, gain.mean(axis=0))


def _check(probability: Floats, positive: Bools) -> None:
    if not (np.isfinite(probability).all() and (probability >= 0).all() and (probability <= 1).all()):
        raise InputRefused("CALIBRATION-RANGE", "a probability lies outside 0 to 1", "Give probabilities as fractions")
    if positive.all() or not positive.any():
        raise InputRefused("CALIBRATION-ONE-CLASS", "the lesions are all of one class", "Give lesions of both classes")


def _logit(probability: Floats) -> Floats:
    kept = np.clip(probability, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(kept / (1.0 - kept)))


def _around(value: float, variance: float, reach: float) -> Interval | None:
    return (value - reach * variance**0.5, value + reach * variance**0.5) if variance > 0 else None


def _groups(probability: Floats, positive: Bools, wanted: int) -> tuple[Group, ...]:
    """Equal shares of the lesions in order of probability; equal probabilities stay together."""
    order = np.argsort(probability, kind="stable")
    ends = [round(len(order) * (k + 1) / wanted) for k in range(wanted)]
    made, start = [], 0
    for end in ends:
        stop = end
        while 0 < stop < len(order) and probability[order[stop]] == probability[order[stop - 1]]:
            stop += 1
        part = order[start:stop]
        if len(part):
            share = float(positive[part].mean())
            made.append(
                Group(
                    len(part), float(probability[part].mean()), share, proportion(int(positive[part].sum()), len(part)).ci95_wilson
                )
            )
            start = stop
    return tuple(made)
