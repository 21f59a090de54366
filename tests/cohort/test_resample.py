from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_for_tests import samples

from hepaflow.cohort import resample as module
from hepaflow.cohort.cutoff import called_positive, youden
from hepaflow.cohort.resample import draw, leave_one_out, midpoint, percentile, resample
from hepaflow.cohort.roc import auc
from hepaflow.cohort.sample import Sample, sample
from hepaflow.errors import InputRefused


def drawn_study(found: Sample, row: list[int]) -> Sample | None:
    """The study written out: every patient's lesions as often as the patient was drawn."""
    places = np.unique(found.cluster, return_inverse=True)[1]
    times = np.array(row)[places]
    at = np.repeat(np.arange(len(found.values)), times)
    truth = found.positive[at]
    if not truth.any() or truth.all():
        return None
    return Sample(found.values[at], truth, found.cluster[at], found.direction)


@settings(deadline=None)
@given(samples(), st.data())
def test_a_drawn_study_is_the_study_written_out(found: Sample, data: st.DataObject) -> None:
    row = data.draw(st.lists(st.integers(0, 3), min_size=found.clusters, max_size=found.clusters))
    out = resample(found, np.array([row], np.int32))
    written = drawn_study(found, row)
    if written is None:
        assert out.failed == 1
        assert all(math.isnan(getattr(out, name)[0]) for name in ("auc", "cut", "own_sensitivity", "real_specificity"))
        return
    assert out.failed == 0
    assert out.auc[0] == pytest.approx(auc(written).auc)
    best = youden(written)
    if best is None:
        assert math.isnan(out.cut[0])
        assert math.isnan(out.own_sensitivity[0])
        return
    cut = -out.cut[0] if found.direction == "lower" else out.cut[0]
    assert cut == best.cut.threshold
    assert (out.own_sensitivity[0], out.own_specificity[0]) == pytest.approx((best.cut.sensitivity, best.cut.specificity))
    called = called_positive(found.values, cut, direction=found.direction)
    assert out.real_sensitivity[0] == pytest.approx(called[found.positive].mean())
    assert out.real_specificity[0] == pytest.approx((~called[~found.positive]).mean())


@settings(deadline=None)
@given(samples())
def test_everyone_once_is_the_study(found: Sample) -> None:
    out = resample(found, np.ones((2, found.clusters), np.int32))
    assert out.auc.tolist() == pytest.approx([auc(found).auc] * 2)
    best = youden(found)
    if best is not None:
        assert np.abs(out.cut).tolist() == [abs(best.cut.threshold)] * 2
        assert out.real_sensitivity.tolist() == out.own_sensitivity.tolist()
        assert out.real_specificity.tolist() == out.own_specificity.tolist()


@settings(deadline=None)
@given(samples())
def test_without_each_patient_in_turn(found: Sample) -> None:
    left = leave_one_out(found)
    for k in range(found.clusters):
        row = [int(j != k) for j in range(found.clusters)]
        written = drawn_study(found, row)
        assert math.isnan(left.auc[k]) == (written is None)
        if written is not None:
            assert left.auc[k] == pytest.approx(auc(written).auc)


def test_many_patients_are_left_out_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    found = sample(rng.normal(size=40), rng.random(40) < 0.5, np.arange(40) % 11)
    whole = leave_one_out(found)
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    parts = leave_one_out(found)
    for name in ("auc", "cut", "own_sensitivity", "own_specificity", "real_sensitivity", "real_specificity"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
        assert len(getattr(parts, name)) == 11


def test_a_real_lesion_on_a_drawn_cut_is_not_positive() -> None:
    """Without the patient at 2 the cut between 1 and 3 is 2."""
    found = sample([1, 2, 3], [False, True, True])
    out = resample(found, np.array([[1, 0, 1]], np.int32))
    assert (out.cut[0], out.real_sensitivity[0], out.real_specificity[0]) == (2.0, 0.5, 1.0)
    assert (out.own_sensitivity[0], out.own_specificity[0]) == (1.0, 1.0)


def test_draws_keep_the_number_of_patients_and_their_chances() -> None:
    counts = draw(5, repeats=4000, rng=np.random.default_rng(3))
    assert (counts.shape, counts.dtype) == ((4000, 5), np.int32)
    assert set(counts.sum(axis=1).tolist()) == {5}
    # mean 1, variance 4/5: five standard errors of 4000 draws
    assert counts.mean(axis=0) == pytest.approx(np.ones(5), abs=5 * math.sqrt(0.8 / 4000))
    assert counts.var(axis=0) == pytest.approx(np.full(5, 0.8), abs=0.12)
    assert (draw(5, repeats=7, rng=np.random.default_rng(3)) == draw(5, repeats=7, rng=np.random.default_rng(3))).all()
    assert draw(2, repeats=1, rng=np.random.default_rng(0)).shape == (1, 2)


@pytest.mark.parametrize(("clusters", "repeats"), [(1, 5), (0, 5), (3, 0)])
def test_nothing_to_draw_from(clusters: int, repeats: int) -> None:
    with pytest.raises(InputRefused, match="RESAMPLE-FEW"):
        draw(clusters, repeats=repeats, rng=np.random.default_rng(0))


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_draws_of_another_study_are_refused(columns: int) -> None:
    found = sample([1, 2, 3, 4], [False, True, False, True], [5, 5, 8, 9])
    with pytest.raises(InputRefused, match="RESAMPLE-PATIENTS"):
        resample(found, np.ones((1, columns), np.int32))


def test_percentiles_of_draws_that_could_be_computed() -> None:
    draws = np.concatenate([np.arange(41.0), [np.nan, np.inf]])
    assert percentile(draws) == pytest.approx((1.0, 39.0))
    assert percentile(np.arange(20.0)) == pytest.approx((0.475, 18.525))
    assert percentile(np.arange(19.0)) is None


@settings(deadline=None)
@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_a_midpoint_parts_its_neighbours(one: float, other: float) -> None:
    if one != other:
        low, high = sorted((one, other))
        assert low <= midpoint(low, high) < high


def test_midpoint_of_neighbouring_floats() -> None:
    for low in (1.0, 0.3, np.nextafter(1.0, 2), -1.0, 0.0, -5e-324):
        high = float(np.nextafter(low, np.inf))
        assert midpoint(low, high) == low
    assert midpoint(1.0, 2.0) == 1.5
    assert midpoint(1.6e308, 1.7e308) == pytest.approx(1.65e308)
