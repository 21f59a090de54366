"""The forward models against dcmri, which convolves piecewise-linear inputs exactly on any time grid.

dcmri knows an input at its own time points only. Every corner of the input, delayed and undelayed, is made a time point, so that both
sides integrate the same function; what is left is rounding.
"""

from __future__ import annotations

import numpy as np
import pytest

from hepaflow.kinetics.catalogue import model
from hepaflow.kinetics.convolve import DenseInput, Residues, respond
from hepaflow.kinetics.dictionary import Sources, atoms, draw, prior_of
from hepaflow.kinetics.model import ARTERIAL_DELAY, PORTAL_DELAY, ResidueModel

dc = pytest.importorskip("dcmri", reason="dcmri is not installed (it is in the dev extra)")

STEP = 0.25
GRID = np.arange(0.0, 160.0, STEP)
SAMPLES = np.r_[np.arange(1.0, 30.0, 2.0), 33.3, 47.1, 68.0, 90.7, 120.0, 149.0]
#: Both sides add up some hundred terms of the size of the answer, in double precision.
ROUNDING = 1e-10


def bolus(start: float, rise: float, tail: float) -> np.ndarray:
    since = np.maximum(GRID - start, 0.0) / rise
    return 300.0 * (since * np.exp(1 - since) + tail * (1 - np.exp(-since)))


ARTERIAL, PORTAL = bolus(4.0, 5.0, 0.2), bolus(11.0, 11.0, 0.3)


def corners(*shifts: float) -> np.ndarray:
    """Times at which an input delayed by any of ``shifts`` has a corner, and the samples."""
    every = np.concatenate([GRID + shift for shift in (0.0, *shifts)] + [SAMPLES])
    return np.unique(every[(every >= 0) & (every <= SAMPLES[-1])])


def delayed(values: np.ndarray, delay: float, t: np.ndarray) -> np.ndarray:
    return dc.flux(np.interp(t, GRID, values), delay, t=t, model="plug")


def at_samples(t: np.ndarray, curve: np.ndarray) -> np.ndarray:
    return curve[np.searchsorted(t, SAMPLES)]


@pytest.mark.parametrize("rate", [0.001, 0.003, 0.02, 0.1, 0.7, 3.0])
@pytest.mark.parametrize("delay", [0.0, 1.37, 6.0])
def test_decay(rate, delay):
    t = corners(delay)
    truth = dc.expconv(delayed(ARTERIAL, delay, t), 1.0 / rate, t) / rate
    found = respond(SAMPLES, DenseInput.of(GRID, ARTERIAL), Residues.of((1.0, 0.0, rate)), np.array([delay]))[0]
    np.testing.assert_allclose(found, at_samples(t, truth), rtol=ROUNDING, atol=ROUNDING * truth.max())


@pytest.mark.parametrize("transit", [0.8, 7.13, 25.0])
def test_plateau(transit):
    t = corners(transit)
    truth = dc.conc_plug(np.interp(t, GRID, ARTERIAL), transit, t=t)
    found = respond(SAMPLES, DenseInput.of(GRID, ARTERIAL), Residues.of((1.0, 0.0, 0.0), (-1.0, transit, 0.0)), np.zeros(1))[0]
    np.testing.assert_allclose(found, at_samples(t, truth), rtol=ROUNDING, atol=ROUNDING * truth.max())


def with_dcmri(key: str, shape: np.ndarray, values: np.ndarray, delay: float) -> np.ndarray:
    """Response of unit flow (1/s) at the samples, put together from dcmri's parts."""
    if key == "one-compartment":
        t = corners(delay)
        return at_samples(t, dc.conc(delayed(values, delay, t), shape[0], t=t, model="comp"))
    mtt, rate, extraction = shape
    if key == "two-compartment":
        t = corners(delay)
        times = [mtt * (1 - extraction), 1.0 / rate]
        return at_samples(t, dc.conc_2cxm(delayed(values, delay, t), times, extraction, t=t).sum(0))
    t = corners(delay, delay + mtt)
    inflow = delayed(values, delay, t)
    late = delayed(values, delay + mtt, t)
    return at_samples(t, dc.conc_plug(inflow, mtt, t=t) + dc.conc_comp(extraction * late, 1.0 / rate, t=t))


@pytest.mark.parametrize("key", ["one-compartment", "two-compartment", "aath"])
def test_dual_input_curves(key):
    chosen = model(key)
    assert isinstance(chosen, ResidueModel)
    unknowns = (*chosen.shape, ARTERIAL_DELAY, PORTAL_DELAY)
    centre, spread = prior_of(unknowns)
    rows = np.maximum(draw(unknowns, 16, centre=centre, spread=spread), 0.0)  # dcmri knows no early arrival
    shapes = len(chosen.shape)
    both = atoms(chosen, Sources(DenseInput.of(GRID, ARTERIAL), DenseInput.of(GRID, PORTAL)), SAMPLES, rows)
    for i, row in enumerate(rows):
        truth = 0.3 * with_dcmri(key, row[:shapes], ARTERIAL, row[-2]) + 0.7 * with_dcmri(key, row[:shapes], PORTAL, row[-1])
        found = 0.3 * both[0, i] + 0.7 * both[1, i]
        np.testing.assert_allclose(found, truth, rtol=ROUNDING, atol=ROUNDING * truth.max())


def test_dual_input_liver_of_dcmri():
    """dcmri's own two-inlet liver: an arterial delay, one extracellular space."""
    delay, fraction, flow, volume = 2.3, 0.25, 0.018, 0.3
    t = corners(delay)
    arterial, portal = (np.interp(t, GRID, values) for values in (ARTERIAL, PORTAL))
    truth = dc.conc_liver(arterial, t=t, cv=portal, Ta=delay, fa=fraction, Fp=flow, ve=volume, H=0.0)
    one = model("one-compartment")
    assert isinstance(one, ResidueModel)
    sources = Sources(DenseInput.of(GRID, ARTERIAL), DenseInput.of(GRID, PORTAL))
    both = atoms(one, sources, SAMPLES, np.array([[volume / flow, delay, 0.0]]))[:, 0]
    found = flow * (fraction * both[0] + (1 - fraction) * both[1])
    np.testing.assert_allclose(found, at_samples(t, np.squeeze(truth)), rtol=ROUNDING, atol=ROUNDING * truth.max())


def test_the_comparison_sees_a_difference():
    shape = np.array([9.0, 0.02, 0.4])
    apart = with_dcmri("aath", shape, ARTERIAL, 1.0) - with_dcmri("two-compartment", shape, ARTERIAL, 1.0)
    assert np.abs(apart).max() > 10  # of a response that peaks at some thousand
