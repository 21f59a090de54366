from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))
from portal_gap import FINE, arterial

from hepaflow.curves.enhancement import baseline_flags, baseline_passes, mean_of_passes, region_curve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused

TIMES_S = np.r_[np.arange(0, 30, 2.0), np.arange(48, 149, 20.0)]


def _bolus(times, arrival, *, height=350.0, to_peak=7.0):
    x = np.maximum(times - arrival, 0) / to_peak
    return height * x**3 * np.exp(3 * (1 - x)) + 0.2 * height * (1 - np.exp(-x / 4))


def _series(voxels, *, excluded=(), spacing=(5.0, 2.0, 2.0)):
    grid = Grid.from_spacing(voxels.shape[1:], spacing)
    return DynamicSeries(voxels, grid, TIMES_S[: voxels.shape[0]], Acquisition("synthetic"), excluded=excluded)


def _noisy(*, shape=(16, 48, 48), noise=12.0, blur=(0.0, 0.0, 0.0), seed=0):
    """Two tissues with sharp borders, known noise; returns the series, the noise alone and a mask in one tissue."""
    rng = np.random.default_rng(seed)
    field = rng.standard_normal((TIMES_S.size, *shape))
    field = np.stack([ndimage.gaussian_filter(f, blur, mode="wrap") for f in field])
    field *= noise / field.std()
    bright = np.zeros(shape)
    bright[:, 12:36, 12:36] = 1.0
    curve, other = _bolus(TIMES_S, 4.0), 0.1 * _bolus(TIMES_S, 14.0, to_peak=30.0)
    signal = 45.0 + bright * curve[:, None, None, None] + (1 - bright) * other[:, None, None, None]
    return _series((signal + field).astype(np.float32)), field, bright.astype(bool)


def test_curve_is_the_mean_and_skips_missing_samples():
    rng = np.random.default_rng(1)
    voxels = rng.normal(50, 5, (6, 4, 8, 8)).astype(np.float32)
    mask = np.zeros((4, 8, 8), bool)
    mask[1:3, 2:6, 2:6] = True
    voxels[2][1, 2:4, 2:6] = np.nan  # a quarter of the region
    voxels[3][1:3, 2:5, 2:6] = np.nan  # three quarters
    curve = region_curve(_series(voxels, excluded=(5,)), mask, name="liver")
    assert curve.values[0] == pytest.approx(voxels[0][mask].mean(), abs=1e-4)
    assert curve.values[2] == pytest.approx(np.nanmean(voxels[2][mask]), abs=1e-4)
    assert np.isnan(curve.values[[3, 5]]).all()
    assert np.isfinite(curve.values[[0, 1, 2, 4]]).all()
    assert (np.isnan(curve.sd) == np.isnan(curve.values)).all()
    assert curve.sd[2] == pytest.approx(curve.sd[0] * np.sqrt(4 / 3))


def test_integer_and_float_data_agree():
    voxels = np.random.default_rng(2).integers(-50, 200, (6, 3, 6, 6)).astype(np.int16)
    mask = np.ones((3, 6, 6), bool)
    a, b = (region_curve(_series(v), mask, name="x").values for v in (voxels, voxels.astype(np.float32)))
    assert np.allclose(a, b)


@pytest.mark.parametrize("blur", [(0.0, 0.0, 0.0), (0.0, 0.8, 0.8), (0.5, 1.2, 1.2)], ids=["white", "in-plane", "strong"])
@pytest.mark.parametrize("size", [2, 5, 10])
def test_standard_error_matches_the_scatter_of_the_mean(blur, size):
    """Against the true scatter of the mean over 40 regions x 21 passes: 25 %, twice what one region's estimate scatters by."""
    series, field, _ = _noisy(blur=blur)
    claimed, means = [], []
    rng = np.random.default_rng(3)
    for n in range(40):
        k, j, i = rng.integers(2, 10), rng.integers(14, 34 - size), rng.integers(14, 34 - size)
        mask = np.zeros(series.grid.shape, bool)
        mask[k : k + 3, j : j + size, i : i + size] = True
        means.append(field[:, mask].mean(1))
        if n < 6:
            claimed.append(region_curve(series, mask, name="x").sd[0])
    assert np.mean(claimed) == pytest.approx(np.std(means), rel=0.25)


def test_standard_error_does_not_take_signal_for_noise():
    """Without noise, sharp borders and strong enhancement leave less than 0.2 HU."""
    series, _, mask = _noisy(noise=1e-3)
    assert region_curve(series, mask, name="x").sd.max() < 0.2


def test_region_off_the_grid_or_empty_is_refused():
    series, _, mask = _noisy(shape=(4, 40, 40))
    for bad, code in ((np.zeros_like(mask), "REGION-EMPTY"), (mask[1:], "REGION-GRID")):
        with pytest.raises(InputRefused) as error:
            region_curve(series, bad, name="x")
        assert error.value.code == code


@settings(max_examples=60, deadline=None)
@given(
    arrival=st.floats(2.5, 16.0),
    height=st.floats(120.0, 600.0),
    level=st.floats(20.0, 60.0),
    to_peak=st.floats(4.0, 10.0),
    seed=st.integers(0, 999),
)
def test_no_pass_with_contrast_is_baseline(arrival, height, level, to_peak, seed):
    """None with more than 6 % of the peak."""
    clean = _bolus(TIMES_S, arrival, height=height, to_peak=to_peak)
    found = baseline_passes(TIMES_S, level + clean + np.random.default_rng(seed).normal(0, 1.5, TIMES_S.size))
    assert clean[:found].max() <= 0.06 * clean.max() + 5.0


