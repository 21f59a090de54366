from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.ranks import EXACT_PAIRS, EXACT_VALUES, ClusteredRankTest, clustered_ranks, mann_whitney, wilcoxon_signed
from hepaflow.errors import InputRefused

SIDES = ("two-sided", "greater", "less")
#: Hollander M, Wolfe DA. Nonparametric statistical methods 1973, p. 69: permeability at term and at 12 to 26 weeks.
AT_TERM = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
EARLIER = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
#: The same, p. 29: depression scale before and after tranquilliser.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
WHOLE = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=7).map(np.array)
CLUSTERED = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 4)), min_size=2, max_size=14)


def test_published_rank_sum() -> None:
    found = mann_whitney(AT_TERM, EARLIER, alternative="greater")
    assert (found.statistic, found.n_first, found.n_second, found.ties) == (35.0, 10, 5, False)
    assert found.p == pytest.approx(0.1272061, abs=5e-8)
    assert found.test == "exact Mann-Whitney (Wilcoxon rank-sum) test, one-sided, greater"


def test_published_signed_rank() -> None:
    """R's example gives V = 40, one-sided p = 0.01953."""
    found = wilcoxon_signed(BEFORE - AFTER, alternative="greater")
    assert (found.statistic, found.n, found.zeros) == (40.0, 9, 0)
    assert found.p == pytest.approx(10 / 512)
    assert found.test == "exact Wilcoxon signed-rank test, one-sided, greater"


def test_29_of_928_pairs_discordant() -> None:
    """One of 29 below 29 of 32, the others above all: U = 899 of 928, p = 2.1e-13 where the normal approximation says 3.3e-10."""
    first, second = np.concatenate([[3.5], np.arange(100.0, 128)]), np.arange(1.0, 33)
    found = mann_whitney(first, second)
    assert found.statistic == 899
    assert found.p == pytest.approx(2.1e-13, rel=0.03)
    assert found.p == pytest.approx(stats.mannwhitneyu(first, second, method="exact").pvalue, rel=1e-9)


@given(WHOLE, WHOLE)
@settings(deadline=None)
def test_rank_sum_laws(first: np.ndarray, second: np.ndarray) -> None:
    """P with ties by listing all draws, symmetry between groups, and the shift moves with the values."""
    together = np.concatenate([first, second])
    ranks = stats.rankdata(together)
    sums = np.array([sum(draw) for draw in itertools.combinations(ranks, first.size)])
    seen = ranks[: first.size].sum()
    tails = {"greater": (sums >= seen).mean(), "less": (sums <= seen).mean()}
    tails["two-sided"] = min(1.0, 2 * min(tails.values()))
    for side in SIDES:
        assert mann_whitney(first, second, alternative=side).p == pytest.approx(tails[side], rel=1e-12)
    found, back, moved = mann_whitney(first, second), mann_whitney(second, first), mann_whitney(first + 3, second)
    assert found.statistic == (first[:, None] > second).sum() + 0.5 * (first[:, None] == second).sum()
    assert found.statistic + back.statistic == first.size * second.size
    assert found.ties == (len(set(together.tolist())) < together.size)
    assert found.p == pytest.approx(back.p)
    assert (found.shift, found.shift + 3) == (pytest.approx(-back.shift), pytest.approx(moved.shift))
    if found.shift_ci95 is None:
        assert back.shift_ci95 is None
    else:
        assert found.shift_ci95[0] <= found.shift <= found.shift_ci95[1]
        assert back.shift_ci95 == pytest.approx((-found.shift_ci95[1], -found.shift_ci95[0]))


@given(st.lists(st.floats(-100, 100), min_size=12, max_size=12, unique=True))
@settings(deadline=None)
def test_an_interval_holds_zero_where_the_test_does_not_reject(values: list[float]) -> None:
    """Without ties the interval is the test turned round."""
    first, second = np.array(values[:6]), np.array(values[6:])
    found = mann_whitney(first, second)
    assert found.shift_ci95 is not None
    assert (found.p > 0.05) == (found.shift_ci95[0] <= 0 <= found.shift_ci95[1])


