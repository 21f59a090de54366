"""How a study prints numbers: rounded half up, per cents with their counts, p values never as zero, gaps as a dash."""

from __future__ import annotations

import math
from fractions import Fraction

from hepaflow.cohort.describe import Described, half_up
from hepaflow.cohort.proportion import ClusteredProportion, Proportion

GAP = "–"
#: A share is a count over no more lesions than this, so that one that came as a float is rounded as its fraction.
_LARGEST_COUNT = 1_000_000
#: From here a number is printed as a power of ten.
LONGEST = 1e9


def number(value: float | None, decimals: int = 2) -> str:
    """A number with ``decimals``, rounded half up; a dash where there is none, a power of ten where it would be too long to read.

    >>> number(0.125), number(None), number(-1.0, 0), number(1e43)
    ('0.13', '–', '−1', '1.0e+43')
    """
    if value is None or not math.isfinite(value):
        return GAP
    if abs(value) >= LONGEST:
        return f"{value:.1e}".replace("-", "−")
    return half_up(value, decimals=decimals).replace("-", "−")


def significant(value: float | None, digits: int = 3) -> str:
    """A number with about ``digits`` significant digits, for values whose size is not known beforehand.

    >>> significant(1234.5), significant(0.01234), significant(12.345)
    ('1235', '0.0123', '12.3')
    """
    if value is None or not math.isfinite(value):
        return GAP
    size = 0 if value == 0 else math.floor(math.log10(abs(value)))
    return number(value, min(max(digits - 1 - size, 0), 8))


def p_value(value: float | None) -> str:
    """A p value to two significant digits.

    >>> p_value(0.0047149), p_value(3.1e-13), p_value(0.5), p_value(None)
    ('0.0047', '3.1e−13', '0.50', '–')
    """
    if value is None or not math.isfinite(value):
        return GAP
    if value >= 0.1:
        return number(value, 2)
    return number(value, 1 - math.floor(math.log10(value))) if value >= 1e-4 else f"{value:.1e}".replace("-", "−")


def interval(bounds: tuple[float, float] | None, decimals: int = 2) -> str:
    """``low to high``."""
    return GAP if bounds is None else f"{number(bounds[0], decimals)} to {number(bounds[1], decimals)}"


def percent(value: float | Fraction | None, decimals: int = 1) -> str:
    """A share in per cent."""
    return GAP if value is None else half_up(100 * Fraction(value).limit_denominator(_LARGEST_COUNT), decimals=decimals)


def rate(found: Proportion) -> str:
    """Per cent with its counts: ``96.6 (28/29)``."""
    return GAP if found.n == 0 else f"{percent(Fraction(found.events, found.n))} ({found.events}/{found.n})"


def percent_interval(bounds: tuple[float, float] | None) -> str:
    """An interval of shares in per cent."""
    return GAP if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def rate_lines(found: Proportion, by_patient: ClusteredProportion) -> str:
    """Per cent with its counts, and under it both intervals: exact over lesions, and over patients."""
    if found.n == 0:
        return GAP
    return f"{rate(found)}\nlesions {percent_interval(found.ci95_exact)}\npatients {percent_interval(by_patient.ci95)}"


def quartiles(found: Described, decimals: int | None = None) -> str:
    """``median [q1; q3]``."""
    if found.median is None:
        return GAP
    show = [significant(value) if decimals is None else number(value, decimals) for value in (found.median, found.q1, found.q3)]
    return f"{show[0]} [{show[1]}; {show[2]}]"


def spread(found: Described) -> str:
    """``mean ± SD``."""
    if found.mean is None:
        return GAP
    return f"{significant(found.mean)} ± {significant(found.sd)}"
