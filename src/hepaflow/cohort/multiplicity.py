"""P values of one family adjusted for their number.

Holm S. Scand J Stat 1979;6:65-70. Benjamini Y, Hochberg Y. J R Stat Soc B 1995;57:289-300. Bonferroni: Dunn OJ. J Am Stat Assoc 1961;56:52-64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from hepaflow.errors import InputRefused

Method = Literal["holm", "benjamini-hochberg", "bonferroni"]
#: Names in statsmodels.
NAMES: dict[str, str] = {"holm": "holm", "benjamini-hochberg": "fdr_bh", "bonferroni": "bonferroni"}


def adjust(p_values: Sequence[float | None], *, method: Method = "holm") -> tuple[float | None, ...]:
    """Adjusted p values in the given order; None and NaN are no tests: they stay out of the family and come back as they came.

    Holm and Bonferroni bound the chance of any false finding, Benjamini-Hochberg the expected share of false ones among findings.
    Refused: a p outside 0 to 1, an unknown method.

    >>> adjust([0.01, None, 0.04, 0.03])
    (0.03, None, 0.06, 0.06)
    """
    if method not in NAMES:
        raise InputRefused("MULTIPLICITY-METHOD", "the method is not known", "Use holm, benjamini-hochberg or bonferroni")
    family = [place for place, p in enumerate(p_values) if p is not None and not math.isnan(p)]
    tested = np.array([p_values[place] for place in family], dtype=np.float64)
    if ((tested < 0.0) | (tested > 1.0)).any():
        raise InputRefused("MULTIPLICITY-P", "a p value is not between 0 and 1", "Check the p values")
    adjusted = list(p_values)
    if family:
        from statsmodels.stats.multitest import multipletests

        for place, p in zip(family, multipletests(tested, method=NAMES[method])[1], strict=True):
            adjusted[place] = float(p)
    return tuple(adjusted)
