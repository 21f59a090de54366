from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.crossed import crossed
from hepaflow.cohort.paired import clustered_mcnemar, compare_tests, mcnemar
from hepaflow.errors import InputRefused

UNITS = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("b", "c", "corrected", "p"),
    [(59, 121, 20.672222, 5.450e-6), (61, 27, 12.375, 4.351e-4), (20, 6, 6.5, 0.010787), (150, 86, 16.81779661, 4.115e-5)],
)
def test_published_chi_squares(b: int, c: int, corrected: float, p: float) -> None:
    """MathWorks 15472; docs.smarthealthit.org chart-review (two); R's mcnemar.test example."""
    found = mcnemar(b, c)
    assert found.chi2_corrected == pytest.approx(corrected, rel=1e-7)
    assert found.p_chi2_corrected == pytest.approx(p, rel=1e-3)
    assert found.chi2 == pytest.approx((b - c) ** 2 / (b + c))


@given(st.integers(0, 25), st.integers(0, 25))
def test_exact_and_mid_p_by_counting(b: int, c: int) -> None:
    found, n, fewer = mcnemar(b, c), b + c, min(b, c)
    ways = [math.comb(n, k) for k in range(fewer + 1)]
    assert found.p_exact == pytest.approx(min(1.0, 2 * sum(ways) / 2**n))
    assert found.p_mid == pytest.approx(min(1.0, (2 * sum(ways) - ways[-1]) / 2**n))
    assert found.p_mid <= found.p_exact
    other = mcnemar(c, b)
    assert (other.p_exact, other.p_mid, other.chi2) == (found.p_exact, found.p_mid, found.chi2)


def test_no_discordant_pair_tells_nothing() -> None:
    found = mcnemar(0, 0)
    assert (found.p_exact, found.p_mid, found.chi2, found.p_chi2_corrected) == (1.0, 1.0, None, None)
    right = np.array([True, False, True])
    of_clusters = clustered_mcnemar(right, right, cluster=np.array([1, 1, 2]))
    assert (of_clusters.statistic, of_clusters.p, of_clusters.clusters) == (None, 1.0, 2)
    # discordant, yet the two lesions of the one cluster cancel
    assert clustered_mcnemar(np.array([True, False]), np.array([False, True]), cluster=np.array([1, 1])).statistic is None


def test_durkalski_by_hand() -> None:
    """Clusters of 2, 3 and 1 with b - c = 2, -1 and 1: d = 1, -1/3, 1; (5/3)^2 / (19/9) = 25/19."""
    first = np.array([True, True, False, True, False, True])
    second = np.array([False, False, True, True, False, False])
    found = clustered_mcnemar(first, second, cluster=np.array([4, 4, 8, 8, 8, 1]))
    assert found.statistic == pytest.approx(25 / 19)
    assert found.p == pytest.approx(stats.chi2.sf(25 / 19, 1))
    assert (found.only_first, found.only_second, found.n, found.clusters, found.discordant_clusters, found.df) == (3, 1, 6, 3, 3, 1)


@given(UNITS)
def test_clusters_of_one_give_mcnemar(units: list[tuple[bool, bool, bool, int]]) -> None:
    first, second, _, _ = (np.array(row) for row in zip(*units, strict=True))
    found = clustered_mcnemar(first, second, cluster=np.arange(first.size))
    plain = mcnemar(found.only_first, found.only_second)
    assert found.statistic == (None if plain.chi2 is None else pytest.approx(plain.chi2))
    # a second copy of every unit in its cluster is no news
    twice = clustered_mcnemar(np.tile(first, 2), np.tile(second, 2), cluster=np.tile(np.arange(first.size), 2))
    assert twice.p == pytest.approx(found.p)


@given(UNITS)
def test_compared_rates_are_those_of_each_test_alone(units: list[tuple[bool, bool, bool, int]]) -> None:
    first, second, condition, cluster = (np.array(row) for row in zip(*units, strict=True))
    named = {"first_positive": "major", "second_positive": "major"}
    found = compare_tests(first, second, condition=condition, cluster=cluster, **named)
    one, other = crossed(first, condition), crossed(second, condition)
    back = compare_tests(second, first, condition=condition, cluster=cluster, **named)
    for name, rates in found.items():
        assert (rates.first, rates.second) == (getattr(one, name), getattr(other, name))
        if rates.first.value is None:
            assert rates.difference is None
            continue
        assert rates.difference == pytest.approx((rates.plain.only_first - rates.plain.only_second) / rates.first.n)
        assert (rates.clustered.only_first, rates.clustered.only_second) == (rates.plain.only_first, rates.plain.only_second)
        assert back[name].difference == pytest.approx(-rates.difference)
        assert (back[name].plain.p_exact, back[name].clustered.p) == (rates.plain.p_exact, pytest.approx(rates.clustered.p))
    assert found["sensitivity"].plain.only_first + found["specificity"].plain.only_first == found["accuracy"].plain.only_first


def test_different_positive_classes_are_refused_and_not_echoed() -> None:
    yes = np.array([True, False])
    for first, second in (("major", "minor of A. Patient"), ("", "")):
        with pytest.raises(InputRefused, match="POSITIVE-CLASS-DIFFERS") as refused:
            compare_tests(yes, yes, condition=yes, cluster=np.array([1, 2]), first_positive=first, second_positive=second)
        assert "Patient" not in str(refused.value)


def test_bad_input_is_refused() -> None:
    yes, cluster = np.array([True, False]), np.array([1, 2])
    named = {"first_positive": "major", "second_positive": "major"}
    with pytest.raises(InputRefused, match="MCNEMAR-COUNTS"):
        mcnemar(-1, 2)
    with pytest.raises(InputRefused, match="CROSSED-UNEQUAL"):
        clustered_mcnemar(yes, yes, cluster=np.array([1]))
    for bad in (np.array([1, 0]), yes[:1]):
        with pytest.raises(InputRefused, match="CROSSED-"):
            compare_tests(yes, bad, condition=yes, cluster=cluster, **named)
        with pytest.raises(InputRefused, match="CROSSED-"):
            compare_tests(bad, yes, condition=yes, cluster=cluster, **named)
