"""Response by perfusion: a ratio to healthy liver against a threshold, with the probability that the call is right."""

from __future__ import annotations

from dataclasses import replace
from math import erf, isfinite, sqrt

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.describe import half_up
from hepaflow.domain.lesions import Ratio, ResponseCall
from hepaflow.errors import UsageError
from hepaflow.response.criterion import Criterion, criterion

FloatArray = npt.NDArray[np.float64]

#: A call less sure than this, either way, is flagged ``response-uncertain``.
SURE = 0.95


def call(
    rule: Criterion,
    value: float | None,
    *,
    samples: FloatArray | None = None,
    sd: float | None = None,
    probability: float | None = None,
    diameter_mm: float | None = None,
    threshold: float | None = None,
    region: str = "whole",
) -> ResponseCall:
    """The category of a ratio ``value`` and the probability that the true ratio lies on the threshold's side of a major response.

    ``probability`` is used where it is known already; else ``samples`` (s,), posterior draws of the ratio; else a normal spread ``sd``;
    with none of them the probability is None. ``threshold`` replaces the criterion's own. A lesion under the criterion's smallest diameter is not rated
    (``lesion-below-15-mm``); a missing value is not either (``response-not-evaluable``). Refused: a threshold that is not positive.

    >>> from hepaflow.response.criterion import NANCY_2019
    >>> call(NANCY_2019, 0.50, sd=0.05).category
    'major'
    >>> call(NANCY_2019, 0.68, sd=0.05).category  # the rule says strictly below
    'minor'
    """
    limit = rule.threshold if threshold is None else threshold
    if not (isfinite(limit) and limit > 0):
        raise UsageError("THRESHOLD-INVALID", "the response threshold is not a positive number", "Give a threshold such as 0.68")
    if value is None or not isfinite(value):
        return ResponseCall(rule.key, limit, None, None, region, ("response-not-evaluable",))
    probability = _major(rule, limit, value, samples, sd) if probability is None else probability
    if diameter_mm is not None and diameter_mm < rule.smallest_mm:
        return ResponseCall(rule.key, limit, None, probability, region, ("lesion-below-15-mm",))
    unsure = probability is not None and 1 - SURE < probability < SURE
    category = _category(rule, value, limit)
    return ResponseCall(rule.key, limit, category, probability, region, ("response-uncertain",) if unsure else ())


def says(judged: ResponseCall, ratio: Ratio, samples: FloatArray | None = None) -> ResponseCall:
    """What the criterion and threshold of ``judged`` say of another ratio of the same lesion, with its draws ``samples`` (s,).

    >>> from hepaflow.response.criterion import NANCY_2019
    >>> said = says(call(NANCY_2019, 0.50), Ratio(0.70, 0.02, None))
    >>> said.category, round(said.probability_major, 2)
    ('minor', 0.16)
    """
    rule = criterion(judged.criterion)
    said = call(rule, ratio.value, samples=samples, sd=ratio.sd, threshold=judged.threshold, region=judged.region)
    return replace(said, ratio=ratio)


def decimals(value: float | None, limit: float | None, *, fewest: int = 2) -> int:
    """How many decimals show ``value`` on its own side of the threshold ``limit``: 0.676 printed as 0.68 would belie its category.

    >>> decimals(0.676, 0.68), decimals(0.66, 0.68), decimals(0.68, 0.68), decimals(0.67999, 0.68)
    (3, 2, 2, 5)
    """
    if value is None or limit is None or not isfinite(value):
        return fewest

    def side(number: float) -> int:
        return (number > limit) - (number < limit)

    return next(count for count in range(fewest, 18) if side(float(half_up(value, decimals=count))) == side(value))


def _category(rule: Criterion, value: float, limit: float) -> str:
    if rule.major_below:
        return rule.below if value < limit else rule.otherwise
    return rule.otherwise if value > limit else rule.below


def _major(rule: Criterion, limit: float, value: float, samples: FloatArray | None, sd: float | None) -> float | None:
    """Probability of a major response."""
    if rule.major_below:
        return _below(limit, value, samples, sd)
    return _below(-limit, -value, None if samples is None else -samples, sd)


def _below(limit: float, value: float, samples: FloatArray | None, sd: float | None) -> float | None:
    if samples is not None:
        finite = samples[np.isfinite(samples)]
        if finite.size:
            return float(np.mean(finite < limit))
    if sd is None or not isfinite(sd) or sd < 0:
        return None
    if sd == 0:
        return float(value < limit)
    return 0.5 * (1.0 + erf((limit - value) / (sd * sqrt(2.0))))