@given(WHOLE)
@settings(deadline=None)
def test_signed_rank_laws(differences: np.ndarray) -> None:
    other = differences[differences != 0]
    ranks = stats.rankdata(np.abs(other))
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=other.size)])
    seen = ranks[other > 0].sum()
    tails = {"greater": (sums >= seen).mean(), "less": (sums <= seen).mean()}
    tails["two-sided"] = min(1.0, 2 * min(tails.values()))
    for side in SIDES:
        assert wilcoxon_signed(differences, alternative=side).p == pytest.approx(tails[side], rel=1e-12)
    found, back = wilcoxon_signed(differences), wilcoxon_signed(-differences)
    assert (found.n, found.zeros, found.left_out) == (other.size, differences.size - other.size, 0)
    assert found.statistic + back.statistic == other.size * (other.size + 1) / 2
    assert found.shift == pytest.approx(-back.shift)
    # six differences are the fewest for which all signs alike are rarer than 5 %
    assert (found.shift_ci95 is None) == (differences.size < 6)
    if found.shift_ci95 is not None:
        assert found.shift_ci95[0] <= found.shift <= found.shift_ci95[1]


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_beyond_the_exact_size_the_approximation_is_named_and_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0.2, 1, EXACT_VALUES - 60).round(1), rng.normal(0, 1, 61).round(1)
    for side in SIDES:
        found = mann_whitney(first, second, alternative=side)
        assert found.p == pytest.approx(stats.mannwhitneyu(first, second, alternative=side, method="asymptotic").pvalue, rel=1e-10)
        assert found.test.startswith(
            "Mann-Whitney (Wilcoxon rank-sum) test, normal approximation with tie and continuity correction"
        )
        paired = rng.normal(0.1, 1, EXACT_PAIRS + 40).round(1)
        signed = wilcoxon_signed(paired, alternative=side)
        known = stats.wilcoxon(paired[paired != 0], alternative=side, method="asymptotic", correction=True).pvalue
        assert signed.p == pytest.approx(known, rel=1e-10)
        assert "normal approximation" in signed.test


def test_all_values_alike_tell_nothing() -> None:
    for size in (5, EXACT_VALUES):
        assert mann_whitney(np.ones(size), np.ones(size)).p == 1.0
    assert wilcoxon_signed(np.zeros(3)).p == 1.0
    assert clustered_ranks(np.ones(4), np.array([True, False, True, False]), cluster=np.array([1, 2, 3, 3])).statistic is None


def test_unknown_values_are_left_out_and_counted() -> None:
    first, second = np.array([1.0, np.nan, 3.0]), np.array([2.0, np.nan])
    assert mann_whitney(first, second).left_out == 2
    assert mann_whitney(first, second).p == mann_whitney(first[[0, 2]], second[:1]).p
    assert wilcoxon_signed(first).left_out == 1
    found = clustered_ranks(np.array([1.0, np.nan, 3.0, 2.0]), np.array([True, True, False, False]), cluster=np.array([1, 2, 3, 4]))
    assert (found.left_out, found.clusters, found.n_first, found.n_second) == (1, 3, 1, 2)


def by_drawing(units: list[tuple[int, bool, int]]) -> tuple[float, float]:
    """Datta and Satten's statistic less its expectation, as the mean over every draw of one unit a cluster, and its variance by loops."""
    clusters = sorted({place for _, _, place in units})
    of = [[(value, first) for value, first, place in units if place == c] for c in clusters]
    m = len(of)
    sums = []
    for draw in itertools.product(*of):
        ranks = stats.rankdata([value for value, _ in draw])
        sums.append(sum(rank for rank, (_, first) in zip(ranks, draw, strict=True) if first) / (m + 1))
    shares = [sum(first for _, first in cluster) / len(cluster) for cluster in of]
    variance = 0.0
    for i, cluster in enumerate(of):
        score = 0.0
        for value, first in cluster:
            below = sum(sum((other < value) + 0.5 * (other == value) for other, _ in them) / len(them) for them in of) / m
            score += ((m - 1) * first - (sum(shares) - shares[i])) * (below - 0.5) / (m + 1)
        variance += (score / len(cluster)) ** 2
    return float(np.mean(sums)) - sum(shares) / 2, variance


