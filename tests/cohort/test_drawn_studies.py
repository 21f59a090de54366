"""Every drawn study against the same study written out lesion by lesion, ties and values on the cut among them; the interval made of the draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.cohort.cutoff import called_positive, youden
from hepaflow.cohort.resample import draw, resample
from hepaflow.cohort.roc import logit_interval, placements, resampled_interval
from hepaflow.cohort.sample import sample

#: Value, class and patient of a lesion.
LESIONS = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 5)), min_size=4, max_size=20)


@settings(deadline=None)
@given(LESIONS, st.integers(0, 99), st.sampled_from(["higher", "lower"]))
def test_drawn_studies_written_out(lesions: list[tuple[int, bool, int]], seed: int, direction: str) -> None:
    values, truth, patients = (np.array(column) for column in zip(*lesions, strict=True))
    if truth.all() or not truth.any() or len(set(patients)) < 2:
        return
    found = sample(values, truth, patients, direction=direction)
    counts = draw(found.clusters, repeats=5, rng=np.random.default_rng(seed))
    every = resample(found, counts)
    for b, times in enumerate(counts):
        rows = np.repeat(np.arange(len(values)), times[found.cluster])
        if truth[rows].all() or not truth[rows].any():
            assert np.isnan(every.auc[b])
            continue
        study = sample(values[rows], truth[rows], direction=direction)
        assert every.auc[b] == pytest.approx(placements(study).auc)
        best = youden(study)
        if best is None:
            assert np.isnan(every.cut[b])
            continue
        cut = -every.cut[b] if direction == "lower" else every.cut[b]
        assert cut == best.cut.threshold
        assert every.own_sensitivity[b] + every.own_specificity[b] - 1 == pytest.approx(best.cut.youden)
        called = called_positive(found.values, cut, direction=direction)
        assert every.real_sensitivity[b] == pytest.approx(called[truth].mean())
        assert every.real_specificity[b] == pytest.approx(1 - called[~truth].mean())


def test_a_value_on_the_cut_is_not_positive() -> None:
    found = sample([-1.0, 0.0, 1.0], [False, False, True], [0, 1, 2])
    every = resample(found, np.array([[1, 0, 1]], np.int32))
    assert (every.cut[0], every.real_specificity[0]) == (0.0, 1.0)


def test_interval_of_drawn_areas() -> None:
    rng = np.random.default_rng(0)
    truth, patients = np.arange(40) < 18, np.arange(40) // 2
    found = sample(rng.normal(size=40) + truth, truth, patients)
    draws = np.append(resample(found, draw(20, repeats=30, rng=rng)).auc, np.nan)
    # nine patients of the one class, eleven of the other
    assert resampled_interval(found, draws) == logit_interval(placements(found).auc, np.nanstd(draws, ddof=1), freedom=8)
    assert resampled_interval(found, draws[-20:]) is None
