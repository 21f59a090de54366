"""A share of lesions or patients with its interval: exact, Wilson, and for lesions that share patients.

Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. Wilson EB. J Am Stat Assoc 1927;22:209-212.
Rao JNK, Scott AJ. Biometrics 1992;48:577-585 (ratio estimator and design effect of clustered counts).
Franco C, Little RJA, Louis TA, Slud EV. J Surv Stat Methodol 2019;7:334-364 (Wilson interval of the effective number of units).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from hepaflow.errors import InputRefused

WILSON_T = (
    "ratio estimator over clusters, 95 % Wilson interval of the effective number of units, t with clusters - 1 degrees of freedom"
)
CLUSTERS_EXACT = "ratio estimator over clusters, 95 % Clopper-Pearson interval with each cluster counted once (no variance between clusters seen)"
#: A between-cluster variance below this is rounding.
NO_VARIANCE = 1e-15


@dataclass(frozen=True, slots=True)
class Proportion:
    """``events`` of ``n``; value None and intervals (0, 1) where ``n`` is 0. The intervals are at ``level``, 0.95 unless asked otherwise."""

    events: int
    n: int
    value: float | None
    ci95_exact: tuple[float, float]
    ci95_wilson: tuple[float, float]
    level: float = 0.95

    def __post_init__(self) -> None:
        _check(self.events, self.n)


@dataclass(frozen=True, slots=True)
class ClusteredProportion:
    """A share of units that share clusters: ``events`` of ``n`` units in ``clusters`` clusters that hold any.

    ``value`` is None without units, ``se`` None below two clusters, ``design_effect`` (variance over that of independent units) None where
    the value is 0, 1 or None. ``method`` says how the interval was made.
    """

    value: float | None
    se: float | None
    ci95: tuple[float, float]
    clusters: int
    design_effect: float | None
    method: str
    events: int
    n: int


def proportion(events: int, n: int, *, level: float = 0.95) -> Proportion:
    """``events`` of ``n`` independent units with the Clopper-Pearson and the Wilson interval, both two-sided.

    Refused: negative counts, more events than units, a level outside (0, 1).

    >>> found = proportion(28, 29)
    >>> [round(100 * bound, 1) for bound in found.ci95_exact], [round(100 * bound, 1) for bound in found.ci95_wilson]
    ([82.2, 99.9], [82.8, 99.4])
    """
    _check(events, n)
    if not 0.0 < level < 1.0:
        raise InputRefused("PROPORTION-LEVEL", "the level of the interval is not between 0 and 1", "Give a level such as 0.95")
    if n == 0:
        return Proportion(events, n, None, (0.0, 1.0), (0.0, 1.0), level)
    return Proportion(
        events,
        n,
        events / n,
        _clopper_pearson(events, n, level),
        _wilson(events / n, n, float(stats.norm.ppf(0.5 + level / 2.0))),
        level,
    )


def clustered(events_by_cluster: Sequence[int], n_by_cluster: Sequence[int]) -> ClusteredProportion:
    """A share over units of several clusters (lesions of patients), with the variance between clusters.

    p = sum x_i / sum n_i with variance I / (I - 1) sum (x_i - n_i p)^2 / (sum n_i)^2 over the I clusters that hold units. Its interval is
    Wilson's of p among p (1 - p) / variance units, with t(I - 1) in place of the normal quantile. Where that variance says nothing (p 0 or 1, one cluster, all
    clusters alike) each cluster counts as one unit, as if its lesions were copies: Clopper-Pearson of I p among I. How often it holds the truth stands in
    ``docs/quality/study.md``.

    Refused: lists of different length, negative counts, more events than units in a cluster.

    >>> found = clustered([2, 0, 1, 3], [2, 1, 1, 4])
    >>> found.value, found.clusters, round(found.se, 4)
    (0.75, 4, 0.135)
    """
    if len(events_by_cluster) != len(n_by_cluster):
        raise InputRefused(
            "PROPORTION-CLUSTERS", "events and units name different numbers of clusters", "Give both for every cluster"
        )
    for of_cluster, units in zip(events_by_cluster, n_by_cluster, strict=True):
        _check(of_cluster, units)
    n = np.asarray([units for units in n_by_cluster if units], dtype=np.float64)
    x = np.asarray(
        [of_cluster for of_cluster, units in zip(events_by_cluster, n_by_cluster, strict=True) if units], dtype=np.float64
    )
    clusters, total, events = n.size, int(n.sum()), int(x.sum())
    if clusters == 0:
        return ClusteredProportion(None, None, (0.0, 1.0), 0, None, CLUSTERS_EXACT, 0, 0)
    p = events / total
    variance = None if clusters == 1 else float(clusters / (clusters - 1) * ((x - n * p) ** 2).sum() / total**2)
    se = None if variance is None else math.sqrt(variance)
    certain = events in (0, total)
    effect = None if certain or variance is None else variance / (p * (1.0 - p) / total)
    if certain or variance is None or variance < NO_VARIANCE:
        return ClusteredProportion(
            p, se, _clopper_pearson(clusters * p, clusters, 0.95), clusters, effect, CLUSTERS_EXACT, events, total
        )
    ci = _wilson(p, min(p * (1.0 - p) / variance, float(total)), float(stats.t.ppf(0.975, clusters - 1)))
    return ClusteredProportion(p, se, ci, clusters, effect, WILSON_T, events, total)


def at_prevalence(sensitivity: float, specificity: float, *, prevalence: float) -> tuple[float | None, float | None]:
    """Predictive values (PPV, NPV) that the test would have where ``prevalence`` of the units have the condition (Bayes); shares 0 to 1.

    None where no unit would test so. Refused: a share outside 0 to 1.

    >>> ppv, npv = at_prevalence(0.9, 0.8, prevalence=0.1)
    >>> round(ppv, 3), round(npv, 3)
    (0.333, 0.986)
    """
    if not all(0.0 <= share <= 1.0 for share in (sensitivity, specificity, prevalence)):
        raise InputRefused(
            "PROPORTION-SHARE", "a share is not between 0 and 1", "Give sensitivity, specificity and prevalence as shares"
        )
    tp, fn = sensitivity * prevalence, (1.0 - sensitivity) * prevalence
    tn, fp = specificity * (1.0 - prevalence), (1.0 - specificity) * (1.0 - prevalence)
    return (tp / (tp + fp) if tp + fp > 0 else None), (tn / (tn + fn) if tn + fn > 0 else None)


def _check(events: int, n: int) -> None:
    if not 0 <= events <= n:
        raise InputRefused("PROPORTION-COUNTS", "events are negative or more than the units", "Check the counts")


def _clopper_pearson(events: float, n: int, level: float) -> tuple[float, float]:
    tail = (1.0 - level) / 2.0
    low = float(stats.beta.ppf(tail, events, n - events + 1.0)) if events > 0 else 0.0
    high = float(stats.beta.ppf(1.0 - tail, events + 1.0, n - events)) if events < n else 1.0
    return low, high


def _wilson(p: float, n: float, quantile: float) -> tuple[float, float]:
    square, scale = quantile**2, 1.0 + quantile**2 / n
    middle, half = (p + square / (2.0 * n)) / scale, quantile / scale * math.sqrt(p * (1.0 - p) / n + square / (4.0 * n * n))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if p == 0.0 else low), (1.0 if p == 1.0 else high)
