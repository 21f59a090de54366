from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import FINE, THESIS_TIMES, sampled, true_aath, true_inputs

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.fit_flags import fit_flags

ARTERIAL, PORTAL = true_inputs()
INPUTS = dense_inputs(
    TimeCurve("arterial", THESIS_TIMES, sampled(ARTERIAL, THESIS_TIMES)),
    TimeCurve("portal", THESIS_TIMES, sampled(PORTAL, THESIS_TIMES)),
    baseline_passes=3,
)


def flags_of(values: np.ndarray) -> tuple[str, ...]:
    return fit_curve(TimeCurve("tissue", THESIS_TIMES, values), INPUTS, model=AATH, density_g_ml=1.0).flags


def tissue(delay_s: float, fraction: float = 0.0) -> np.ndarray:
    return sampled(true_aath(ARTERIAL, PORTAL, (60.0, fraction, 15.0, 0.5, 0.3, delay_s, delay_s)), THESIS_TIMES)


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_does_not_enhance(seed):
    noise = np.random.default_rng(seed).standard_normal(THESIS_TIMES.size)
    assert {"curve-no-enhancement", "fit-poor"} <= set(flags_of(50.0 + noise))


def test_a_constant_curve_does_not_enhance():
    assert {"curve-no-enhancement", "fit-poor"} <= set(flags_of(np.full(THESIS_TIMES.size, 50.0)))


@pytest.mark.parametrize("delay", [0.0, 2.0, 4.0])
@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.9])
def test_tissue_in_time_has_neither_flag(delay, fraction):
    noise = np.random.default_rng(1).standard_normal(THESIS_TIMES.size)
    assert not {"curve-no-enhancement", "curve-late-arrival", "fit-poor"} & set(flags_of(tissue(delay, fraction) + noise))


@pytest.mark.parametrize("delay", [18.0, 24.0, 30.0])
def test_tissue_far_too_late_is_told(delay):
    assert "curve-late-arrival" in flags_of(tissue(delay))


def test_a_single_input_is_the_last_one():
    alone = dense_inputs(TimeCurve("arterial", THESIS_TIMES, sampled(ARTERIAL, THESIS_TIMES)), None, baseline_passes=3)
    values = sampled(np.interp(FINE - 12.0, FINE, ARTERIAL, left=0.0), THESIS_TIMES)
    assert fit_flags(THESIS_TIMES, values, values, unknowns=5, inputs=alone) == ("curve-late-arrival",)
    assert fit_flags(THESIS_TIMES, values, values, unknowns=5, inputs=INPUTS) == ()


def test_half_of_the_variance_unexplained_is_poor():
    values = np.sin(np.arange(40.0))
    for share, poor in ((0.71, True), (0.70, False)):  # the misfit's square is about 0.504 and 0.49 of the variance
        fit = values - share * (values - values.mean())
        assert ("fit-poor" in fit_flags(np.arange(40.0), values, fit, unknowns=4, inputs=INPUTS)) is poor