@given(CLUSTERED)
@settings(deadline=None)
def test_clustered_ranks_by_drawing_one_unit_a_cluster(units: list[tuple[int, bool, int]]) -> None:
    values, first, cluster = (
        np.array([u[0] for u in units], float),
        np.array([u[1] for u in units]),
        np.array([u[2] for u in units]),
    )
    if first.all() or not first.any() or len(set(cluster.tolist())) < 2:
        with pytest.raises(InputRefused, match="RANKS-EMPTY"):
            clustered_ranks(values, first, cluster=cluster)
        return
    found, back = clustered_ranks(values, first, cluster=cluster), clustered_ranks(values, ~first, cluster=cluster)
    excess, variance = by_drawing(units)
    if found.statistic is None:
        assert (variance, found.p) == (pytest.approx(0, abs=1e-12), 1.0)
        return
    assert found.statistic == pytest.approx(excess / variance**0.5, abs=1e-9)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.statistic), found.clusters - 1))
    assert back.statistic == pytest.approx(-found.statistic, abs=1e-9)
    assert clustered_ranks(values, first, cluster=cluster, alternative="greater").p == pytest.approx(
        stats.t.sf(found.statistic, found.clusters - 1)
    )
    assert clustered_ranks(values, first, cluster=cluster, alternative="less").p == pytest.approx(
        stats.t.cdf(found.statistic, found.clusters - 1)
    )
    mixed = sum(len({f for _, f, place in units if place == c}) == 2 for c in set(cluster.tolist()))
    assert (found.mixed_clusters, found.clusters) == (mixed, len(set(cluster.tolist())))
    # ranks only, and a copy of every unit in its own cluster is no news
    assert clustered_ranks(np.exp(values), first, cluster=cluster).statistic == pytest.approx(found.statistic)
    twice: ClusteredRankTest = clustered_ranks(np.tile(values, 2), np.tile(first, 2), cluster=np.tile(cluster, 2))
    assert twice.statistic == pytest.approx(found.statistic)


def test_bad_input_is_refused() -> None:
    some, groups, cluster = np.array([1.0, 2.0]), np.array([True, False]), np.array([1, 2])
    for asked in (
        lambda: mann_whitney(some, np.array([np.inf])),
        lambda: wilcoxon_signed(some[None]),
        lambda: clustered_ranks(np.array([1.0, np.inf]), groups, cluster=cluster),
    ):
        with pytest.raises(InputRefused, match="RANKS-VALUE"):
            asked()
    for asked in (lambda: mann_whitney(some, np.array([np.nan])), lambda: wilcoxon_signed(np.array([np.nan]))):
        with pytest.raises(InputRefused, match="RANKS-EMPTY"):
            asked()
    with pytest.raises(InputRefused, match="RANKS-UNEQUAL"):
        clustered_ranks(some, groups[:1], cluster=cluster)
    with pytest.raises(InputRefused, match="CROSSED-NOT-BOOLEAN"):
        clustered_ranks(some, np.array([1, 0]), cluster=cluster)  # type: ignore[arg-type]
    for asked in (
        lambda: mann_whitney(some, some, alternative="both"),  # type: ignore[arg-type]
        lambda: wilcoxon_signed(some, alternative="both"),  # type: ignore[arg-type]
        lambda: clustered_ranks(some, groups, cluster=cluster, alternative="both"),  # type: ignore[arg-type]
    ):
        with pytest.raises(InputRefused, match="RANKS-ALTERNATIVE"):
            asked()
