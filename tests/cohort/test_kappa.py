from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hepaflow.cohort.kappa import Weights, clustered_kappa, weighted_kappa
from hepaflow.errors import InputRefused

GROUPS = (1, 2, 3)
EVERY: tuple[Weights, ...] = ("none", "linear", "quadratic")


def readings(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Two readers from a table of counts: rows the first, columns the second."""
    pairs = [(row + 1, column + 1) for row, counts in enumerate(table) for column, count in enumerate(counts) for _ in range(count)]
    return [one for one, _ in pairs], [other for _, other in pairs]


def test_the_textbook_example_of_two_readers_and_50_cases() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: seen 0.70, by chance 0.50, kappa 0.4."""
    first, second = readings([[20, 5], [10, 15]])
    found = weighted_kappa(first, second, categories=(1, 2), weights="none")
    assert (found.n, found.equal, found.kappa, found.weights) == (50, pytest.approx(0.7), 0.4, "none")
    # Fleiss, Cohen and Everitt by hand: [0.4*0.41^2... with p = .4 .1 .2 .3, margins .5 .5 and .6 .4
    p, rows, columns = [[0.4, 0.1], [0.2, 0.3]], (0.5, 0.5), (0.6, 0.4)
    pull = sum(p[i][i] * (1 - (rows[i] + columns[i]) * 0.6) ** 2 for i in range(2))
    pull += 0.6**2 * sum(p[i][j] * (columns[i] + rows[j]) ** 2 for i, j in ((0, 1), (1, 0)))
    variance = (pull - (0.4 - 0.5 * 0.6) ** 2) / (50 * 0.5**2)
    assert found.se == pytest.approx(math.sqrt(variance), rel=1e-12)
    assert found.ci95 == pytest.approx((0.4 - 1.96 * found.se, 0.4 + 1.96 * found.se))


def test_weights_by_hand() -> None:
    """Counts 4 1 0 / 1 2 1 / 0 1 2 of 12.

    Margins of both are 5, 4, 3. Linear weights 1, 1/2, 0: seen (8 + 4/2) / 12 = 10/12; chance (25 + 16 + 9 + (20 + 20 + 12 + 12)/2) / 144 = 82/144.
    Quadratic weights 1, 3/4, 0: seen (8 + 4 * 3/4) / 12 = 11/12; chance (50 + 64 * 3/4) / 144 = 98/144.
    """
    first, second = readings([[4, 1, 0], [1, 2, 1], [0, 1, 2]])
    wanted = {"none": (8 / 12, 50 / 144), "linear": (10 / 12, 82 / 144), "quadratic": (11 / 12, 98 / 144)}
    for weights in EVERY:
        seen, chance = wanted[weights]
        found = weighted_kappa(first, second, categories=GROUPS, weights=weights)
        assert found.kappa == pytest.approx((seen - chance) / (1 - chance), abs=1e-11)
        assert found.equal == pytest.approx(8 / 12)
    assert weighted_kappa(first, second, categories=GROUPS) == weighted_kappa(first, second, categories=GROUPS, weights="quadratic")


def test_how_far_readers_are_apart_counts_with_weights_only() -> None:
    near, far = ([1, 1, 2, 3, 3], [1, 2, 2, 3, 3]), ([1, 1, 2, 3, 3], [1, 3, 2, 3, 3])
    for weights in ("linear", "quadratic"):
        close, apart = (weighted_kappa(*pair, categories=GROUPS, weights=weights).kappa for pair in (near, far))  # type: ignore[arg-type]
        assert close is not None
        assert apart is not None
        assert close > apart


@pytest.mark.parametrize("weights", EVERY)
def test_wholly_equal_and_wholly_opposite(weights: Weights) -> None:
    equal = weighted_kappa([1, 2, 3], [1, 2, 3], categories=GROUPS, weights=weights)
    assert (equal.kappa, equal.equal, equal.n) == (1.0, 1.0, 3)
    assert equal.se == pytest.approx(0.0, abs=1e-8)
    opposite = weighted_kappa([1, 2] * 4, [2, 1] * 4, categories=(1, 2), weights=weights)
    assert (opposite.kappa, opposite.equal) == (-1.0, 0.0)
    assert opposite.ci95 is not None
    assert opposite.ci95[0] >= -1.0


def test_the_interval_stays_within_what_kappa_can_be() -> None:
    high = weighted_kappa([1, 2, 3, 1], [1, 2, 3, 2], categories=GROUPS, weights="none")
    low = weighted_kappa([1, 2, 2, 1], [2, 1, 1, 1], categories=(1, 2), weights="none")
    assert high.ci95 is not None
    assert low.ci95 is not None
    assert high.ci95[1] == 1.0
    assert low.ci95[0] == -1.0


@pytest.mark.parametrize("weights", EVERY)
@pytest.mark.parametrize("categories", [(1,), (1, 2, 3)])
def test_one_category_has_no_kappa(weights: Weights, categories: tuple[int, ...]) -> None:
    found = weighted_kappa([1, 1], [1, 1], categories=categories, weights=weights)
    assert (found.n, found.equal, found.kappa, found.se, found.ci95, found.weights) == (2, 1.0, None, None, None, weights)


@pytest.mark.parametrize(
    ("first", "second", "weights", "code"),
    [
        ([], [], "none", "READERS-UNEQUAL"),
        ([1], [1, 2], "none", "READERS-UNEQUAL"),
        ([1, 2], [1], "none", "READERS-UNEQUAL"),
        ([4], [1], "none", "READERS-CATEGORY"),
        ([1], [0], "none", "READERS-CATEGORY"),
        ([1, 2], [1, 2], "cubic", "READERS-WEIGHTS"),
    ],
)
def test_what_cannot_be_meant_is_refused(first: list[int], second: list[int], weights: Weights, code: str) -> None:
    with pytest.raises(InputRefused, match="^" + code):
        weighted_kappa(first, second, categories=GROUPS, weights=weights)


pairs = st.lists(st.tuples(st.sampled_from(GROUPS), st.sampled_from(GROUPS)), min_size=2, max_size=30)


@given(pairs, st.sampled_from(EVERY))
def test_laws_of_kappa(read: list[tuple[int, int]], weights: Weights) -> None:
    first, second = [one for one, _ in read], [other for _, other in read]
    found = weighted_kappa(first, second, categories=GROUPS, weights=weights)
    assert found.equal == pytest.approx(sum(a == b for a, b in read) / len(read))
    assume(found.kappa is not None)
    assert found.kappa is not None
    assert found.se is not None
    assert found.ci95 is not None
    assert -1 - 1e-9 <= found.kappa <= 1 + 1e-9
    assert found.ci95[0] <= found.kappa + 1e-9
    assert found.ci95[1] >= found.kappa - 1e-9
    assert (found.kappa == 1) == (first == second)
    turned = weighted_kappa(second, first, categories=GROUPS, weights=weights)
    assert (turned.kappa, turned.se) == (pytest.approx(found.kappa, abs=1e-9), pytest.approx(found.se, abs=1e-6))
    # the same lesions four times over: the same kappa, half the error
    more = weighted_kappa(first * 4, second * 4, categories=GROUPS, weights=weights)
    assert more.kappa == pytest.approx(found.kappa, abs=1e-9)
    assert more.se == pytest.approx(found.se / 2, abs=1e-6)


def test_the_order_of_categories_is_what_counts() -> None:
    first, second = [3, 2, 1, 1], [3, 1, 1, 2]
    for order in itertools.permutations(GROUPS):
        renamed = {category: place for place, category in enumerate(order)}
        by_name = weighted_kappa(first, second, categories=order, weights="quadratic")
        by_place = weighted_kappa(
            [renamed[one] for one in first], [renamed[one] for one in second], categories=(0, 1, 2), weights="quadratic"
        )
        assert by_name == by_place


def test_the_jackknife_of_patients_by_hand() -> None:
    """Patients p (1/1, 2/2), q (1/2, 2/2) and r (2/2, 1/1): without p kappa 1/2, without q 1, without r 1/2."""
    first, second = [1, 2, 1, 2, 2, 1], [1, 2, 2, 2, 2, 1]
    found = clustered_kappa(first, second, categories=(1, 2), cluster=["p", "p", "q", "q", "r", "r"])
    without = [0.5, 1.0, 0.5]
    mean = sum(without) / 3
    se = math.sqrt(2 / 3 * sum((kappa - mean) ** 2 for kappa in without))
    assert found.se == pytest.approx(se)
    assert found.kappa == weighted_kappa(first, second, categories=(1, 2), weights="none").kappa
    assert found.kappa is not None
    assert found.ci95 == pytest.approx((max(-1.0, found.kappa - 4.302653 * se), 1.0))
    assert (found.n, found.clusters, found.test) == (6, 3, "Cohen's kappa, standard error by the jackknife of patients")
    assert found.equal == pytest.approx(5 / 6)


def test_a_patient_without_whom_there_is_no_kappa_leaves_no_error() -> None:
    found = clustered_kappa([1, 1, 2], [1, 1, 2], categories=(1, 2), cluster=[1, 2, 3])
    assert (found.kappa, found.se, found.ci95) == (1.0, None, None)
    with pytest.raises(InputRefused, match="READERS-ONE-PATIENT"):
        clustered_kappa([1, 2], [1, 2], categories=(1, 2), cluster=[1, 1])
    with pytest.raises(InputRefused, match="CLUSTER-UNEQUAL"):
        clustered_kappa([1, 2], [1, 2], categories=(1, 2), cluster=[1])


def test_many_lesions_of_few_patients_are_less_sure_than_they_look() -> None:
    first, second = [1] * 10 + [2] * 10 + [1] * 10 + [2] * 10, [1] * 10 + [2] * 10 + [1] * 5 + [2] * 5 + [2] * 10
    patients = [1] * 10 + [2] * 10 + [3] * 10 + [4] * 10
    for weights in EVERY:
        found = clustered_kappa(first, second, categories=(1, 2), cluster=patients, weights=weights)
        alone = weighted_kappa(first, second, categories=(1, 2), weights=weights)
        assert found.kappa == alone.kappa
        assert found.se is not None
        assert alone.se is not None
        assert found.se > 1.5 * alone.se
