from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.describe import describe
from hepaflow.cohort.size import CATEGORIES, LARGER, LEAST_GROWTH_MM, SMALLER, categories, sizes

SIZE = st.one_of(st.integers(0, 60).map(float), st.just(math.nan))


@given(st.lists(st.tuples(SIZE, SIZE, st.booleans()), min_size=1, max_size=20))
def test_change_and_categories_lesion_by_lesion(lesions: list[tuple[float, float, bool]]) -> None:
    before, after = np.array([b for b, _, _ in lesions]), np.array([a for _, a, _ in lesions])
    positive = np.array([p for _, _, p in lesions])
    found = sizes(positive, before=before, after=after)
    counts = {(group, name): 0 for group in (True, False) for name in CATEGORIES}
    small_growth = 0
    for (b, a, group), change in zip(lesions, found.change.tolist(), strict=True):
        if math.isnan(a) or not b > 0:
            assert math.isnan(change)
            continue
        assert change == pytest.approx(100 * (a - b) / b)
        # in whole millimetres the limits are exact: 10 a <= 7 b and 10 a >= 12 b
        name = "smaller" if 10 * a <= 7 * b else "larger" if 10 * a >= 12 * b else "stable"
        counts[group, name] += 1  # type: ignore[index]
        small_growth += name == "larger" and a - b < 5
    assert found.counts == tuple({name: counts[group, name] for name in CATEGORIES} for group in (True, False))
    assert found.grew_less_than_5mm == small_growth
    assert found.before == (describe(before[positive]), describe(before[~positive]))
    assert found.after == (describe(after[positive]), describe(after[~positive]))
    assert found.difference == (describe((after - before)[positive]), describe((after - before)[~positive]))
    assert found.difference_mm is not None
    assert found.difference_mm.tolist() == pytest.approx((after - before).tolist(), nan_ok=True)


def test_change_in_per_cent_alone() -> None:
    change = np.array([-31.0, -30.0, -29.9, 19.9, 20.0, np.nan])
    found = sizes(np.array([True, True, True, False, False, False]), change_percent=change)
    assert (found.before, found.after, found.difference, found.difference_mm, found.grew_less_than_5mm) == (None,) * 5
    assert found.counts == ({"smaller": 2, "stable": 1, "larger": 0}, {"smaller": 0, "stable": 1, "larger": 1})
    assert found.change is change


def test_a_given_change_fills_what_sizes_do_not_tell() -> None:
    found = sizes(
        np.array([True, False, False]),
        before=np.array([20.0, np.nan, 0.0]),
        after=np.array([10.0, 12.0, 12.0]),
        change_percent=np.array([99.0, 40.0, np.nan]),
    )
    assert found.change.tolist() == pytest.approx([-50.0, 40.0, math.nan], nan_ok=True)
    only = sizes(np.array([True, False]), before=np.array([20.0, 30.0]), change_percent=np.array([5.0, 40.0]))
    assert only.before is not None
    assert (only.after, only.difference, only.grew_less_than_5mm) == (None, None, None)
    later = sizes(np.array([True, False]), after=np.array([20.0, 30.0]), change_percent=np.array([5.0, 40.0]))
    assert (later.before, later.difference) == (None, None)
    assert later.after is not None


def test_limits_both_sides() -> None:
    assert (SMALLER, LARGER, LEAST_GROWTH_MM) == (-30.0, 20.0, 5.0)
    change = np.array([-100.0, -30.0, -30.0 + 1e-12, -30.0 + 1e-6, 0.0, 20.0 - 1e-6, 20.0 - 1e-12, 20.0, 300.0, np.nan, np.inf])
    assert categories(change).tolist() == [*["smaller"] * 3, *["stable"] * 3, *["larger"] * 3, "", ""]
    edge = sizes(np.array([True, True, False]), before=np.array([20.0, 25.0, 24.0]), after=np.array([24.0, 30.0, 28.9]))
    assert edge.grew_less_than_5mm == 2  # 4 and 4.9 mm; the one of 5 mm did not grow by less


def test_neither_sizes_nor_changes() -> None:
    for one in ({}, {"before": np.ones(1)}, {"after": np.ones(1)}):
        with pytest.raises(ValueError, match="neither sizes nor changes"):
            sizes(np.array([True]), **one)
