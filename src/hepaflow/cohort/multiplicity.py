"""P values of one family adjusted for their number.

Holm S. Scand J Stat 1979;6:65-70. Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. Bonferroni: Dunn OJ. J Am Stat Assoc 1961;56:52-64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from hepaflow.cohort.sample import Floats
from hepaflow.errors import InputRefused

Method = Literal["holm", "benjamini-hochberg", "bonferroni"]
METHODS: tuple[Method, ...] = ("holm", "benjamini-hochberg", "bonferroni")


def adjust(p_values: Sequence[float | None], *, method: Method = "holm") -> tuple[float | None, ...]:
    """Adjusted p values in the given order; None and NaN are no tests: they stay out of the family and come back as they came.

    Holm and Bonferroni bound the chance of any false finding, Benjamini-Hochberg the expected share of false ones among findings.
    Refused: a p outside 0 to 1, an unknown method.

    >>> adjust([0.01, None, 0.04, 0.03])
    (0.03, None, 0.06, 0.06)
    """
    if method not in METHODS:
        raise InputRefused("MULTIPLICITY-METHOD", "the method is not known", "Use holm, benjamini-hochberg or bonferroni")
    family = [place for place, p in enumerate(p_values) if p is not None and not math.isnan(p)]
    tested = np.array([p_values[place] for place in family], dtype=np.float64)
    if ((tested < 0.0) | (tested > 1.0)).any():
        raise InputRefused("MULTIPLICITY-P", "a p value is not between 0 and 1", "Check the p values")
    adjusted = list(p_values)
    if family:
        for place, p in zip(family, _of_family(tested, method), strict=True):
            adjusted[place] = float(p)
    return tuple(adjusted)


def _of_family(tested: Floats, method: Method) -> Floats:
    if method == "benjamini-hochberg":
        return np.asarray(stats.false_discovery_control(tested))
    if method == "bonferroni":
        return np.minimum(1.0, len(tested) * tested)
    order = np.argsort(tested, kind="stable")
    raised = np.maximum.accumulate(tested[order] * np.arange(len(tested), 0, -1))
    adjusted = np.empty(len(tested))
    adjusted[order] = np.minimum(1.0, raised)
    return adjusted
