from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.cohort.cutoff import called_positive, curve, left_out_calls, youden
from hepaflow.cohort.describe import describe
from hepaflow.cohort.discriminate import Discrimination, Question, discriminate, judged, operating, pairs
from hepaflow.cohort.resample import draw, resample
from hepaflow.cohort.roc import auc, difference, resampled_interval
from hepaflow.cohort.sample import sample

LOW = Question("bf_ratio", "BF", "", "lower", 0.68)
HIGH = Question("ttp_ratio", "TTP", "", "higher")


def study() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    truth, cluster = rng.random(36) < 0.5, np.arange(36) // 3
    values = np.round(np.exp(rng.normal(size=36) * 0.5 - 0.9 * truth), 2)
    values[[0, 1, 2, 20]] = np.nan  # the first patient has no value at all
    return values, truth, cluster


def test_everything_of_one_parameter_is_of_the_lesions_that_have_it() -> None:
    values, truth, cluster = study()
    counts = draw(12, repeats=100, rng=np.random.default_rng(0))
    found = discriminate(LOW, values, truth, cluster, counts=counts, name="major")
    here = np.isfinite(values)
    alone = sample(values[here], truth[here], cluster[here], direction="lower")
    assert found.where.tolist() == here.tolist()
    assert found.missing == 4
    assert found.groups == (describe(values[truth]), describe(values[~truth]))
    assert found.area == auc(alone)
    drawn = resample(alone, counts[:, 1:])
    assert found.bootstrap_ci95 == resampled_interval(alone, drawn.auc)
    assert found.best == youden(alone, counts[:, 1:])
    calls = left_out_calls(alone)
    assert calls is not None
    assert found.left_out is not None
    assert found.left_out.tolist() == calls.tolist()
    assert found.curve is not None
    assert found.curve.thresholds.tolist() == curve(alone).thresholds.tolist()
    assert found.best is not None
    for at, threshold in ((found.at_best, found.best.cut.threshold), (found.at_fixed, 0.68)):
        called = values[here] < threshold
        assert at is not None
        assert (at.table.tp, at.table.fp) == (int((called & truth[here]).sum()), int((called & ~truth[here]).sum()))
        assert (at.table.fn, at.table.tn) == (int((~called & truth[here]).sum()), int((~called & ~truth[here]).sum()))
        assert at.table.positive == "major"
        assert at.clustered["accuracy"].clusters == 11


def test_without_draws_or_a_fixed_cut() -> None:
    values, truth, cluster = study()
    found = discriminate(HIGH, values, truth, cluster, counts=None, name="major")
    assert (found.bootstrap_ci95, found.at_fixed) == (None, None)
    assert found.best is not None
    assert found.best.bootstrap is None
    assert found.at_best is not None


@pytest.mark.parametrize("values", [[0.2, 0.4, np.nan, np.nan], [np.nan, np.nan, 1.0, 2.0], [np.nan] * 4])
def test_values_of_one_class_are_described_and_no_more(values: list[float]) -> None:
    truth = np.array([True, True, False, False])
    found = discriminate(LOW, np.array(values), truth, np.arange(4), counts=None, name="major")
    assert found.groups == (describe(values[:2]), describe(values[2:]))
    assert (found.sample, found.area, found.bootstrap_ci95, found.curve, found.best) == (None,) * 5
    assert (found.at_best, found.at_fixed, found.left_out) == (None, None, None)
    assert found.missing == sum(np.isnan(values))


def test_one_value_for_all_has_an_area_and_no_cut() -> None:
    found = discriminate(LOW, np.ones(4), np.array([True, False, True, False]), np.arange(4), counts=None, name="major")
    assert found.area is not None
    assert found.area.auc == 0.5
    assert (found.best, found.at_best, found.left_out) == (None, None, None)
    assert found.at_fixed is not None
    assert (found.at_fixed.table.tp, found.at_fixed.table.tn) == (0, 2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=15), st.booleans())
def test_a_cut_at_work_is_its_calls_judged(lesions: list[tuple[int, bool, int]], lower: bool) -> None:
    values, truth, cluster = (np.array(column) for column in zip(*lesions, strict=True))
    direction = "lower" if lower else "higher"
    found = operating(direction, values, 2.0, truth, cluster, "minor")  # type: ignore[arg-type]
    assert found == judged(called_positive(values, 2.0, direction=direction), truth, cluster, "minor")
    assert found.table.tp == sum(t and (v < 2 if lower else v > 2) for v, t, _ in lesions)
    assert found.table.positive == "minor"


def found_of(values: list[float], truth: np.ndarray, question: Question) -> Discrimination:
    return discriminate(question, np.array(values), truth, np.arange(len(values)) // 2, counts=None, name="major")


def test_pairs_are_compared_on_the_lesions_that_have_both() -> None:
    truth = np.array([True, True, False, False, True, False, True, False])
    cluster = np.arange(8) // 2
    gap = float("nan")
    first = [1.0, 2.0, 3.0, 4.0, 2.5, gap, 0.5, 2.2]
    second = [gap, 2.0, 1.0, 0.5, 3.0, 9.0, 1.5, 2.0]
    one_class = [1.0, 2.0, gap, gap, 3.0, gap, 4.0, gap]
    only_other = [gap, gap, 1.0, 2.0, gap, 3.0, 8.0, gap]
    found = [
        found_of(v, truth, q)
        for v, q in ((first, LOW), (second, HIGH), (one_class, LOW), (only_other, Question("x", "X", "", "higher")))
    ]
    made = pairs(found, truth, cluster)
    # the third has one class and no sample
    assert [(pair.first, pair.second) for pair in made] == [("bf_ratio", "ttp_ratio"), ("bf_ratio", "x"), ("ttp_ratio", "x")]
    both = np.array([k for k in range(8) if not (np.isnan(first[k]) or np.isnan(second[k]))])
    a = sample(np.array(first)[both], truth[both], cluster[both], direction="lower")
    b = sample(np.array(second)[both], truth[both], cluster[both], direction="higher")
    assert made[0].result == difference(a, b)
    assert made[0].areas == (auc(a).auc, auc(b).auc)
    assert made[0].result.n == 6


def test_pairs_without_both_classes_in_common_are_left_out() -> None:
    truth = np.array([True, False, True, False])
    gap = float("nan")
    found = [found_of([1.0, 2.0, gap, gap], truth, LOW), found_of([gap, gap, 1.0, 2.0], truth, HIGH)]
    assert [one.sample is not None for one in found] == [True, True]
    assert pairs(found, truth, np.arange(4)) == []
    only_high = [found_of([1.0, 2.0, 3.0, gap], truth, LOW), found_of([1.0, gap, 3.0, 4.0], truth, HIGH)]
    assert pairs(only_high, truth, np.arange(4)) == []
    assert pairs([], truth, np.arange(4)) == []
