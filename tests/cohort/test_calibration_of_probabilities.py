from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.calibration import THRESHOLDS, calibrate, decision_curve
from hepaflow.cohort.resample import draw
from hepaflow.errors import InputRefused

ROWS = st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 4)), min_size=2, max_size=25).filter(
    lambda rows: 0 < sum(t for _, t, _ in rows) < len(rows)
)


def arrays(rows: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance, truth, cluster = zip(*rows, strict=True)
    return np.array(chance) / 20, np.array(truth), np.array(cluster)


def test_true_probabilities_are_calibrated() -> None:
    """Share k/10 of ten lesions that are given k/10: intercept 0, slope 1, observed as expected."""
    chance = np.repeat(np.arange(1, 10) / 10, 10)
    truth = np.concatenate([np.arange(10) < k for k in range(1, 10)])
    found = calibrate(chance, truth, np.arange(90))
    assert found.intercept == pytest.approx(0, abs=1e-9)
    assert found.slope == pytest.approx(1, abs=1e-9)
    assert found.observed_over_expected == pytest.approx(1)
    assert (found.n, found.events) == (90, 45)
    assert found.brier == pytest.approx(np.mean([k / 10 * (1 - k / 10) for k in range(1, 10)]))
    assert found.scaled_brier == pytest.approx(1 - found.brier / 0.25)
    assert [(group.n, group.observed) for group in found.groups] == [
        (20, pytest.approx(0.15)),
        (20, pytest.approx(0.35)),
        (20, pytest.approx(0.55)),
        (20, pytest.approx(0.75)),
        (10, pytest.approx(0.9)),
    ]
    assert all(group.predicted == pytest.approx(group.observed) for group in found.groups)


def test_shifted_and_stretched_probabilities_show_by_how_much() -> None:
    score = np.log(np.arange(1, 10) / (10 - np.arange(1, 10)))
    truth = np.concatenate([np.arange(10) < k for k in range(1, 10)])
    bold = calibrate(np.repeat(1 / (1 + np.exp(-2 * score)), 10), truth, np.arange(90))
    assert bold.slope == pytest.approx(0.5)
    high = calibrate(np.repeat(1 / (1 + np.exp(-score - 0.7)), 10), truth, np.arange(90))
    assert high.intercept == pytest.approx(-0.7)
    assert high.slope == pytest.approx(1)
    assert high.observed_over_expected < 1


def test_intervals_by_hand_over_patients() -> None:
    """Probability 1/2 for all, 6 of 10 positive, two lesions a patient: intercept log 1.5, its sandwich by patients, t of 4 degrees."""
    truth = np.array([1, 1, 1, 1, 1, 0, 1, 0, 0, 0], bool)
    found = calibrate(np.full(10, 0.5), truth, np.arange(10) // 2)
    sums = [0.8, 0.8, -0.2, -0.2, -1.2]
    se = math.sqrt(5 / 4 * sum(s**2 for s in sums)) / (10 * 0.24)
    assert found.intercept == pytest.approx(math.log(1.5))
    assert found.intercept_ci95 == pytest.approx((math.log(1.5) - 2.776445 * se, math.log(1.5) + 2.776445 * se), rel=1e-6)
    assert (found.slope, found.slope_ci95) == (None, None)
    one = calibrate(np.full(10, 0.5), truth, np.zeros(10, int))
    assert one.intercept == pytest.approx(math.log(1.5))
    assert one.intercept_ci95 is None


def test_slope_interval_is_around_the_slope() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(60)
    truth = rng.random(60) < chance
    found = calibrate(chance, truth, np.arange(60) // 3)
    assert found.slope_ci95 is not None
    assert found.slope == pytest.approx(sum(found.slope_ci95) / 2)
    assert found.intercept_ci95 is not None
    assert found.intercept == pytest.approx(sum(found.intercept_ci95) / 2)
    doubled = calibrate(np.repeat(chance, 2), np.repeat(truth, 2), np.repeat(np.arange(60) // 3, 2))
    assert doubled.slope_ci95 == pytest.approx(found.slope_ci95, rel=1e-6)  # copies of lesions tell nothing new


def test_wholly_apart_has_no_slope_and_certain_probabilities_have_an_intercept() -> None:
    apart = calibrate(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]), np.arange(4))
    assert (apart.slope, apart.slope_ci95) == (None, None)
    assert apart.intercept is not None
    certain = calibrate(np.repeat([1.0, 0.0], 5), np.array([1, 1, 1, 1, 0] + [0] * 5, bool), np.arange(10))
    assert certain.intercept == pytest.approx(math.log(4) - math.log((1 - 1e-6) / 1e-6), abs=1e-3)
    nobody = calibrate(np.zeros(4), np.array([True, False, False, False]), np.arange(4))
    assert nobody.observed_over_expected == math.inf


@settings(deadline=None)
@given(ROWS, st.integers(1, 6))
def test_groups_hold_every_lesion_once_in_order(rows: list[tuple[int, bool, int]], wanted: int) -> None:
    chance, truth, cluster = arrays(rows)
    groups = calibrate(chance, truth, cluster, groups=wanted).groups
    assert sum(group.n for group in groups) == len(rows)
    assert 1 <= len(groups) <= wanted
    ordered, start = sorted(chance.tolist()), 0
    seen = []
    for group in groups:
        part = ordered[start : start + group.n]
        start += group.n
        inside = np.isin(chance, part)
        assert inside.sum() == group.n  # equal probabilities stay together
        assert group.predicted == pytest.approx(np.mean(part))
        assert group.observed == pytest.approx(truth[inside].mean())
        p, n, z = group.observed, group.n, 1.959964
        centre, reach = (p + z**2 / (2 * n)) / (1 + z**2 / n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        assert group.ci95 == pytest.approx((centre - reach, centre + reach), abs=1e-6)
        seen.append(group.predicted)
    assert seen == sorted(set(seen))


def test_equal_shares_where_nothing_ties() -> None:
    found = calibrate(np.arange(1, 11) / 11, np.arange(10) % 2 == 0, np.arange(10))
    assert [group.n for group in found.groups] == [2] * 5
    assert [group.n for group in calibrate(np.arange(1, 8) / 11, np.arange(7) % 2 == 0, np.arange(7), groups=2).groups] == [4, 3]


@settings(deadline=None)
@given(ROWS)
def test_net_benefit_counted_lesion_by_lesion(rows: list[tuple[int, bool, int]]) -> None:
    chance, truth, cluster = arrays(rows)
    found = decision_curve(chance, truth, cluster)
    assert found.band is None
    assert found.thresholds.tolist() == list(THRESHOLDS)
    n = len(rows)
    for at, benefit, everyone in zip(THRESHOLDS, found.net_benefit.tolist(), found.all_positive.tolist(), strict=True):
        true = sum(t and p >= at for p, t in zip(chance, truth, strict=True))
        false = sum(not t and p >= at for p, t in zip(chance, truth, strict=True))
        assert benefit == pytest.approx(true / n - false / n * at / (1 - at))
        prevalence = truth.mean()
        assert everyone == pytest.approx(prevalence - (1 - prevalence) * at / (1 - at))


def test_a_perfect_rule_gains_the_prevalence_and_an_empty_one_nothing() -> None:
    truth = np.array([True, False, False, True, False])
    assert decision_curve(truth.astype(float), truth, np.arange(5)).net_benefit == pytest.approx(np.full(19, 0.4))
    assert decision_curve(np.zeros(5), truth, np.arange(5)).net_benefit == pytest.approx(np.zeros(19))
    assert (THRESHOLDS[0], THRESHOLDS[-1], len(THRESHOLDS)) == (0.05, 0.95, 19)


def test_the_band_is_of_patients_drawn() -> None:
    rng = np.random.default_rng(4)
    chance, cluster = rng.random(30), np.arange(30) // 3 * 2
    truth = rng.random(30) < chance
    counts = draw(10, repeats=60, rng=rng)
    found = decision_curve(chance, truth, cluster, thresholds=[0.3, 0.6], counts=counts)
    drawn = []
    for row in counts:
        at = np.repeat(np.arange(30), row[cluster // 2])
        drawn.append(
            decision_curve(chance[at], truth[at], cluster[at], thresholds=[0.3, 0.6]).net_benefit
            if 0 < truth[at].sum() < len(at)
            else [np.nan] * 2
        )
    wanted = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    assert found.band is not None
    assert found.band[0] == pytest.approx(wanted[0])
    assert found.band[1] == pytest.approx(wanted[1])
    few = decision_curve(chance, truth, cluster, thresholds=[0.3], counts=counts[:19])
    assert few.band is not None
    assert np.isnan(few.band).all()


def test_a_drawn_study_of_one_lesion_is_that_lesion() -> None:
    """Twenty draws of the patient whose one positive lesion is called: a benefit of 1 at every end."""
    found = decision_curve(
        np.array([0.9, 0.9]), np.array([True, False]), np.arange(2), thresholds=[0.5], counts=np.array([[1, 0]] * 20, np.int32)
    )
    assert found.band is not None
    assert [end.tolist() for end in found.band] == [[1.0], [1.0]]


@pytest.mark.parametrize("wrong", [-0.01, 1.01, math.nan, math.inf])
def test_what_is_no_probability_is_refused(wrong: float) -> None:
    truth = np.array([True, False])
    for refused in (calibrate, decision_curve):
        with pytest.raises(InputRefused, match="CALIBRATION-RANGE"):
            refused(np.array([0.5, wrong]), truth, np.arange(2))
        for one_class in (np.array([True, True]), np.array([False, False])):
            with pytest.raises(InputRefused, match="CALIBRATION-ONE-CLASS"):
                refused(np.array([0.0, 1.0]), one_class, np.arange(2))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1, 1.2])
def test_a_threshold_lies_between_0_and_1(threshold: float) -> None:
    with pytest.raises(InputRefused, match="DECISION-THRESHOLD"):
        decision_curve(np.array([0.2, 0.7]), np.array([True, False]), np.arange(2), thresholds=[0.5, threshold])


def test_wilson_is_scipys() -> None:
    found = calibrate(np.array([0.5, 0.5, 0.5]), np.array([True, False, False]), np.arange(3)).groups
    low, high = stats.binomtest(1, 3).proportion_ci(method="wilson")
    assert found[0].ci95 == (pytest.approx(low), pytest.approx(high))
