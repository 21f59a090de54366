from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import FINE, exchange_residue, sampled, true_inputs, true_two_compartment
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.curves import TimeCurve
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

ARTERIAL, PORTAL = true_inputs()
TIMES = np.arange(0.0, 180.0)
#: flow, arterial fraction, vascular volume, PS, ve, delays
TISSUES = (
    (100, 0.2, 0.15, 60, 0.25, 1.5, 1.0),
    (60, 0.7, 0.08, 25, 0.20, 2.0, 1.0),
    (140, 0.4, 0.25, 90, 0.30, 1.0, 0.5),
)
MTT, RATE, EXTRACTION = st.floats(0.5, 240), st.floats(0.001, 0.5), st.floats(0.005, 0.98)


def residue(mtt: float, rate: float, extraction: float, lag_s: np.ndarray) -> np.ndarray:
    return TWO_COMPARTMENT.residues(np.array([[mtt, rate, extraction]])).at(lag_s)[0]


def inputs_at(times: np.ndarray, *, portal: bool = True):
    second = TimeCurve("portal", times, sampled(PORTAL, times)) if portal else None
    return dense_inputs(TimeCurve("arterial", times, sampled(ARTERIAL, times)), second, baseline_passes=2)


@given(mtt=MTT, rate=RATE, extraction=EXTRACTION)
def test_residue_starts_at_one_and_falls_to_zero(mtt, rate, extraction):
    values = residue(mtt, rate, extraction, np.r_[0.0, np.geomspace(1e-3, 1e5, 300)])
    assert values[0] == pytest.approx(1.0, abs=1e-12)  # two amplitudes that add up to one, in double precision
    assert (values >= 0).all()
    assert (np.diff(values) <= 1e-15).all()


@given(mtt=MTT, rate=RATE, extraction=EXTRACTION)
def test_volumes_and_flows_agree(mtt, rate, extraction):
    shape = np.array([[mtt, rate, extraction]])
    found = {key: float(x[0]) for key, x in TWO_COMPARTMENT.derive(np.array([80.0]), shape).items()}
    amplitude, _, speed = TWO_COMPARTMENT.residues(shape).terms[0].T
    # the integral of the residue is all distribution volume over flow; relative rounding of a dozen operations
    assert found["total_mtt"] == pytest.approx((amplitude / speed).sum(), rel=1e-9)
    assert found["bv"] + found["ve"] == pytest.approx(80.0 * found["total_mtt"] / 60.0, rel=1e-9)
    assert found["extraction"] == pytest.approx(found["ps"] / (80.0 + found["ps"]), rel=1e-9)


@given(mtt=st.floats(1, 30), rate=st.floats(0.002, 0.3), extraction=st.floats(0.05, 0.9))
def test_residue_is_that_of_the_two_volumes(mtt, rate, extraction):
    flow = 0.02
    ps = flow * extraction / (1 - extraction)
    expected = exchange_residue(flow, flow * mtt, ps, ps / rate)
    # 4000 steps of a matrix exponential add up their rounding
    np.testing.assert_allclose(residue(mtt, rate, extraction, FINE), expected, atol=1e-9)


@pytest.mark.parametrize("mtt", [2.0, 10.0, 60.0])
def test_without_exchange_it_is_one_vascular_compartment(mtt):
    lag = np.linspace(0, 200, 401)
    # what leaves the plain decay is of the order of the extraction itself
    np.testing.assert_allclose(residue(mtt, 0.02, 1e-9, lag), np.exp(-lag / mtt), atol=1e-8)


@pytest.mark.parametrize("extraction", [1e-12, 1e-8, 1e-4])
def test_nearly_equal_rates_lose_no_digits(extraction):
    mtt, lag = 10.0, np.linspace(0, 100, 201)
    values = residue(mtt, 1.0 / mtt, extraction, lag)
    x = lag / mtt
    # to first order in sqrt(E) the two decays merge into one
    np.testing.assert_allclose(values, np.exp(-x), atol=extraction * 5)


@pytest.mark.parametrize("tissue", TISSUES)
def test_recovers_itself(tissue):
    values = sampled(true_two_compartment(ARTERIAL, PORTAL, tissue), TIMES) + 40.0
    found = fit_curve(TimeCurve("t", TIMES, values), inputs_at(TIMES), model=TWO_COMPARTMENT, density_g_ml=1.0).parameters
    # 1 s sampling of the inputs, and 3 minutes of a slow return: a per cent or so of flow, a few of what the end of the curve decides
    assert found["bf"].value == pytest.approx(tissue[0], rel=0.015)
    assert found["haf"].value == pytest.approx(tissue[1], abs=0.005)
    assert found["bv"].value == pytest.approx(100 * tissue[2], rel=0.02)
    assert found["ps"].value == pytest.approx(tissue[3], rel=0.04)
    assert found["ve"].value == pytest.approx(100 * tissue[4], rel=0.04)


def test_recovers_itself_with_a_single_input():
    tissue = (70, 1.0, 0.1, 30, 0.2, 1.5, 0.0)
    values = sampled(true_two_compartment(ARTERIAL, PORTAL, tissue), TIMES)
    found = fit_curve(
        TimeCurve("t", TIMES, values), inputs_at(TIMES, portal=False), model=TWO_COMPARTMENT, density_g_ml=1.0
    ).parameters
    assert "haf" not in found
    # as with two inputs
    assert found["bf"].value == pytest.approx(70, rel=0.01)
    assert found["ps"].value == pytest.approx(30, rel=0.04)
    assert found["ve"].value == pytest.approx(20, rel=0.04)
