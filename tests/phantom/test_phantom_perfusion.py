from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.phantom.perfusion import FLOW_LINEAR, Perfusion, outflow_curve, tissue_curve, washout
from hepaflow.phantom.protocol import STEP_S, input_curves

INPUTS = input_curves(np.random.default_rng(5))
TISSUES = st.builds(
    Perfusion,
    bf=st.floats(10, 300),
    haf=st.floats(0, 1),
    mtt_s=st.floats(2, 25),
    extraction=st.floats(0.05, 0.9),
    ve=st.floats(0.05, 0.5),
    arterial_delay_s=st.floats(0, 4),
    portal_delay_s=st.floats(0, 4),
)


def by_summation(tissue: Perfusion) -> np.ndarray:
    """The convolution with the residue, written out on a grid ten times finer and summed by the midpoint rule."""
    fine = STEP_S / 10
    clock = np.arange(0.0, INPUTS.clock_s[-1], fine)
    lag = clock + fine / 2
    residue = np.where(lag < tissue.mtt_s, 1.0, tissue.extraction * np.exp(-tissue.rate * (lag - tissue.mtt_s)))
    mixed = tissue.haf * np.interp(clock - tissue.arterial_delay_s, INPUTS.clock_s, INPUTS.arterial, left=0.0)
    mixed += (1 - tissue.haf) * np.interp(clock - tissue.portal_delay_s, INPUTS.clock_s, INPUTS.portal, left=0.0)
    size = 2 * clock.size
    sums = np.fft.irfft(np.fft.rfft(mixed, size) * np.fft.rfft(residue, size), size)[: clock.size] * fine * tissue.flow
    return np.interp(INPUTS.clock_s, clock + fine / 2, sums)


@settings(max_examples=12, deadline=None)
@given(TISSUES)
def test_curve_is_the_convolution_with_the_residue(tissue: Perfusion) -> None:
    expected = by_summation(tissue)
    # the sum above is wrong by about one 5-ms step of inflow where the residue jumps: 0.005 s x 400 HU x flow
    tolerance = 0.006 * 400 * tissue.flow + 0.01
    inside = slice(20, -20)
    assert np.abs(tissue_curve(INPUTS, tissue) - expected)[inside].max() < tolerance


@settings(max_examples=12, deadline=None)
@given(TISSUES)
def test_what_flows_in_and_not_out_is_there(tissue: Perfusion) -> None:
    mixed = tissue.haf * np.interp(INPUTS.clock_s - tissue.arterial_delay_s, INPUTS.clock_s, INPUTS.arterial, left=0.0)
    mixed += (1 - tissue.haf) * np.interp(INPUTS.clock_s - tissue.portal_delay_s, INPUTS.clock_s, INPUTS.portal, left=0.0)
    net = tissue.flow * (mixed - outflow_curve(INPUTS, tissue))
    stored = np.concatenate([[0.0], np.cumsum(0.5 * STEP_S * (net[1:] + net[:-1]))])
    # delays off the grid are interpolated linearly: 1e-4 of the largest content
    assert np.abs(stored - tissue_curve(INPUTS, tissue)).max() < 2e-3 * max(1.0, stored.max())


@settings(max_examples=20, deadline=None)
@given(TISSUES)
def test_the_parameters_agree_with_each_other(tissue: Perfusion) -> None:
    p = tissue.parameters()
    assert p["bf"] == pytest.approx(p["habf"] + p["hpbf"])
    assert p["haf"] == pytest.approx(p["habf"] / p["bf"])
    assert p["ktrans"] == pytest.approx(p["extraction"] * p["bf"])
    assert p["extraction"] == pytest.approx(-np.expm1(-p["ps"] / p["bf"]))
    assert p["bv"] == pytest.approx(p["bf"] * p["mtt"] / 60)
    assert p["total_mtt"] == pytest.approx(p["mtt"] + 60 * 100 * tissue.ve / 1.05 / p["bf"])


def test_flow_linear_curves_scale() -> None:
    tissue = Perfusion(100.0, 0.2, 10.0, 0.4, 0.3, 1.5, 1.0)
    more = Perfusion(110.0, 0.2, 10.0, 0.4, 0.33, 1.5, 1.0)  # the texture: flow and interstitium grow together
    np.testing.assert_allclose(tissue_curve(INPUTS, more), 1.1 * tissue_curve(INPUTS, tissue), rtol=1e-9)
    for key, value in tissue.parameters().items():
        assert more.parameters()[key] == pytest.approx(value * (1.1 if key in FLOW_LINEAR else 1.0))


def test_washout_of_a_ramp_has_its_closed_form() -> None:
    times = np.arange(0.0, 60.0, STEP_S)
    rate = 0.07
    exact = (times - (1 - np.exp(-rate * times)) / rate) / rate
    np.testing.assert_allclose(washout(times, rate), exact, rtol=1e-9, atol=1e-9)
