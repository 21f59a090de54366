from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.domain.exact import change, exact, not_negative
from hepaflow.errors import InputRefused


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3))
def test_text_float_and_decimal_of_one_number_are_equal(number: Decimal) -> None:
    assert exact(number) == exact(str(number)) == exact(float(number)) == Fraction(number)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1e400", "-", "", "abc", True, None, [1], "1" * 50])
def test_what_is_no_plain_number_is_refused(value: object) -> None:
    with pytest.raises(InputRefused, match="NUMBER-INVALID"):
        exact(value)  # type: ignore[arg-type]


def test_a_negative_size_is_refused_by_name() -> None:
    assert not_negative("0", what="the diameter") == 0
    with pytest.raises(InputRefused, match="NUMBER-NEGATIVE: the diameter is negative"):
        not_negative(-0.1, what="the diameter")


def test_change_is_exact_and_has_no_meaning_from_zero() -> None:
    assert change(exact(32.2), exact(46.0)) == Fraction(-3, 10)
    assert change(exact(5), exact(0)) is None
