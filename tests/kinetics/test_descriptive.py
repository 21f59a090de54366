from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES
from direct_for_tests import curves_at, inputs_at, read

from hepaflow.kinetics.descriptive import DESCRIPTIVE, arrival_s, rise

TIMES = np.arange(0.0, 60.0, 2.0)
INPUTS = inputs_at(TIMES)
ARRIVAL = arrival_s(INPUTS)


def triangle(times: np.ndarray, *, top_s: float, height: float, base: float = 50.0) -> np.ndarray:
    """From the baseline up to the top and down again, both over the time from arrival to the top."""
    return base + height * np.clip(1.0 - np.abs(times - top_s) / (top_s - ARRIVAL), 0.0, None)


def test_peak_time_slope_and_area_of_a_triangle():
    curve = triangle(TIMES, top_s=20.0, height=60.0)
    found = {key: float(x[0]) for key, x in read(DESCRIPTIVE, TIMES, curve[:, None], INPUTS, noise=0.0).quantities.items()}
    # smoothing (1, 2, 1) takes half a step of the slope off a corner
    step = 60.0 * 2.0 / (20.0 - ARRIVAL)
    assert found["ttp"] == pytest.approx(20.0 - ARRIVAL)
    assert found["peak"] == pytest.approx(60.0 - step / 2)
    assert found["msi"] == pytest.approx(found["peak"] / found["ttp"])
    # the trapezoid rule misses only the corners at the feet, at most a step wide and a step of the slope high
    assert found["auc"] == pytest.approx(60.0 * (20.0 - ARRIVAL), abs=2 * step)


def test_rise_and_the_model_say_the_same():
    values = curves_at(THESIS_TIMES, noise=3.0)
    inputs = inputs_at(THESIS_TIMES)
    ttp, msi = rise(THESIS_TIMES, values, inputs, 3.0)
    found = read(DESCRIPTIVE, THESIS_TIMES, values, inputs, noise=3.0).quantities
    np.testing.assert_array_equal(found["ttp"], ttp)
    np.testing.assert_array_equal(found["msi"], msi)


def test_rise_leaves_missing_samples_out():
    whole = triangle(TIMES, top_s=20.0, height=60.0)[:, None]
    holed = whole.copy()
    holed[[0, 25]] = np.nan
    for one, other in zip(rise(TIMES, holed, INPUTS, 1.0), rise(TIMES, whole, INPUTS, 1.0), strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("height", [0.0, 2.0])
def test_no_enhancement_has_no_time(height):
    curve = triangle(TIMES, top_s=20.0, height=height)
    found = read(DESCRIPTIVE, TIMES, curve[:, None], INPUTS, noise=3.0).quantities
    assert np.isnan(found["ttp"][0])
    assert np.isnan(found["msi"][0])
    assert 0.0 <= found["peak"][0] <= height
    assert found["auc"][0] == pytest.approx(height * (20.0 - ARRIVAL), abs=2.0)


def test_a_late_peak_is_not_smoothed_across_the_gap():
    curve = np.where(THESIS_TIMES == 48.0, 100.0, 50.0)
    found = read(DESCRIPTIVE, THESIS_TIMES, curve[:, None], inputs_at(THESIS_TIMES), noise=1.0).quantities
    assert found["peak"][0] == pytest.approx(50.0)


def test_needs_only_the_arrival():
    one, other = (read(DESCRIPTIVE, TIMES, curves_at(TIMES), i).quantities for i in (INPUTS, inputs_at(TIMES, single=True)))
    for key, x in one.items():
        np.testing.assert_array_equal(other[key], x)


def looked_at(times: np.ndarray, curve: np.ndarray) -> tuple[float, float, float]:
    """Time to peak, peak and area of a curve, sample by sample in plain Python."""
    step = np.median(np.diff(times))
    smooth = list(curve)
    for i in range(1, times.size - 1):
        if times[i] - times[i - 1] <= 2 * step and times[i + 1] - times[i] <= 2 * step:
            smooth[i] = (curve[i - 1] + 2 * curve[i] + curve[i + 1]) / 4
    baseline = np.mean([x for i, (t, x) in enumerate(zip(times, curve, strict=True)) if t <= ARRIVAL or i == 0])
    top, at = max((x, t) for t, x in zip(times, smooth, strict=True) if t > ARRIVAL)
    return at - ARRIVAL, top - baseline, np.trapezoid(curve - baseline, times)


@pytest.mark.parametrize(
    "times",
    [
        np.r_[np.arange(0.0, 30.0, 2.0), 48.0 + 20.0 * np.arange(6)],
        np.r_[0.0, 0.5, 1.0, 4.0 + np.arange(0, 60, 3.0)],
        np.r_[ARRIVAL, ARRIVAL + 3.0 * np.arange(1, 12)],  # a sample at arrival itself is baseline and no peak
        np.array([6.0, 8.0, 10.0]) + ARRIVAL,  # the first sample is the baseline where none lies before arrival
        np.array([0.0, 20.0, 40.0]),
        np.array([0.0, 20.0]),
    ],
    ids=["gap", "uneven", "at-arrival", "late", "three", "two"],
)
def test_reads_what_a_plain_loop_reads(times):
    curves = 50.0 + 20.0 * np.random.default_rng(4).standard_normal((times.size, 60))
    found = DESCRIPTIVE.prepare(times, INPUTS, DESCRIPTIVE.settle(times, curves, INPUTS, 0.0)).read(curves)
    expected = np.array([looked_at(times, curve) for curve in curves.T])
    rises = expected[:, 1] > 0
    assert rises.any()
    np.testing.assert_allclose(found.quantities["peak"], expected[:, 1])
    np.testing.assert_allclose(found.quantities["auc"], expected[:, 2], atol=1e-9)
    np.testing.assert_allclose(found.quantities["ttp"], np.where(rises, expected[:, 0], np.nan))
    np.testing.assert_allclose(found.quantities["msi"], np.where(rises, expected[:, 1] / expected[:, 0], np.nan))


def test_spread_of_the_area_is_that_of_its_sum():
    found = read(DESCRIPTIVE, TIMES, curves_at(TIMES, count=2), INPUTS, noise=3.0)
    before = TIMES <= ARRIVAL
    weights = np.gradient(TIMES) * np.r_[0.5, np.ones(TIMES.size - 2), 0.5] - (TIMES[-1] - TIMES[0]) * before / before.sum()
    np.testing.assert_allclose(found.sd["auc"], 3.0 * np.sqrt((weights**2).sum()))


def test_arrival_is_where_a_tenth_of_the_peak_is_first_exceeded():
    at = np.searchsorted(INPUTS.dense_times_s, ARRIVAL)
    tenth = 0.1 * INPUTS.dense_arterial.max()
    assert INPUTS.dense_arterial[at] > tenth
    assert (INPUTS.dense_arterial[:at] <= tenth).all()
    flat = replace(INPUTS, dense_arterial=np.where(INPUTS.dense_times_s < 7.0, 1.0, 10.0))
    assert arrival_s(flat) == 7.0  # a tenth itself is not above it