def test_few_passes_of_the_baseline_are_given_away():
    """At most two; three in one curve of 600 (where the noise of the first passes happens to be small), never more."""
    rng = np.random.default_rng(7)
    lost = []
    for arrival, height, to_peak in zip(
        rng.uniform(2.5, 16.0, 2000), rng.uniform(120.0, 600.0, 2000), rng.uniform(4.0, 10.0, 2000), strict=True
    ):
        clean = _bolus(TIMES_S, arrival, height=height, to_peak=to_peak)
        found = baseline_passes(TIMES_S, 40.0 + clean + rng.normal(0, 1.5, TIMES_S.size))
        lost.append(int((clean <= 0).sum()) - found)
    assert max(lost) <= 3
    assert sum(one > 2 for one in lost) <= 2000 / 200


@settings(max_examples=30, deadline=None)
@given(offset=st.floats(-50, 50), scale=st.floats(0.5, 3.0))
def test_baseline_does_not_depend_on_level_or_scale(offset, scale):
    values = 45 + _bolus(TIMES_S, 7.0)
    assert baseline_passes(TIMES_S, offset + scale * values) == baseline_passes(TIMES_S, values)


def test_baseline_skips_missing_samples():
    values = 45 + _bolus(TIMES_S, 7.0)
    whole = baseline_passes(TIMES_S, values)
    values[1] = np.nan
    assert baseline_passes(TIMES_S, values) == whole


@pytest.mark.parametrize("step_s", [0.5, 1.0])
def test_the_zero_of_a_clean_finely_sampled_artery_is_that_before_contrast(step_s):
    """However early contrast comes after the first pass: the rise's first samples are no baseline.

    Half a per cent of the peak: a sample may have risen by 0.3 % before it is told from the baseline, and the first pass is always
    baseline, even where a bolus that began between two samples has lifted it by as much.
    """
    for seed in range(8):
        blood = arterial(np.random.default_rng(seed), latest_s=26.0)
        begins = FINE[np.argmax(blood > 1e-3 * blood.max())]
        for lead_s in (0.0, 0.4, 0.8, 1.3, 2.0, 3.5, 8.0):
            times = np.arange(0.0, 60.0, step_s)
            values = 40 + np.interp(times + begins - lead_s, FINE, blood)
            found = baseline_passes(times, values)
            assert values[:found].mean() - 40 < 0.005 * (values.max() - 40), (seed, lead_s)
            assert found >= (times < lead_s).sum()


def test_noise_does_not_cost_the_baseline_of_an_artery_sampled_every_2_s():
    """The zero scatters by no more than the noise of the samples that it has, and half a per cent of the peak on top."""
    rng, off, given_away = np.random.default_rng(3), [], []
    for seed in range(12):
        blood = arterial(np.random.default_rng(seed), latest_s=26.0)
        begins = FINE[np.argmax(blood > 1e-3 * blood.max())]
        for lead_s in rng.uniform(2.0, 10.0, 20):
            times = np.arange(0.0, 60.0, 2.0)
            clean = np.interp(times + begins - lead_s, FINE, blood)
            values = 40 + clean + 2.0 * rng.standard_normal(times.size)
            found, before = baseline_passes(times, values), int((clean < 1e-3 * clean.max()).sum())
            off.append((values[:found].mean() - 40) / (2.0 / np.sqrt(before) + 0.005 * clean.max()))
            given_away.append(before - found)
    # a standard deviation of one is what the noise alone gives
    assert np.std(off) < 1.0
    # one in fifty of the samples before contrast is given away on average
    assert np.mean(np.maximum(given_away, 0)) < 0.1


def test_missing_and_short_baselines_are_told():
    late = 45 + _bolus(TIMES_S, -6.0)
    assert baseline_flags(TIMES_S, late, baseline_passes(TIMES_S, late)) == ("baseline-missing",)
    one = 45 + _bolus(TIMES_S, 1.0)
    assert baseline_flags(TIMES_S, one, baseline_passes(TIMES_S, one)) == ("baseline-short",)
    good = 45 + _bolus(TIMES_S, 6.0)
    assert baseline_flags(TIMES_S, good, baseline_passes(TIMES_S, good)) == ()
    assert {"baseline-missing", "baseline-short"} <= set(FLAGS)


def test_baseline_of_too_few_samples_is_refused():
    with pytest.raises(InputRefused) as error:
        baseline_passes([0.0, 1.0, 2.0], [np.nan, 1.0, 2.0])
    assert error.value.code == "INPUT-TOO-SHORT"


def test_mean_of_passes_skips_missing_and_excluded():
    voxels = np.arange(4, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 2), np.float32)
    voxels[1, 0, 0, 0] = np.nan
    series = _series(voxels, excluded=(3,))
    mean = mean_of_passes(series, range(4))
    assert mean[1, 1, 1] == pytest.approx(1.0)
    assert mean[0, 0, 0] == pytest.approx(1.0)
    assert np.allclose(mean_of_passes(_series(np.ones((3, 2, 2, 2), np.int16)), [0, 2]), 1.0)
    with pytest.raises(InputRefused) as error:
        mean_of_passes(series, [3])
    assert error.value.code == "SERIES-NO-PASS"
