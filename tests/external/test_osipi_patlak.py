"""Patlak on the collection's single-input curves: 0.5 s between samples, noise, arterial delay of 5 s that is not given away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fitted_columns import fit_columns
from reference_files import cases

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def errors(reference: Path) -> np.ndarray:
    """Error over the collection's tolerance (cases, 3): plasma volume, PS, delay."""
    found = []
    for case in cases(reference / "osipi" / "patlak_sd_0.02_delay_5.csv"):
        _, (measured,) = fit_columns(case["t"], case["cp_aif"], None, {"tissue": case["C_t"]}, model="patlak", density_g_ml=1.0)
        volume, transfer = (measured.parameters[key].value / 100 for key in ("bv", "ktrans"))  # mL/mL, 1/min
        found.append(
            [
                (volume - case["vp"]) / (0.025 + 0.1 * case["vp"]),
                (transfer - case["ps"]) / (0.005 + 0.1 * case["ps"]),
                measured.delays_s["arterial"] - case["arterial_delay"],  # tolerance 1 s
            ]
        )
    return np.abs(found)


def test_every_case_is_inside_the_collections_tolerance(errors):
    assert errors.shape == (9, 3)
    assert errors.max() < 1.0


def test_share_inside_a_fifth_of_it(errors):
    """All of them, though the fit uses two minutes of the five: with three samples of the rise in the zero of the input (0.3 % of its peak too high), PS leaves it in 4 of 9."""
    assert (errors < 0.2).sum(0).tolist() == [9, 9, 9]
