from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import FINE, THESIS_TIMES, TISSUES, convolved, sampled, true_aath
from direct_for_tests import ARTERIAL, PORTAL, curves_at, inputs_at, read
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hepaflow.kinetics.model import Settings
from hepaflow.kinetics.patlak import PATLAK, columns, window

DENSE = np.arange(0.0, 150.0)
DELAYS = Settings(noise=1.0, delays_s={"arterial": 2.0, "portal": 3.0})
DUAL, SINGLE, UNEVEN = inputs_at(DENSE), inputs_at(DENSE, single=True), inputs_at(THESIS_TIMES)


def tissue(volumes: tuple[float, float], transfers: tuple[float, float], delays: tuple[float, float] = (2.0, 3.0)) -> np.ndarray:
    """Volumes in mL/100 mL, transfers in mL/min/100 mL; brute force on the fine grid."""
    found = np.zeros(FINE.size)
    for source, volume, transfer, delay in zip((ARTERIAL, PORTAL), volumes, transfers, delays, strict=True):
        late = np.interp(FINE - delay, FINE, source, left=0)
        found += volume / 100 * late + transfer / 6000 * convolved(late, np.ones(FINE.size))
    return found


@pytest.mark.parametrize("times", [DENSE, THESIS_TIMES], ids=["dense", "uneven"])
@pytest.mark.parametrize(
    ("volumes", "transfers"),
    [((3.0, 9.0), (4.0, 11.0)), ((10.0, 2.0), (12.0, 3.0)), ((0.0, 8.0), (0.0, 6.0)), ((5.0, 5.0), (0.0, 0.0))],
)
def test_recovers_itself_without_noise(times, volumes, transfers):
    found = read(PATLAK, times, sampled(tissue(volumes, transfers), times)[:, None] + 40, inputs_at(times), settings=DELAYS)
    # the dense input has a step of 0.25 s, the truth one of 0.05 s
    assert found.quantities["bv"][0] == pytest.approx(sum(volumes), abs=0.03)
    assert found.quantities["ktrans"][0] == pytest.approx(sum(transfers), abs=0.03)


@pytest.mark.parametrize("delay", [0.5, 2.0, 5.0, 9.0])
def test_finds_the_delay_of_a_single_input(delay):
    curve = sampled(tissue((10.0, 0.0), (8.0, 0.0), (delay, 0.0)), DENSE)[:, None]
    settings = PATLAK.settle(DENSE, curve, SINGLE, 0.0)
    assert settings.delays_s == {"arterial": pytest.approx(delay, abs=0.25)}  # the finer step of the search
    found = read(PATLAK, DENSE, curve, SINGLE, settings=settings).quantities
    assert found["bv"][0] == pytest.approx(10.0, rel=0.01)
    assert found["ktrans"][0] == pytest.approx(8.0, rel=0.02)


def test_finds_both_delays():
    curve = sampled(tissue((6.0, 8.0), (5.0, 10.0), (3.0, 4.5)), DENSE)[:, None]
    settings = PATLAK.settle(DENSE, curve, DUAL, 0.0)
    assert settings.delays_s["arterial"] == pytest.approx(3.0, abs=0.25)
    assert settings.delays_s["portal"] == pytest.approx(4.5, abs=0.5)  # the portal rise is slower


def test_samples_outside_the_window_do_not_count():
    values = curves_at(DENSE)
    inside = window(DENSE, DUAL, 2.0)
    reader = PATLAK.prepare(DENSE, DUAL, DELAYS)
    one = reader.read(values)
    values[~inside] += 100.0
    for key, x in reader.read(values).quantities.items():
        np.testing.assert_allclose(x, one.quantities[key], rtol=1e-9)
    fit, _ = reader.implied(values)
    assert np.isfinite(fit[inside]).all()
    assert np.isnan(fit[~inside]).all()


def test_window_is_the_one_documented():
    inside = window(DENSE, DUAL, 2.0)
    arrival = 5.0  # a tenth of the peak of this input
    peak = DUAL.dense_times_s[DUAL.dense_arterial.argmax()]
    np.testing.assert_array_equal(inside, (arrival >= DENSE) | ((peak + 2.0 <= DENSE) & (arrival + 120.0 >= DENSE)))


@pytest.mark.parametrize(("last", "flagged", "given"), [(60.0, True, True), (30.0, True, False), (150.0, False, True)])
def test_a_short_window_is_flagged_or_refuses(last, flagged, given):
    times = np.r_[0.0, 4.0, 8.0, np.arange(12.0, last, 10.0 if last > 40 else 6.0)]
    inputs = inputs_at(DENSE)
    reader = PATLAK.prepare(times, inputs, DELAYS)
    found = reader.read(sampled(tissue((3.0, 9.0), (4.0, 11.0)), times)[:, None])
    assert (reader.flags == ("patlak-window-short",)) is flagged
    assert np.isfinite(found.quantities["ktrans"][0]) == given


@hypothesis_settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_is_the_non_negative_least_squares(seed):
    """Against scipy's active set method, on noise that drives unknowns to zero."""
    from scipy.optimize import nnls

    inputs, rng = UNEVEN, np.random.default_rng(seed)
    curve = rng.uniform(-1, 2) * sampled(tissue((3.0, 9.0), (4.0, 11.0)), THESIS_TIMES) + 10 * rng.standard_normal(
        THESIS_TIMES.size
    )
    inside = window(THESIS_TIMES, inputs, 2.0)
    matrix = columns(THESIS_TIMES, inputs, DELAYS.delays_s)[inside]
    matrix -= matrix.mean(0)
    size = np.linalg.norm(matrix, axis=0)
    expected = nnls(matrix / size, curve[inside] - curve[inside].mean())[0] / size
    found = read(PATLAK, THESIS_TIMES, curve[:, None], inputs, settings=DELAYS).quantities
    assert found["bv"][0] == pytest.approx(100 * (expected[0] + expected[2]), rel=1e-6, abs=1e-6)
    assert found["ktrans"][0] == pytest.approx(6000 * (expected[1] + expected[3]), rel=1e-6, abs=1e-6)


def test_back_flux_lowers_ktrans_as_documented():
    """Liver tissue empties within the window; the page says so, and this holds the page to it."""
    curves = np.stack([sampled(true_aath(ARTERIAL, PORTAL, x), THESIS_TIMES) for x in TISSUES], axis=1)
    found = read(PATLAK, THESIS_TIMES, curves, inputs_at(THESIS_TIMES)).quantities
    truth = np.array([x[0] * x[3] for x in TISSUES])
    assert (found["ktrans"] < 0.9 * truth).all()
