"""Real livers: six visits of gadoxetate MRI. Their truth is unknown; published fits of the same scans say what is plausible."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.external, pytest.mark.slow]
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "tristan.py"
#: Flow per minute and arterial fraction of published fits.
FLOW, FRACTION = (0.5, 1.3), (0.08, 0.12)


@pytest.fixture
def visits(reference):
    spec = importlib.util.spec_from_file_location("tristan", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    paths = sorted((reference / "curves").glob("tristan_*.csv"))
    assert len(paths) >= 6
    return [script.fits(path)[2] for path in paths]


def within(found, key: str, bounds: tuple[float, float], unit: float) -> bool:
    """Whether the value lies in bounds or within two SD of them."""
    estimate = found.parameters[key]
    low, high = (bound * unit for bound in bounds)
    return low - 2 * estimate.sd <= estimate.value <= high + 2 * estimate.sd


def test_one_compartment_is_plausible_and_describes_the_liver(visits):
    found = [visit["one-compartment"] for visit in visits]
    assert min(f.r2 for f in found) > 0.85  # the scatter of the samples is a tenth of the rise
    assert np.mean([within(f, "bf", FLOW, 100.0) for f in found]) >= 0.9
    # the arterial signal saturates at its peak, which makes some arterial fractions low: one visit in six lies further off
    assert np.mean([within(f, "haf", FRACTION, 1.0) for f in found]) >= 0.8
    assert max(f.parameters["haf"].value for f in found) < 0.2


def test_aath_finds_a_portal_organ(visits):
    found = [visit["aath"] for visit in visits]
    assert min(f.r2 for f in found) > 0.85
    assert max(f.parameters["haf"].value for f in found) < 0.3
    # one visit takes the short transit of two that describe its curve
    assert np.mean([within(f, "bf", FLOW, 100.0) for f in found]) >= 0.8
