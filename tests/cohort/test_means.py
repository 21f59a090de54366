from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.means import PAIRED, POOLED, WELCH, t_from_summary, t_paired, t_pooled, t_welch
from hepaflow.errors import InputRefused

#: Student's sleep data: extra hours with two drugs in the same ten patients.
FIRST = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SECOND = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
GROUP = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=12).filter(lambda v: len(set(v)) > 1).map(np.array)


def test_sleep_data_of_student() -> None:
    """R's t.test examples: pooled t -1.8608 p 0.07919, Welch df 17.776 p 0.07939 interval -3.3655 to 0.2055, paired t -4.0621 p 0.002833."""
    pooled, welch, paired = t_pooled(FIRST, SECOND), t_welch(FIRST, SECOND), t_paired(FIRST, SECOND)
    assert (pooled.test, welch.test, paired.test) == (POOLED, WELCH, PAIRED)
    assert (pooled.statistic, pooled.df, pooled.p) == (pytest.approx(-1.8608, abs=5e-5), 18, pytest.approx(0.07919, abs=5e-6))
    assert (welch.df, welch.p) == (pytest.approx(17.776, abs=5e-4), pytest.approx(0.07939, abs=5e-6))
    assert welch.ci95 == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)
    assert (paired.statistic, paired.df, paired.p) == (pytest.approx(-4.0621, abs=5e-5), 9, pytest.approx(0.002833, abs=5e-7))
    assert paired.ci95 == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    assert (paired.n_first, paired.n_second) == (10, 10)


def test_size_change_of_25_and_32_lesions() -> None:
    """Means and SDs as printed: t -2.946, p .0047 pooled; Welch gives .0056."""
    pooled = t_from_summary((25, -8.6, 13.52), (32, 1.375, 12.00))
    assert (pooled.statistic, pooled.p, pooled.df) == (pytest.approx(-2.946, abs=5e-4), pytest.approx(0.0047, abs=5e-5), 55)
    assert t_from_summary((25, -8.6, 13.52), (32, 1.375, 12.00), equal_variance=False).p == pytest.approx(0.0056, abs=5e-5)


@given(GROUP, GROUP)
@settings(deadline=None)
def test_laws(first: np.ndarray, second: np.ndarray) -> None:
    for ours, equal in ((t_pooled, True), (t_welch, False)):
        found, back, moved = ours(first, second), ours(second, first), ours(first + 7, second + 7)
        known = stats.ttest_ind(first, second, equal_var=equal)
        assert (found.statistic, found.p, found.df) == (
            pytest.approx(known.statistic, rel=1e-9, abs=1e-12),
            pytest.approx(known.pvalue, rel=1e-9),
            pytest.approx(known.df),
        )
        assert found.ci95 == pytest.approx(tuple(known.confidence_interval()), rel=1e-9, abs=1e-9)
        assert (back.difference, back.p, back.ci95) == (
            -found.difference,
            pytest.approx(found.p),
            pytest.approx((-found.ci95[1], -found.ci95[0])),
        )
        assert (moved.p, moved.difference) == (pytest.approx(found.p, rel=1e-9), pytest.approx(found.difference))
        summary = [(v.size, float(v.mean()), float(v.std(ddof=1))) for v in (first, second)]
        assert t_from_summary(summary[0], summary[1], equal_variance=equal) == found


@given(GROUP, st.integers(0, 10**6))
@settings(deadline=None)
def test_a_paired_test_is_that_of_the_differences(differences: np.ndarray, seed: int) -> None:
    second = np.random.default_rng(seed).integers(-9, 9, differences.size).astype(float)
    found = t_paired(differences + second, second)
    known = stats.ttest_1samp(differences, 0)
    assert (found.statistic, found.p) == (pytest.approx(known.statistic, abs=1e-12), pytest.approx(known.pvalue))
    assert found.ci95 == pytest.approx(tuple(known.confidence_interval()))


def test_unknown_values_are_left_out_and_counted() -> None:
    gap = np.array([1.0, np.nan, 3.0, 5.0])
    found = t_pooled(gap, np.array([np.nan, 2.0, 2.5]))
    assert (found.n_first, found.n_second, found.left_out) == (3, 2, 2)
    assert found.p == t_pooled(gap[[0, 2, 3]], np.array([2.0, 2.5])).p
    paired = t_paired(gap, np.array([0.0, 1.0, np.nan, 1.0]))
    assert (paired.n_first, paired.left_out, paired.difference) == (2, 2, 2.5)


def test_bad_input_is_refused() -> None:
    some = np.array([1.0, 2.0])
    for asked in (
        lambda: t_welch(some, np.array([np.inf, 1.0])),
        lambda: t_paired(some + np.inf, some + np.inf),
        lambda: t_pooled(some[None], some),
    ):
        with pytest.raises(InputRefused, match="MEANS-VALUE"):
            asked()
    for asked in (
        lambda: t_pooled(some[:1], some),
        lambda: t_welch(some, some[:1]),
        lambda: t_paired(some, np.array([np.nan, 1.0])),
    ):
        with pytest.raises(InputRefused, match="MEANS-FEW"):
            asked()
    with pytest.raises(InputRefused, match="MEANS-UNEQUAL"):
        t_paired(some, some[:1])
    for bad in ((1, 0.0, 1.0), (3, np.nan, 1.0), (3, 0.0, -1.0), (3, 0.0, np.inf)):
        with pytest.raises(InputRefused, match="MEANS-SUMMARY"):
            t_from_summary(bad, (3, 0.0, 1.0))
        with pytest.raises(InputRefused, match="MEANS-SUMMARY"):
            t_from_summary((3, 0.0, 1.0), bad)
    tenths = np.full(3, 0.1)
    for asked in (
        lambda: t_pooled(tenths, np.full(5, 0.7)),
        lambda: t_welch(tenths, np.full(5, 0.7)),
        lambda: t_paired(some + 1, some),
        lambda: t_from_summary((3, 0.0, 0.0), (3, 1.0, 0.0), equal_variance=False),
    ):
        with pytest.raises(InputRefused, match="MEANS-NO-SPREAD"):
            asked()
