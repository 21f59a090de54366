from __future__ import annotations

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
