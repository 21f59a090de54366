from __future__ import annotations

import math
import statistics
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.describe import Level, describe, half_up, levels, percent, truncated

NUMBERS = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=20)


def type_7(values: list[float], share: float) -> float:
    """Quantile between order statistics, written out."""
    ordered, at = sorted(values), share * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


@given(NUMBERS, st.integers(0, 3))
def test_numbers_described(values: list[float], gaps: int) -> None:
    found = describe([*values, *[math.nan] * gaps])
    assert (found.n, found.missing) == (len(values), gaps)
    assert found.mean == pytest.approx(statistics.fmean(values))
    assert found.sd == (pytest.approx(statistics.stdev(values)) if len(values) > 1 else None)
    assert (found.q1, found.median, found.q3) == pytest.approx(tuple(type_7(values, share) for share in (0.25, 0.5, 0.75)))
    assert (found.smallest, found.largest) == (min(values), max(values))


@pytest.mark.parametrize("values", [[], [math.nan], [math.nan, math.nan]])
def test_nothing_there(values: list[float]) -> None:
    found = describe(values)
    assert (found.n, found.missing) == (0, len(values))
    assert (found.mean, found.sd, found.median, found.q1, found.q3, found.smallest, found.largest) == (None,) * 7


def test_categories_by_count_then_name() -> None:
    found = levels(["b", "a", None, "c", "a", "b", "c", "a"])
    assert (found.n, found.missing) == (7, 1)
    assert found.levels == (Level("a", 3, "42.9"), Level("b", 2, "28.6"), Level("c", 2, "28.6"))
    empty = levels([None, None])
    assert (empty.n, empty.missing, empty.levels) == (0, 2, ())


@given(st.integers(0, 200), st.integers(1, 200), st.integers(0, 4))
def test_percentages_are_half_up_of_the_exact_fraction(count: int, total: int, decimals: int) -> None:
    with localcontext() as context:
        context.prec = 60
        step = Decimal(1).scaleb(-decimals)
        wanted = (Decimal(100 * count) / Decimal(total)).quantize(step, rounding=ROUND_HALF_UP)
    assert percent(count, total, decimals=decimals) == str(wanted)


def test_percentages_of_the_thesis_and_of_nothing() -> None:
    assert [percent(*pair) for pair in ((11, 32), (3, 32), (6, 32), (28, 29))] == ["34.4", "9.4", "18.8", "96.6"]
    assert percent(0, 0) == "–"
    assert percent(0, 5) == "0.0"
    assert percent(1, 8, decimals=0) == "13"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e40, max_value=1e40), st.integers(0, 8))
def test_half_up_and_cut_are_those_of_exact_decimals(value: float, decimals: int) -> None:
    with localcontext() as context:
        context.prec = 1200  # a float has up to 1074 decimals
        step = Decimal(1).scaleb(-decimals)
        rounded = Decimal(value).quantize(step, rounding=ROUND_HALF_UP)
        cut = Decimal(value).quantize(step, rounding=ROUND_DOWN)
    assert half_up(value, decimals=decimals) == format(abs(rounded) if rounded == 0 else rounded, "f")
    assert truncated(value, decimals=decimals) == format(abs(cut) if cut == 0 else cut, "f")


@pytest.mark.parametrize(
    ("value", "decimals", "rounded", "cut"),
    [
        (Fraction(1, 8), 2, "0.13", "0.12"),
        (Fraction(-1, 8), 2, "-0.13", "-0.12"),
        (2.5, 0, "3", "2"),
        (-2.5, 0, "-3", "-2"),
        (0.15, 1, "0.1", "0.1"),  # the float lies just below
        (-0.04, 1, "0.0", "0.0"),
        (1e-7, 7, "0.0000001", "0.0000000"),
        (Fraction(1, 8) - Fraction(1, 10**40), 2, "0.12", "0.12"),
        (10**30, 1, "1" + "0" * 30 + ".0", "1" + "0" * 30 + ".0"),
        (Fraction(2800, 29), 1, "96.6", "96.5"),
    ],
)
def test_halves_and_ends(value: Fraction | float, decimals: int, rounded: str, cut: str) -> None:
    assert half_up(value, decimals=decimals) == rounded
    assert truncated(value, decimals=decimals) == cut
