from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hepaflow.cohort.icc import IntraclassCorrelation, icc
from hepaflow.errors import InputRefused

#: Shrout and Fleiss 1979, table 2: six targets, four judges.
TARGETS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)
FORMS = ("one", "two", "three", "one_k", "two_k", "three_k")


def values(found: IntraclassCorrelation) -> list[float]:
    return [getattr(found, form).value for form in FORMS]


def test_the_example_of_shrout_and_fleiss() -> None:
    """Values of the paper; F, df, p and limits as R psych::ICC prints them for it."""
    found = icc(TARGETS)
    assert (found.subjects, found.readers) == (6, 4)
    assert values(found) == pytest.approx([0.17, 0.29, 0.71, 0.44, 0.62, 0.91], abs=0.005)
    assert [getattr(found, form).df for form in FORMS] == [(5, 18), (5, 15), (5, 15)] * 2
    assert (found.one.f, found.two.f, found.three.f) == pytest.approx((1.79, 11.03, 11.03), abs=0.005)
    assert (found.one.p, found.three.p) == pytest.approx((0.16477, 0.00013), abs=6e-6)
    printed = [(-0.133, 0.72), (0.019, 0.76), (0.342, 0.95), (-0.884, 0.91), (0.071, 0.93), (0.676, 0.99)]
    for form, wanted in zip(FORMS, printed, strict=True):
        assert getattr(found, form).ci95 == pytest.approx(wanted, abs=0.006)
    assert [getattr(found, form).form for form in FORMS] == ["ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)"]
    assert all(getattr(found, form).test.startswith(getattr(found, form).form) for form in FORMS)


def test_readers_who_agree_wholly() -> None:
    found = icc([[1, 1], [2, 2], [5, 5]])
    assert values(found) == [1.0] * 6
    for form in FORMS:
        one = getattr(found, form)
        assert (one.f, one.p, one.ci95) == (np.inf, 0.0, (1.0, 1.0))


def test_a_reader_who_is_always_higher_is_consistent_but_does_not_agree() -> None:
    found = icc([[1, 11], [2, 12], [5, 15]])
    assert found.three.value == pytest.approx(1.0)
    assert found.two.value is not None
    assert found.two.value < 0.1


def test_subjects_with_one_mean_leave_undefined_what_is() -> None:
    crossed = icc([[0, 1], [1, 0]])
    assert (crossed.one.value, crossed.two.value, crossed.three.value) == (-1.0, None, -1.0)
    assert (crossed.one_k.value, crossed.two_k.value, crossed.three_k.ci95) == (None, None, None)
    columns = icc([[0, 1], [0, 1], [0, 1]])
    assert (columns.two.value, columns.two.ci95, columns.three.value, columns.three.ci95) == (0.0, (0.0, 0.0), None, None)


def test_limits_below_what_a_coefficient_can_be_are_not_stepped_up() -> None:
    found = icc([[0.0, 0.9], [1.0, 0.0], [0.1, 0.0]])
    assert found.two.ci95 is not None
    assert found.two.ci95[0] <= -1.0
    assert found.two_k.ci95 is None


@pytest.mark.parametrize(
    ("ratings", "code"),
    [
        ([1.0, 2.0], "ICC-TOO-FEW"),
        ([[1.0, 2.0]], "ICC-TOO-FEW"),
        ([[1.0], [2.0]], "ICC-TOO-FEW"),
        ([[1.0, np.nan], [np.inf, 2.0]], "ICC-MISSING: 2 of 4"),
        ([[3.0, 3.0], [3.0, 3.0]], "ICC-CONSTANT"),
    ],
)
def test_what_cannot_be_read_is_refused(ratings: list[object], code: str) -> None:
    with pytest.raises(InputRefused, match="^" + code):
        icc(ratings)  # type: ignore[arg-type]


tables = arrays(np.int64, st.tuples(st.integers(3, 8), st.integers(2, 5)), elements=st.integers(0, 20)).filter(
    lambda table: np.ptp(table) > 0
)


def test_subjects_closer_than_readers_could_make_them() -> None:
    found = icc([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 2, 0, 0]])
    assert found.two.value is not None
    assert found.two.value < -0.25
    assert found.two_k.value is None
    lone = icc([[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]]).two
    assert lone.value == pytest.approx(-2 / 7)
    assert lone.ci95 is None


@given(tables, st.sampled_from([0.5, 3.0]), st.integers(-50, 50))
def test_unit_and_origin_change_nothing_and_limits_hold_the_value(table: np.ndarray, scale: float, shift: int) -> None:
    found, moved = icc(table), icc(table * scale + shift)
    for form in FORMS:
        one, other = getattr(found, form), getattr(moved, form)
        assert (one.value is None) == (other.value is None)
        if one.value is not None:
            assert one.value <= 1.0 + 1e-12
            assert other.value == pytest.approx(one.value, abs=1e-7, rel=1e-7)
            if one.ci95 is not None:
                assert one.ci95[0] - 1e-9 <= one.value <= one.ci95[1] + 1e-9


@given(tables)
def test_the_mean_of_k_readers_is_spearman_brown_of_one(table: np.ndarray) -> None:
    found, k = icc(table), table.shape[1]
    for form in ("one", "two", "three"):
        single, mean = getattr(found, form).value, getattr(found, form + "_k").value
        if mean is not None:
            assert mean == pytest.approx(k * single / (1 + (k - 1) * single), abs=1e-9, rel=1e-9)
