"""Numbers as a study prints them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.crossed import Crossed
from hepaflow.cohort.describe import describe, half_up
from hepaflow.report.study_numbers import (
    GAP,
    LONGEST,
    interval,
    number,
    p_value,
    percent,
    percent_interval,
    quartiles,
    rate,
    significant,
    spread,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("events", "n", "printed"),
    [
        (28, 29, "96.6"),
        (31, 32, "96.9"),
        (11, 32, "34.4"),
        (3, 32, "9.4"),
        (6, 32, "18.8"),
        (29, 32, "90.6"),
        (0, 7, "0.0"),
        (7, 7, "100.0"),
    ],
)
def test_per_cents_are_rounded_half_up_from_their_counts(events: int, n: int, printed: str) -> None:
    assert percent(Fraction(events, n)) == printed


@pytest.mark.parametrize(
    ("p", "printed"),
    [
        (0.0047149, "0.0047"),
        (2.1e-13, "2.1e−13"),
        (0.5, "0.50"),
        (1.0, "1.00"),
        (0.045, "0.045"),
        (0.0, "0.0e+00"),
        (None, GAP),
        (math.nan, GAP),
    ],
)
def test_p_values_keep_two_digits(p: float | None, printed: str) -> None:
    assert p_value(p) == printed


def test_gaps_are_dashes() -> None:
    assert {number(None), number(math.inf), significant(None), interval(None), percent(None), percent_interval(None)} == {GAP}
    assert {quartiles(describe([])), spread(describe([])), rate(Crossed(0, 0, 0, 3, "x").sensitivity)} == {GAP}
    assert spread(describe([2.0])) == f"2.00 ± {GAP}"
    assert rate(Crossed(28, 1, 1, 31, "major").sensitivity) == "96.6 (28/29)"


@given(FLOATS, st.integers(0, 6))
def test_any_number_is_printed_short_and_with_a_true_minus(value: float, decimals: int) -> None:
    text = number(value, decimals)
    assert len(text) <= 20
    assert not text.startswith("-")
    if abs(value) < LONGEST:
        assert abs(Fraction(text.replace("−", "-")) - Fraction(value)) <= Fraction(1, 2 * 10**decimals)


@given(FLOATS)
def test_significant_digits_hold_three_of_them(value: float) -> None:
    text = significant(value).replace("−", "-")
    if 1e-6 < abs(value) < LONGEST:
        assert abs(float(text) - value) <= 0.0051 * abs(value)
    assert len(text) <= 20


@given(FLOATS, st.integers(0, 8))
def test_half_up_is_right_at_any_size(value: float, decimals: int) -> None:
    shown = Fraction(Decimal(half_up(value, decimals=decimals)))
    assert abs(shown - Fraction(value)) <= Fraction(1, 2 * 10**decimals)
