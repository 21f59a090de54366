"""Two forward models written apart must agree: the phantom's truth and the model that is fitted to it."""

from __future__ import annotations

import numpy as np
import pytest

from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.convolve import DenseInput, respond
from hepaflow.phantom.design import draw_design
from hepaflow.phantom.perfusion import tissue_curve
from hepaflow.phantom.protocol import PASS_TIMES_S, input_curves


@pytest.mark.parametrize("seed", [0, 1])
def test_the_fitted_model_and_the_truth_are_one_formula(seed: int) -> None:
    generator = np.random.default_rng(seed)
    inputs, design = input_curves(generator), draw_design(generator)
    times = np.array(PASS_TIMES_S)
    for tissue in design.kinetic().values():
        residue = AATH.residues(np.array([[tissue.mtt_s, tissue.rate, tissue.extraction]]))
        expected = np.zeros(times.size)
        supplies = ((tissue.haf, inputs.arterial, tissue.arterial_delay_s), (1 - tissue.haf, inputs.portal, tissue.portal_delay_s))
        for share, curve, delay in supplies:
            source = DenseInput.of(inputs.times_s, curve)
            expected += share * tissue.flow * np.ravel(respond(times, source, residue, np.array([delay])))
        found = np.interp(times, inputs.times_s, tissue_curve(inputs, tissue))
        np.testing.assert_allclose(found, expected, atol=1e-3)  # HU; linear interpolation of a 0.05-s grid
