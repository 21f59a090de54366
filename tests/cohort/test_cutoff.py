from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from samples_for_tests import samples

from hepaflow.cohort.cutoff import called_positive, curve, left_out_calls, youden
from hepaflow.cohort.resample import draw, resample
from hepaflow.cohort.roc import auc
from hepaflow.cohort.sample import Sample, sample


def rates(found: Sample, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity counted lesion by lesion."""
    pairs = list(zip(found.values.tolist(), found.positive.tolist(), strict=True))
    called = [(v < threshold if found.direction == "lower" else v > threshold, t) for v, t in pairs]
    high, low = [c for c, t in called if t], [c for c, t in called if not t]
    return sum(high) / len(high), 1 - sum(low) / len(low)


@settings(deadline=None)
@given(samples())
def test_the_curve_classifies_as_it_says_and_holds_the_area(found: Sample) -> None:
    drawn = curve(found)
    assert len(drawn.thresholds) == len(set(found.values.tolist())) + 1
    for at, se, sp in zip(drawn.thresholds.tolist(), drawn.sensitivity.tolist(), drawn.specificity.tolist(), strict=True):
        assert rates(found, at) == pytest.approx((se, sp))
    assert (drawn.sensitivity[0], drawn.specificity[0]) == (0.0, 1.0)
    assert (drawn.sensitivity[-1], drawn.specificity[-1]) == pytest.approx((1.0, 0.0))
    assert np.trapezoid(drawn.sensitivity, 1 - drawn.specificity) == pytest.approx(auc(found).auc)
    assert drawn.thresholds[0] == (-math.inf if found.direction == "lower" else math.inf)
    assert drawn.thresholds[-1] == -drawn.thresholds[0]


@settings(deadline=None)
@given(samples())
def test_each_point_names_the_lesions_that_its_threshold_is_the_first_to_call_positive(found: Sample) -> None:
    drawn = curve(found)
    called = [called_positive(found.values, float(at), direction=found.direction) for at in drawn.thresholds]
    assert drawn.lesions[0].tolist() == []
    assert np.isnan(drawn.values[0])
    for before, now, value, lesions in zip(called[:-1], called[1:], drawn.values[1:].tolist(), drawn.lesions[1:], strict=True):
        assert lesions.tolist() == np.flatnonzero(now & ~before).tolist()
        assert lesions.tolist() == np.flatnonzero(found.values == value).tolist()
    # whoever applies a threshold as it is written gets its rates
    assert (drawn.shown[0], drawn.shown[-1]) == (None, None)
    for text, now in zip(drawn.shown[1:-1], called[1:-1], strict=True):
        assert text is not None
        assert called_positive(found.values, float(text), direction=found.direction).tolist() == now.tolist()


@pytest.mark.parametrize(("direction", "wanted"), [("lower", [[], [1, 3], [0], [2]]), ("higher", [[], [2], [0], [1, 3]])])
def test_lesions_of_one_value_are_one_point(direction: str, wanted: list[list[int]]) -> None:
    found = sample([0.7, 0.5, 0.9, 0.5], [True, True, False, False], direction=direction)  # type: ignore[arg-type]
    drawn = curve(found)
    assert [one.tolist() for one in drawn.lesions] == wanted
    assert drawn.shown == (None, *sorted(("0.6", "0.8"), reverse=direction == "higher"), None)


@settings(deadline=None)
@given(samples())
def test_the_best_cut_is_the_best_of_all(found: Sample) -> None:
    best = youden(found)
    values = sorted(set(found.values.tolist()))
    if len(values) == 1:
        assert best is None
        return
    assert best is not None
    every = {0.5 * (a + b): rates(found, 0.5 * (a + b)) for a, b in itertools.pairwise(values)}
    top = max(se + sp for se, sp in every.values())
    assert best.cut.youden == pytest.approx(top - 1)
    equal = [at for at, (se, sp) in every.items() if se + sp == pytest.approx(top, abs=1e-9)]
    assert sorted(one.threshold for one in best.equal) == sorted(equal)
    for one in best.equal:
        assert (one.sensitivity, one.specificity) == pytest.approx(every[one.threshold])
        assert 0.5 * sum(one.between) == one.threshold
        assert not [v for v in values if one.between[0] < v < one.between[1]]
        assert set(one.between) <= set(values)
    corner = {at: round(math.hypot(1 - every[at][0], 1 - every[at][1]), 9) for at in equal}
    nearest = [at for at in equal if corner[at] == min(corner.values())]
    assert best.cut.threshold == max(nearest, key=lambda at: every[at][1])
    assert (best.bootstrap, best.threshold_ci95, best.repeats, best.failed) == (None, None, 0, 0)


def test_a_value_on_the_cut_is_not_positive() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert called_positive(values, 2.0, direction="lower").tolist() == [True, False, False]
    assert called_positive(values, 2.0, direction="higher").tolist() == [False, False, True]


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_neighbouring_floats_are_still_parted(direction: str) -> None:
    for low in (0.3, 1.0, np.nextafter(1.0, 2.0), -1.0):
        pair = np.array([low, np.nextafter(low, np.inf)])
        truth = np.array([direction == "lower", direction == "higher"])
        found = Sample(pair, truth, np.arange(2), direction)  # type: ignore[arg-type]
        best = youden(found)
        assert best is not None
        assert called_positive(pair, best.cut.threshold, direction=direction).tolist() == truth.tolist()
        drawn = curve(found)
        assert called_positive(pair, float(drawn.thresholds[1]), direction=direction).tolist() == truth.tolist()


@settings(deadline=None)
@given(samples())
def test_a_left_out_patient_is_judged_by_the_others_only(found: Sample) -> None:
    calls = left_out_calls(found)
    wanted: list[bool] | None = [False] * len(found.values)
    for patient in set(found.cluster.tolist()):
        rest = found.cluster != patient
        truth = found.positive[rest]
        cut = None
        if truth.any() and not truth.all():
            cut = youden(Sample(found.values[rest], truth, found.cluster[rest], found.direction))
        if cut is None or wanted is None:
            wanted = None
            continue
        for k in np.flatnonzero(~rest):
            wanted[k] = bool(called_positive(found.values[k : k + 1], cut.cut.threshold, direction=found.direction)[0])
    assert (None if calls is None else calls.tolist()) == wanted
    best = youden(found)
    if wanted is None:
        assert best is None or best.left_out is None
    elif best is not None:
        right = np.array(wanted)
        assert best.left_out is not None
        assert best.left_out.sensitivity == pytest.approx(right[found.positive].mean())
        assert best.left_out.specificity == pytest.approx((~right[~found.positive]).mean())
        assert best.left_out.youden == pytest.approx(best.left_out.sensitivity + best.left_out.specificity - 1)


def test_a_patients_own_outcome_never_moves_the_cut_it_is_judged_by() -> None:
    rng = np.random.default_rng(5)
    values, truth, cluster = rng.normal(size=30), np.arange(30) % 2 == 0, np.arange(30) // 3
    before = left_out_calls(Sample(values, truth, cluster, "lower"))
    turned = truth.copy()
    turned[cluster == 4] = ~turned[cluster == 4]
    after = left_out_calls(Sample(values, turned, cluster, "lower"))
    assert before is not None
    assert after is not None
    assert before[cluster == 4].tolist() == after[cluster == 4].tolist()


def test_two_lesions_have_a_cut_and_nothing_left_out() -> None:
    found = youden(sample([0.5, 1.5], [True, False], direction="lower"))
    assert found is not None
    assert (found.cut.threshold, found.cut.between, found.cut.youden, found.left_out) == (1.0, (0.5, 1.5), 1.0, None)


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_correction_is_the_mean_loss_of_the_drawn_studies(direction: str) -> None:
    rng = np.random.default_rng(11)
    truth = rng.random(40) < 0.5
    values = rng.normal(size=40) + (0.8 if direction == "higher" else -0.8) * truth
    found = Sample(values, truth, np.arange(40) // 2, direction)  # type: ignore[arg-type]
    counts = draw(20, repeats=200, rng=rng)
    best = youden(found, counts)
    assert best is not None
    assert best.bootstrap is not None
    assert best.threshold_ci95 is not None
    drawn = resample(found, counts)
    loss = [
        (rates(Sample(values[at], truth[at], found.cluster[at], found.direction), cut), rates(found, cut))
        for row, cut in zip(counts, drawn.cut * (1 if direction == "higher" else -1), strict=True)
        for at in [np.repeat(np.arange(40), row[np.arange(40) // 2])]
    ]
    se = best.cut.sensitivity - np.mean([own[0] - real[0] for own, real in loss])
    sp = best.cut.specificity - np.mean([own[1] - real[1] for own, real in loss])
    assert (best.bootstrap.sensitivity, best.bootstrap.specificity) == pytest.approx((se, sp))
    assert best.bootstrap.youden == pytest.approx(se + sp - 1)
    assert best.bootstrap.youden < best.cut.youden
    cuts = drawn.cut if direction == "higher" else -drawn.cut
    assert best.threshold_ci95 == pytest.approx(tuple(np.quantile(cuts, [0.025, 0.975])))
    assert (best.repeats, best.failed) == (200, drawn.failed)
    assert youden(found, counts, drawn=drawn, calls=left_out_calls(found)) == best


def test_draws_of_one_class_are_counted_and_correct_nothing() -> None:
    found = sample([1, 2, 3], [False, True, True], [0, 1, 1])
    best = youden(found, np.array([[2, 0], [0, 2], [1, 1]], np.int32))
    assert best is not None
    assert (best.repeats, best.failed, best.threshold_ci95) == (3, 2, None)
    assert best.bootstrap is not None
    assert best.bootstrap.youden == 1.0
    nothing = youden(found, np.array([[2, 0]], np.int32))
    assert nothing is not None
    assert (nothing.bootstrap, nothing.failed) == (None, 1)
