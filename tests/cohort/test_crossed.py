from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.crossed import Crossed, clustered_rates, crossed
from hepaflow.cohort.kappa import weighted_kappa
from hepaflow.errors import InputRefused

UNITS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=25)


def rows(units: list[tuple[bool, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    test, condition, cluster = zip(*units, strict=True)
    return np.array(test), np.array(condition), np.array(cluster)


def test_blood_flow_for_major_response() -> None:
    """28 of 29 major and 31 of 32 minor lesions on their side of the cut: rates by hand."""
    found = Crossed(tp=28, fp=1, fn=1, tn=31, positive="major")
    assert found.n == 61
    assert (found.sensitivity.value, found.specificity.value) == (28 / 29, 31 / 32)
    assert (found.ppv.value, found.npv.value, found.accuracy.value) == (28 / 29, 31 / 32, 59 / 61)
    assert (found.youden, found.kappa) == (pytest.approx(28 / 29 + 31 / 32 - 1), pytest.approx(0.934267, abs=1e-6))


def fisher(table: Crossed) -> float:
    """All tables of the same margins, weighed by hand."""
    row, column = table.tp + table.fp, table.tp + table.fn
    weight = {
        k: math.comb(column, k) * math.comb(table.n - column, row - k)
        for k in range(max(0, row + column - table.n), min(row, column) + 1)
    }
    return sum(w for w in weight.values() if w <= weight[table.tp]) / sum(weight.values())


def test_fisher_over_every_small_table() -> None:
    for tp, fp, fn, tn in itertools.product(range(4), repeat=4):
        table = Crossed(tp, fp, fn, tn, "major")
        assert table.fisher_p == pytest.approx(fisher(table), rel=1e-9), table


@given(UNITS)
def test_counts_and_kappa(units: list[tuple[bool, bool, int]]) -> None:
    test, condition, _ = rows(units)
    found = crossed(test, condition)
    pairs = [(one, other) for one, other, _ in units]
    assert (found.tp, found.fp, found.fn, found.tn) == tuple(
        pairs.count(p) for p in ((True, True), (True, False), (False, True), (False, False))
    )
    assert found.positive == "major"
    agreed = weighted_kappa(test.astype(int).tolist(), condition.astype(int).tolist(), categories=(0, 1), weights="none").kappa
    assert found.kappa == (None if agreed is None else pytest.approx(agreed, abs=1e-9))
    # what is positive turned round: sensitivity and specificity change places, so do the predictive values
    turned = crossed(~test, ~condition, positive="minor")
    assert (turned.sensitivity, turned.ppv, turned.accuracy) == (found.specificity, found.npv, found.accuracy)
    assert turned.youden == (None if found.youden is None else pytest.approx(found.youden, abs=1e-12))


def test_rates_without_units_are_unknown() -> None:
    found = Crossed(0, 0, 0, 5, "major")
    assert (found.sensitivity.value, found.ppv.value, found.youden, found.kappa, found.fisher_p) == (None, None, None, None, 1.0)
    assert Crossed(0, 0, 0, 0, "major").kappa is None


@given(UNITS)
def test_clustered_rates_are_the_plain_ones_with_another_interval(units: list[tuple[bool, bool, int]]) -> None:
    test, condition, cluster = rows(units)
    plain, found = crossed(test, condition), clustered_rates(test, condition, cluster=cluster)
    among = {"sensitivity": condition, "specificity": ~condition, "ppv": test, "npv": ~test, "accuracy": np.ones_like(test)}
    assert set(found) == set(among)
    for name, rate in found.items():
        assert (rate.value, rate.events, rate.n) == (
            getattr(plain, name).value,
            getattr(plain, name).events,
            getattr(plain, name).n,
        )
        assert rate.clusters == len(set(cluster[among[name]].tolist()))


def test_names_of_clusters_do_not_matter() -> None:
    test, condition = np.array([True, True, False, True, False]), np.array([True, False, False, True, True])
    found = clustered_rates(test, condition, cluster=np.array([7, 7, 2, 2, 9]))
    assert clustered_rates(test, condition, cluster=np.array(["b", "b", "a", "a", "c"])) == found
    assert found["accuracy"].se == pytest.approx(math.sqrt(3 / 2 * ((1 - 1.2) ** 2 + (2 - 1.2) ** 2 + 0.6**2)) / 5)


def test_bad_input_is_refused() -> None:
    yes = np.array([True, False])
    with pytest.raises(InputRefused, match="CROSSED-NOT-BOOLEAN"):
        crossed(np.array([1, 0]), yes)  # type: ignore[arg-type]
    with pytest.raises(InputRefused, match="CROSSED-NOT-BOOLEAN"):
        crossed(yes, np.array([1.0, np.nan]))  # type: ignore[arg-type]
    for other in (np.array([True]), yes[None]):
        with pytest.raises(InputRefused, match="CROSSED-UNEQUAL"):
            crossed(yes, other)
    with pytest.raises(InputRefused, match="CROSSED-UNEQUAL"):
        clustered_rates(yes, yes, cluster=np.array([1, 2, 3]))
    with pytest.raises(InputRefused, match="CROSSED-POSITIVE"):
        crossed(yes, yes, positive=" ")
    with pytest.raises(InputRefused, match="CROSSED-COUNTS"):
        Crossed(1, -1, 0, 0, "major")
