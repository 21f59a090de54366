"""Sizes of lesions before and after treatment against the outcome: described, compared, and set in categories that are those of one lesion, not RECIST 1.1.

RECIST 1.1 rates a patient by a sum of target lesions, with an absolute rule of 5 mm; the thirds below only borrow its percentages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hepaflow.cohort.describe import Described, describe
from hepaflow.cohort.sample import Bools, Floats

Category = Literal["smaller", "stable", "larger"]
CATEGORIES: tuple[Category, ...] = ("smaller", "stable", "larger")
#: Per cent of change from which a lesion is smaller or larger.
SMALLER, LARGER = -30.0, 20.0
#: Growth in mm that RECIST 1.1 asks for beside the per cent (of the sum).
LEAST_GROWTH_MM = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """``before``, ``after``, ``difference`` (mm) described for positive and negative lesions, None where only the change in per cent is given; ``change`` (n) in per cent;
    ``counts`` of categories for positive and negative lesions; ``grew_less_than_5mm`` of the larger ones.
    """

    before: tuple[Described, Described] | None
    after: tuple[Described, Described] | None
    difference: tuple[Described, Described] | None
    difference_mm: Floats | None
    change: Floats
    counts: tuple[dict[Category, int], dict[Category, int]]
    grew_less_than_5mm: int | None


def sizes(
    positive: Bools, *, before: Floats | None = None, after: Floats | None = None, change_percent: Floats | None = None
) -> Sizes:
    """Sizes (n, mm; NaN missing) or, without them, the change in per cent. A size of 0 before treatment has no change."""
    shift: Floats | None = None
    if before is not None and after is not None:
        shift = after - before
        computed = np.full(len(before), np.nan)
        np.divide(100.0 * shift, before, out=computed, where=before > 0)
        change = computed if change_percent is None else np.where(np.isfinite(computed), computed, change_percent)
    elif change_percent is not None:
        change = change_percent
    else:
        raise ValueError("neither sizes nor changes")
    held = categories(change)
    counts = tuple({name: int(((held == name) & group).sum()) for name in CATEGORIES} for group in (positive, ~positive))
    grew = None if shift is None else int(((held == "larger") & (shift < LEAST_GROWTH_MM)).sum())
    return Sizes(
        None if before is None else _groups(before, positive),
        None if after is None else _groups(after, positive),
        None if shift is None else _groups(shift, positive),
        shift,
        change,
        (counts[0], counts[1]),
        grew,
    )


def categories(change: Floats) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """The category of each change in per cent; an empty text where it is missing.

    >>> categories(np.array([-30.0, 19.9, 20.0])).tolist()
    ['smaller', 'stable', 'larger']
    """
    # a quotient of two sizes may miss 30 % by a rounding of the last digit
    held = np.select([~np.isfinite(change), change <= SMALLER + 1e-9, change >= LARGER - 1e-9], ["", "smaller", "larger"], "stable")
    return np.asarray(held)


def _groups(values: Floats, positive: Bools) -> tuple[Described, Described]:
    return describe(values[positive]), describe(values[~positive])
