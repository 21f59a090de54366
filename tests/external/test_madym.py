"""A dual-input curve made by Madym (C++): its discrete rule written down, and what a continuous fit makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fitted_columns import fit_columns
from reference_files import table

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Measurement
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT

pytestmark = pytest.mark.external
#: Per minute: flow, efflux, arterial fraction; minutes: arterial delay, start of the bolus.
FLOW, EFFLUX, FRACTION, DELAY, START = 0.6, 1.0, 0.2, 0.1, 35.0 / 60.0
#: mM to numbers of the size of HU.
UNIT = 25.0


def population(t_min: np.ndarray) -> np.ndarray:
    """The population artery of Parker et al. 2006 from its start, as plasma (haematocrit 0.42), the heights of the two bells rounded as Madym has them."""
    bells = sum(h * np.exp(-0.5 * ((t_min - m) / s) ** 2) for h, m, s in ((5.7326, 0.17046, 0.0563), (0.9974, 0.365, 0.132)))
    return (bells + 1.05 * np.exp(-0.1685 * t_min) / (1 + np.exp(-38.078 * (t_min - 0.483)))) / (1 - 0.42)


def gut(t_min: np.ndarray) -> np.ndarray:
    """Madym's weights of earlier arterial samples in the portal one: nothing, a ramp, two decays."""
    weights = np.where(t_min < 0.17, 24.16 * t_min - 2.01, 2.83 * np.exp(-10.8 * t_min) + 2.12 * np.exp(-1.82 * t_min))
    weights[t_min < 0.08] = 0.0
    return weights / weights.sum()


@pytest.fixture
def curve(reference) -> dict[str, np.ndarray]:
    return table(reference / "curves" / "madym_discm.csv")


def test_its_tissue_by_its_own_rule(curve):
    t = curve["time_s"] / 60
    np.testing.assert_allclose(population(t - START), curve["arterial"], atol=1e-12)
    np.testing.assert_allclose(np.convolve(curve["arterial"], gut(t))[: t.size], curve["portal"], atol=1e-12)
    # the delay moves the artery before it is sampled, and with it the portal curve that is made of it
    late = population(t - START - DELAY)
    inflow = FRACTION * late + (1 - FRACTION) * np.convolve(late, gut(t))[: t.size]
    left = np.zeros(t.size)
    for i in range(1, t.size):
        kept, step = np.exp(-EFFLUX * (t[i] - t[i - 1])), t[i] - t[i - 1]
        left[i] = left[i - 1] * kept + 0.5 * step * (inflow[i] + inflow[i - 1] * kept)
    np.testing.assert_allclose(FLOW * left, curve["tissue"], atol=1e-8)


def per_minute(found: Measurement) -> tuple[float, float, float]:
    """Flow, efflux and arterial fraction."""
    value = {key: estimate.value for key, estimate in found.parameters.items()}
    return value["bf"] / 100, 60 / value["mtt"], value["haf"]


def test_a_fit_of_its_columns(curve):
    columns = {name: UNIT * values for name, values in curve.items() if name != "time_s"}
    tissues = {name: columns[name] for name in ("tissue", "tissue_noisy")}
    _, found = fit_columns(
        curve["time_s"], columns["arterial"], columns["portal"], tissues, model="one-compartment", density_g_ml=1.0
    )
    for measurement in found:
        flow, efflux, fraction = per_minute(measurement)
        assert flow == pytest.approx(FLOW, rel=0.01)
        assert efflux == pytest.approx(EFFLUX, rel=0.01)
        # Madym's trapezoid on steps of 5 s moves the front of the bolus by half a second: see the next test
        assert fraction == pytest.approx(FRACTION, abs=0.01)
        assert measurement.delays_s["arterial"] == pytest.approx(60 * DELAY, abs=0.6)
        assert measurement.r2 > 0.9999


def continuous(t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two inputs between Madym's samples: its portal curve is a sum of shifted arteries."""
    nodes = np.arange(100) * 5.0 / 60
    artery = population(t_s / 60 - START)
    portal = sum(w * population(t_s / 60 - START - node) for w, node in zip(gut(nodes), nodes, strict=True) if w > 0)
    return artery, np.asarray(portal)


def test_the_same_tissue_without_the_trapezoid(curve):
    """Convolved on a 0.05 s grid the tissue gives back every parameter to a per cent, which Madym's samples of it cannot."""
    fine = np.arange(0.0, 495.0, 0.05)
    late = continuous(fine - 60 * DELAY)
    residue = np.exp(-EFFLUX * fine / 60)
    residue[0] = 0.5
    inflow = FRACTION * late[0] + (1 - FRACTION) * late[1]
    truth = FLOW / 60 * np.convolve(inflow, residue)[: fine.size] * 0.05
    times = curve["time_s"]
    values = UNIT * np.interp(times, fine, truth)
    # the rule itself is off by up to a hundredth of the peak
    off = np.abs(values / UNIT - curve["tissue"]).max() / curve["tissue"].max()
    assert 0.002 < off < 0.03
    found = fit_curve(TimeCurve("t", times, values), known_inputs(times), model=ONE_COMPARTMENT, density_g_ml=1.0)
    flow, efflux, fraction = per_minute(found)
    assert flow == pytest.approx(FLOW, rel=0.01)
    assert efflux == pytest.approx(EFFLUX, rel=0.01)
    assert fraction == pytest.approx(FRACTION, rel=0.01)
    # both delays lie five spreads from what is usual in the liver, and a floor is put under the noise: a tenth of a second of pull
    assert found.delays_s["arterial"] == pytest.approx(60 * DELAY, abs=0.2)


def known_inputs(times: np.ndarray) -> Inputs:
    """Inputs of which nothing is uncertain."""
    artery, portal = (UNIT * c for c in continuous(times))
    sampled = dense_inputs(TimeCurve("arterial", times, artery), TimeCurve("portal", times, portal), baseline_passes=5)
    dense = tuple(UNIT * c for c in continuous(sampled.dense_times_s))
    return replace(sampled, dense_arterial=dense[0], dense_portal=dense[1], modes=np.empty((0, 2, dense[0].size)))
