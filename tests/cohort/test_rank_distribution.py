from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.rank_distribution import cut, rank_sum_tails, signed_rank_tails, signed_rank_ways, u_ways

VALUES = st.lists(st.integers(0, 6), min_size=2, max_size=9)


@given(VALUES, st.data())
@settings(deadline=None)
def test_rank_sum_tails_by_listing_every_draw(values: list[int], data: st.DataObject) -> None:
    ranks = stats.rankdata(values)
    n = data.draw(st.integers(1, len(values) - 1))
    sums = np.array([sum(draw) for draw in itertools.combinations(ranks, n)])
    seen = float(data.draw(st.sampled_from(sums.tolist())))
    assert rank_sum_tails(ranks, n, seen=seen) == pytest.approx(((sums <= seen).mean(), (sums >= seen).mean()), rel=1e-13)


@given(VALUES, st.data())
@settings(deadline=None)
def test_signed_rank_tails_by_listing_every_sign(values: list[int], data: st.DataObject) -> None:
    ranks = stats.rankdata(values)
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(values))])
    seen = float(data.draw(st.sampled_from(sums.tolist())))
    assert signed_rank_tails(ranks, seen) == pytest.approx(((sums <= seen).mean(), (sums >= seen).mean()), rel=1e-13)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(deadline=None)
def test_ways_without_ties(n: int, m: int) -> None:
    ways = u_ways(n, m)
    assert ways.size == n * m + 1
    assert ways.sum() == pytest.approx(math.comb(n + m, n), rel=1e-12)
    assert ways == pytest.approx(ways[::-1], rel=1e-12)
    assert ways == pytest.approx(u_ways(m, n), rel=1e-12)
    assert ways @ np.arange(ways.size) / ways.sum() == pytest.approx(n * m / 2)
    signed = signed_rank_ways(n)
    assert signed.sum() == pytest.approx(2.0**n)
    assert signed @ np.arange(signed.size) / signed.sum() == pytest.approx(n * (n + 1) / 4)


def test_the_smallest_tail_of_a_thesis_sized_cohort() -> None:
    """29 and 32 values apart without overlap: one way among all, no loss of digits."""
    below, above = rank_sum_tails(np.arange(1.0, 62.0), 29, seen=float(np.arange(33, 62).sum()))
    assert above == pytest.approx(1 / math.comb(61, 29), rel=1e-12)
    assert below == pytest.approx(1.0)


@pytest.mark.parametrize(("n", "m", "k"), [(3, 3, 0), (4, 4, 1), (5, 5, 3), (10, 10, 24), (1, 38, 0), (1, 39, 1)])
def test_cut_by_the_table_of_the_rank_sum_test(n: int, m: int, k: int) -> None:
    """One more than the critical U of two-sided 5 % tables (Mann-Whitney: 4 and 4: 0; 5 and 5: 2; 10 and 10: 23); 1 and 39 leave exactly 2.5 %."""
    assert cut(u_ways(n, m), mean=math.nan, variance=math.nan) == k


def test_cut_of_the_normal_distribution_is_close_to_the_exact_one() -> None:
    for n, m in ((40, 40), (60, 30)):
        exact = cut(u_ways(n, m), mean=math.nan, variance=math.nan)
        assert abs(cut(None, mean=n * m / 2, variance=n * m * (n + m + 1) / 12) - exact) <= 1
    assert cut(None, mean=1.0, variance=100.0) == 0


def test_ways_end_at_the_largest_statistic() -> None:
    for n, m in ((1, 4), (3, 2), (5, 5)):
        ways = u_ways(n, m)
        assert len(ways) == n * m + 1
        assert ways[-1] == 1.0
        assert ways.sum() == math.comb(n + m, n)


def test_a_tail_of_exactly_a_fortieth_is_within_the_interval() -> None:
    """One against 39: P(U <= 0) is 1/40, the 2.5 % that may be cut off."""
    assert cut(u_ways(1, 39), mean=19.5, variance=1.0) == 1
    assert cut(u_ways(1, 38), mean=19.0, variance=1.0) == 0
