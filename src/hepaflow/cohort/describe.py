"""Numbers and categories described: with n, what is missing, and percentages rounded half up beside their counts.

Quartiles are those of linear interpolation between order statistics (Hyndman RJ, Fan Y. Am Stat 1996;50:361-365, type 7, as in R and Excel).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from hepaflow.cohort.sample import Floats

QUARTILES = "linear interpolation (type 7)"
ROUNDING = "half up"


@dataclass(frozen=True, slots=True)
class Described:
    """A column of numbers; everything but the counts is None where nothing is there (``sd`` where fewer than two are)."""

    n: int
    missing: int
    mean: float | None
    sd: float | None
    median: float | None
    q1: float | None
    q3: float | None
    smallest: float | None
    largest: float | None


@dataclass(frozen=True, slots=True)
class Level:
    """One category: its count and the per cent of those known, printed to one decimal."""

    name: str
    count: int
    percent: str


@dataclass(frozen=True, slots=True)
class Levels:
    """A column of categories in order of count, then name."""

    n: int
    missing: int
    levels: tuple[Level, ...]


def describe(values: Floats | Sequence[float]) -> Described:
    """A column of numbers; NaN is missing.

    >>> describe([1.0, 2.0, 4.0, float("nan")]).median
    2.0
    """
    numbers = np.asarray(values, np.float64)
    kept = numbers[np.isfinite(numbers)]
    if not len(kept):
        return Described(0, len(numbers), None, None, None, None, None, None, None)
    q1, median, q3 = (float(x) for x in np.quantile(kept, [0.25, 0.5, 0.75]))
    sd = float(kept.std(ddof=1)) if len(kept) > 1 else None
    return Described(
        len(kept), len(numbers) - len(kept), float(kept.mean()), sd, median, q1, q3, float(kept.min()), float(kept.max())
    )


def levels(values: Iterable[str | None]) -> Levels:
    """A column of categories; None is missing."""
    given = list(values)
    counts = Counter(value for value in given if value is not None)
    known = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Levels(known, len(given) - known, tuple(Level(name, count, percent(count, known)) for name, count in ordered))


def percent(count: int, total: int, *, decimals: int = 1) -> str:
    """``count`` of ``total`` in per cent, rounded half up from the exact fraction; a dash where there is no total.

    >>> percent(3, 32), percent(6, 32), percent(11, 32)
    ('9.4', '18.8', '34.4')
    """
    return "–" if total == 0 else half_up(Fraction(100 * count, total), decimals=decimals)


def half_up(value: Fraction | float, *, decimals: int) -> str:
    """A number rounded half up (away from zero at the half), from its exact value.

    >>> half_up(Fraction(1, 8), decimals=2), half_up(-0.125, decimals=2)
    ('0.13', '-0.13')
    """
    exact = Fraction(value) * 10**decimals
    return _placed(int(abs(exact) + Fraction(1, 2)) * (-1 if exact < 0 else 1), decimals)


def truncated(value: Fraction | float, *, decimals: int) -> str:
    """A number cut after its decimals, to recognize a printed figure that was not rounded.

    >>> truncated(Fraction(2800, 29), decimals=1)
    '96.5'
    """
    return _placed(int(Fraction(value) * 10**decimals), decimals)


def _placed(digits: int, decimals: int) -> str:
    """``digits`` with the point before the last ``decimals`` of them."""
    return format(Decimal((int(digits < 0), tuple(map(int, str(abs(digits)))), -decimals)), "f")
