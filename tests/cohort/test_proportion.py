from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.proportion import CLUSTERS_EXACT, WILSON_T, Proportion, at_prevalence, clustered, proportion
from hepaflow.errors import InputRefused

CLUSTERS = st.lists(st.integers(0, 7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=12)
SHARE = st.floats(0, 1)


def split(pairs: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [x for x, _ in pairs], [n for _, n in pairs]


def test_intervals_of_newcombe() -> None:
    """Newcombe RG. Stat Med 1998;17:857-872, Table I: 81 of 263."""
    found = proportion(81, 263)
    assert found.ci95_wilson == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert found.ci95_exact == pytest.approx((0.2527, 0.3676), abs=5e-5)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99]))
def test_intervals_are_what_their_definition_says(counts: tuple[int, int], level: float) -> None:
    """Clopper-Pearson leaves at most half of what the level leaves in each tail of the binomial; Wilson inverts the score test."""
    events, n = counts
    found = proportion(events, n, level=level)
    assert (found.value, found.level) == (events / n, level)
    low, high = found.ci95_exact
    if events:
        assert stats.binom.sf(events - 1, n, low) == pytest.approx((1 - level) / 2, rel=1e-6)
    if events < n:
        assert stats.binom.cdf(events, n, high) == pytest.approx((1 - level) / 2, rel=1e-6)
    z = stats.norm.ppf(0.5 + level / 2)
    for bound in found.ci95_wilson:
        assert (events / n - bound) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, abs=1e-12)
    assert low <= events / n <= high
    assert found.ci95_wilson[0] <= events / n <= found.ci95_wilson[1]
    turned = proportion(n - events, n, level=level)
    assert turned.ci95_exact == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_nothing_of_nothing_is_unknown() -> None:
    assert proportion(0, 0) == Proportion(0, 0, None, (0.0, 1.0), (0.0, 1.0))
    assert clustered([], []).value is None
    assert clustered([0], [0]) == clustered([], [])


@pytest.mark.parametrize(("events", "n"), [(3, 2), (-1, 2), (0, -1)])
def test_impossible_counts_are_refused(events: int, n: int) -> None:
    for asked in (
        lambda: proportion(events, n),
        lambda: clustered([events], [n]),
        lambda: Proportion(events, n, None, (0, 1), (0, 1)),
    ):
        with pytest.raises(InputRefused, match="PROPORTION-COUNTS"):
            asked()


def test_other_bad_input_is_refused() -> None:
    for level in (0.0, 1.0, math.nan):
        with pytest.raises(InputRefused, match="PROPORTION-LEVEL"):
            proportion(1, 2, level=level)
    with pytest.raises(InputRefused, match="PROPORTION-CLUSTERS"):
        clustered([1, 2], [2])
    for shares in ((1.1, 0.5, 0.5), (0.5, -0.1, 0.5), (0.5, 0.5, math.nan)):
        with pytest.raises(InputRefused, match="PROPORTION-SHARE"):
            at_prevalence(shares[0], shares[1], prevalence=shares[2])


def test_the_ratio_estimator_by_hand() -> None:
    """p = 6/8; residuals 0.5, -0.75, 0.25, 0; variance 4/3 * 0.875 / 64; t of 3 degrees of freedom 3.182446."""
    found = clustered([2, 0, 1, 3, 0], [2, 1, 1, 4, 0])
    variance = 4 / 3 * 0.875 / 64
    assert (found.value, found.clusters, found.events, found.n, found.method) == (0.75, 4, 6, 8, WILSON_T)
    assert found.se == pytest.approx(math.sqrt(variance))
    assert found.design_effect == pytest.approx(variance / (0.75 * 0.25 / 8))
    # the ends are where p lies t standard errors away, with the variance that 0.75 * 0.25 / variance independent units have there
    for bound in found.ci95:
        assert abs(0.75 - bound) == pytest.approx(3.182446305 * math.sqrt(bound * (1 - bound) / 8))


@given(CLUSTERS)
def test_clustered_laws(pairs: list[tuple[int, int]]) -> None:
    """The order of clusters and clusters without units do not matter; the complement has the mirrored interval; the C12 form of the variance agrees."""
    x, n = split(pairs)
    found = clustered(x, n)
    back = clustered([*x[::-1], 0], [*n[::-1], 0])
    assert back.ci95 == pytest.approx(found.ci95)
    assert (back.value, back.clusters, back.method) == (found.value, found.clusters, found.method)
    other = clustered([units - events for events, units in pairs], n)
    assert other.ci95 == pytest.approx((1 - found.ci95[1], 1 - found.ci95[0]), abs=1e-9)
    if found.value is None:
        return
    assert found.ci95[0] <= found.value <= found.ci95[1]
    if found.se is not None:
        sizes = np.array([k for k in n if k])
        shares = np.array([events / units for events, units in pairs if units])
        c12 = ((sizes / sizes.mean()) ** 2 * (shares - found.value) ** 2).sum() / (sizes.size * (sizes.size - 1))
        assert found.se**2 == pytest.approx(c12, abs=1e-15)


@given(st.lists(st.booleans(), min_size=2, max_size=30))
def test_clusters_of_one_are_independent_units(events: list[bool]) -> None:
    found = clustered([int(event) for event in events], [1] * len(events))
    if found.method == WILSON_T:
        assert found.design_effect == pytest.approx(len(events) / (len(events) - 1))


@pytest.mark.parametrize(
    ("x", "n", "effective"),
    [([2, 1, 4], [2, 1, 4], (3, 3)), ([0, 0], [5, 5], (0, 2)), ([1, 2], [2, 4], (1, 2)), ([3], [4], (0.75, 1))],
)
def test_without_variance_each_cluster_counts_once(x: list[int], n: list[int], effective: tuple[float, int]) -> None:
    found = clustered(x, n)
    events, units = effective
    low = stats.beta.ppf(0.025, events, units - events + 1) if events else 0.0
    high = stats.beta.ppf(0.975, events + 1, units - events) if events < units else 1.0
    assert found.ci95 == pytest.approx((low, high))
    assert found.method == CLUSTERS_EXACT
    assert found.se == (None if units == 1 else 0.0)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 40), st.integers(0, 40))
def test_at_the_prevalence_of_the_sample_predictive_values_are_those_of_its_table(tp: int, tn: int, fp: int, fn: int) -> None:
    ppv, npv = at_prevalence(tp / (tp + fn), tn / (tn + fp), prevalence=(tp + fn) / (tp + tn + fp + fn))
    assert (ppv, npv) == (pytest.approx(tp / (tp + fp)), pytest.approx(tn / (tn + fn)))


def test_predictive_values_without_anyone_so_tested_are_unknown() -> None:
    assert at_prevalence(0.0, 1.0, prevalence=0.3) == (None, pytest.approx(0.7))
    assert at_prevalence(1.0, 0.0, prevalence=0.3) == (pytest.approx(0.3), None)
