from __future__ import annotations

import numpy as np
import pytest

from hepaflow.phantom import protocol


def test_the_passes_of_the_thesis() -> None:
    times = np.array(protocol.PASS_TIMES_S)
    assert times.size == len(protocol.SERIES_OF_PASS) == 21
    assert times[:15].tolist() == list(range(0, 30, 2))
    assert times[15:].tolist() == [48, 68, 88, 108, 128, 148]
    assert protocol.SERIES_OF_PASS == (0,) * 15 + (1,) * 6


@pytest.mark.parametrize("seed", range(12))
def test_inputs_arrive_and_peak_as_in_patients(seed: int) -> None:
    inputs = protocol.input_curves(np.random.default_rng(seed))
    clock, arterial, portal = inputs.clock_s, inputs.arterial, inputs.portal
    assert 350 <= arterial.max() <= 400
    assert 14 <= clock[np.argmax(arterial > 0.05 * arterial.max())] <= 17
    assert 22 <= clock[arterial.argmax()] <= 26
    assert 150 <= portal.max() <= 205
    assert 36 <= clock[portal.argmax()] <= 42
    assert 40 <= arterial[-1] <= 75  # equilibrium of the blood
    # two clean passes for the baseline
    np.testing.assert_array_less(np.interp([0.0, 2.0], inputs.times_s, arterial), 1.0)


def test_inputs_differ_with_the_seed_only() -> None:
    one, same, other = (protocol.input_curves(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.arterial, same.arterial)
    assert np.abs(one.arterial - other.arterial).max() > 5


def test_a_gamma_transit_keeps_area_and_mean() -> None:
    clock = np.arange(0.0, 150.0, protocol.STEP_S)
    density = protocol.gamma_transit(clock, 4.0, 4.0, delay_s=3.0)
    assert density.sum() * protocol.STEP_S == pytest.approx(1.0)
    centre = ((clock + protocol.STEP_S / 2) * density).sum() * protocol.STEP_S
    assert centre == pytest.approx(19.0, abs=0.01)  # delay + shape x scale
