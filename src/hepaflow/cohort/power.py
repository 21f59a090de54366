"""How many lesions and patients the next study needs, with several lesions a patient.

Each formula is for independent lesions; their number is multiplied by the design effect of lesions in patients, an approximation for anything but a
proportion or a mean. Tests are two-sided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hepaflow.errors import InputRefused

#: Two-sided error and power that most studies plan with.
ALPHA, POWER = 0.05, 0.8
_KISH = "design effect sum m^2 / sum m (Kish L. Survey sampling 1965; Donner A, Klar N. Design and analysis of cluster randomization trials 2000)"
_BUDERER = "z^2 p (1 - p) / w^2 lesions of the class: Buderer NM. Acad Emerg Med 1996;3:895-900"
_OBUCHOWSKI = "(z_alpha sqrt V0 + z_beta sqrt V1)^2 / difference^2 with the binormal variance: Obuchowski NA, McClish DK. Stat Med 1997;16:1529-1542"
_CONNOR = "(z_alpha sqrt psi + z_beta sqrt(psi - delta^2))^2 / delta^2 pairs: Connor RJ. Biometrics 1987;43:207-211"
_SCHOENFELD = "(z_alpha + z_beta)^2 / (q (1 - q) ln(HR)^2) events: Schoenfeld DA. Biometrics 1983;39:499-503"


def design_effect(cluster_sizes: Sequence[int], icc: float) -> float:
    """By how much lesions of the same patients inflate a variance: 1 + (sum m^2 / sum m - 1) ICC.

    Refused: no patients, a patient without lesions, an intraclass correlation that is not between 0 and 1.

    >>> design_effect([2, 2, 2], 0.5)
    1.5
    """
    return Clustering(tuple(cluster_sizes), icc).design_effect


@dataclass(frozen=True, slots=True)
class Clustering:
    """Lesions of each patient of an earlier cohort (``sizes``), and how alike lesions of one patient are (``icc``)."""

    sizes: tuple[int, ...]
    icc: float

    def __post_init__(self) -> None:
        if not self.sizes or min(self.sizes) < 1:
            raise InputRefused(
                "POWER-SIZES", "no patients, or a patient without lesions", "Give the number of lesions of every patient"
            )
        if not 0.0 <= self.icc <= 1.0:
            raise InputRefused("POWER-ICC", "the intraclass correlation is not between 0 and 1", "Give one from an earlier cohort")

    @property
    def lesions_per_patient(self) -> float:
        """The mean."""
        return sum(self.sizes) / len(self.sizes)

    @property
    def design_effect(self) -> float:
        """As :func:`design_effect`."""
        return 1.0 + (sum(size**2 for size in self.sizes) / sum(self.sizes) - 1.0) * self.icc


#: One lesion a patient.
ONE_EACH = Clustering((1,), 0.0)


@dataclass(frozen=True, slots=True)
class StudySize:
    """What the formula asks for (``counted`` of ``counted_as``), and the ``lesions`` and ``patients`` to recruit for it, design effect included.

    ``independent`` are the lesions without the design effect; ``power`` is None where an interval is planned.
    """

    counted: int
    counted_as: str
    independent: int
    lesions: int
    patients: int
    design_effect: float
    alpha: float
    power: float | None
    formula: str


def size_for_proportion(
    expected: float, half_width: float, *, share: float, alpha: float = ALPHA, clustering: Clustering = ONE_EACH
) -> StudySize:
    """Lesions for a sensitivity or specificity whose interval is ``half_width`` to either side; ``share`` of all lesions are of the class.

    Refused: an expected proportion, half width, share or alpha that is not between 0 and 1.

    >>> size_for_proportion(0.9, 0.1, share=0.5).lesions
    70
    """
    _between(expected=expected, half_width=half_width, alpha=alpha)
    counted = _z(1 - alpha / 2) ** 2 * expected * (1 - expected) / half_width**2
    return _size(counted, "lesions of the class", share, (alpha, None), clustering, _BUDERER)


def size_for_auc(
    auc: float,
    null: float = 0.5,
    *,
    share: float,
    alpha: float = ALPHA,
    power: float = POWER,
    clustering: Clustering = ONE_EACH,
) -> StudySize:
    """Lesions to tell an area under the ROC curve from ``null``; ``share`` of all lesions are positive. Refused: as above, areas that are equal."""
    _between(auc=auc, null=null, share=share, alpha=alpha, power=power)
    counted = _apart(auc - null, binormal_variance(null, share=share), binormal_variance(auc, share=share), (alpha, power))
    return _size(counted, "positive lesions", share, (alpha, power), clustering, _OBUCHOWSKI)


def size_for_two_aucs(
    first: float,
    second: float,
    *,
    correlation: float,
    share: float,
    alpha: float = ALPHA,
    power: float = POWER,
    clustering: Clustering = ONE_EACH,
) -> StudySize:
    """Lesions to tell two areas on the same lesions apart; ``correlation`` is that of the two estimated areas (Hanley JA, McNeil BJ. Radiology
    1983;148:839-843), and the null variance is that at the mean of the two. Refused: as above, a correlation that is not within 0 and below 1.
    """
    _between(first=first, second=second, share=share, alpha=alpha, power=power)
    if not 0.0 <= correlation < 1.0:
        raise InputRefused(
            "POWER-RANGE", "the correlation is not within 0 and below 1", "Use 0 for different lesions, 0.5 where not known"
        )
    one, other, middle = (binormal_variance(area, share=share) for area in (first, second, (first + second) / 2))
    spread = one + other - 2 * correlation * math.sqrt(one * other)
    counted = _apart(first - second, 2 * middle * (1 - correlation), spread, (alpha, power))
    return _size(counted, "positive lesions", share, (alpha, power), clustering, _OBUCHOWSKI)


def size_for_mcnemar(
    first_only: float,
    second_only: float,
    *,
    share: float = 1.0,
    alpha: float = ALPHA,
    power: float = POWER,
    clustering: Clustering = ONE_EACH,
) -> StudySize:
    """Lesions for McNemar's test; ``first_only`` and ``second_only`` are the shares that one method alone gets right (``share``: of all lesions, those of
    the class). Refused: as above, shares that are equal or add up to more than 1.
    """
    _between(first_only=first_only, second_only=second_only, alpha=alpha, power=power)
    apart, either = first_only - second_only, first_only + second_only
    if either > 1.0:
        raise InputRefused("POWER-RANGE", "the discordant shares add up to more than 1", "Give shares of all pairs")
    return _size(
        _apart(apart, either, either - apart**2, (alpha, power)), "pairs of readings", share, (alpha, power), clustering, _CONNOR
    )


def size_for_log_rank(
    hazard_ratio: float,
    *,
    event_share: float,
    allocation: float = 0.5,
    alpha: float = ALPHA,
    power: float = POWER,
    clustering: Clustering = ONE_EACH,
) -> StudySize:
    """Events for the log-rank test of two groups; ``event_share`` is that of all who have the event in the study, ``allocation`` the first group's part.

    Refused: as above, a hazard ratio that is 1 or not above 0.

    >>> size_for_log_rank(0.5, event_share=0.5).counted
    66
    """
    _between(allocation=allocation, alpha=alpha, power=power)
    if not 0 < hazard_ratio < math.inf:
        raise InputRefused("POWER-RANGE", "the hazard ratio is not above 0", "Give one such as 0.6")
    one = 1.0 / (allocation * (1 - allocation))
    counted = _apart(math.log(hazard_ratio), one, one, (alpha, power))
    return _size(counted, "events", event_share, (alpha, power), clustering, _SCHOENFELD)


def binormal_variance(auc: float, *, share: float) -> float:
    """Variance of an estimated area, times the number of positives, for ratings of two normal distributions (Obuchowski and McClish 1997)."""
    from scipy import stats

    ratio = (1 - share) / share
    # the published 1.414, not the root of 2
    a = float(stats.norm.ppf(auc)) * 1.414
    return 0.0099 * math.exp(-(a**2) / 2) * (5 * a**2 + 8 + (a**2 + 8) / ratio)


def _z(quantile: float) -> float:
    from scipy import stats

    return float(stats.norm.ppf(quantile))


def _between(**given: float) -> None:
    for name, value in given.items():
        if not 0.0 < value < 1.0:
            raise InputRefused("POWER-RANGE", f"{name.replace('_', ' ')} is not between 0 and 1", "Give a fraction")


def _apart(difference: float, null: float, other: float, errors: tuple[float, float]) -> float:
    """Number at which a difference is found with the power: variances of one unit under the null and under the difference."""
    if difference == 0:
        raise InputRefused("POWER-NO-DIFFERENCE", "there is no difference to find", "Give the smallest difference that matters")
    alpha, power = errors
    return ((_z(1 - alpha / 2) * math.sqrt(null) + _z(power) * math.sqrt(other)) / difference) ** 2


def _size(
    counted: float, counted_as: str, share: float, errors: tuple[float, float | None], clustering: Clustering, formula: str
) -> StudySize:
    if not 0.0 < share <= 1.0:
        raise InputRefused("POWER-RANGE", "the share is not above 0 and at most 1", "Give the part of all lesions that counts")
    effect = clustering.design_effect
    lesions = counted / share * effect
    return StudySize(
        counted=_up(counted),
        counted_as=counted_as,
        independent=_up(counted / share),
        lesions=_up(lesions),
        patients=_up(lesions / clustering.lesions_per_patient),
        design_effect=effect,
        alpha=errors[0],
        power=errors[1],
        formula=formula if clustering == ONE_EACH else f"{formula}; {_KISH}",
    )


def _up(number: float) -> int:
    return math.ceil(number - 1e-9)
