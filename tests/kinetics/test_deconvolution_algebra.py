"""Deconvolution against the textbook form of its least squares: normal equations, hat matrix, first-order errors."""

from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES as TIMES
from direct_for_tests import curves_at, inputs_at

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.deconvolution import DECONVOLUTION, nodes_of, responses, roughness
from hepaflow.kinetics.model import Settings

DUAL, SINGLE = inputs_at(TIMES), inputs_at(TIMES, single=True)
both = pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
VALUES = curves_at(TIMES, count=12)


def system(inputs: Inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, responses (n, inputs k) and penalty of both residues."""
    nodes = nodes_of(TIMES, inputs)
    sources = [x for x in (inputs.dense_arterial, inputs.dense_portal) if x is not None]
    matrix = np.concatenate([responses(TIMES, inputs.dense_times_s, x, nodes) for x in sources], axis=1)
    penalty = np.kron(np.eye(len(sources)), roughness(nodes))
    return nodes, matrix, penalty


def solution(inputs: Inputs, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Residues from curves (inputs k, n) and the hat matrix (n, n), the free baseline in it."""
    _, matrix, penalty = system(inputs)
    centred = matrix - matrix.mean(0)
    operator = np.linalg.solve(centred.T @ centred + strength * penalty, centred.T)
    return operator, centred @ operator + 1.0 / TIMES.size


@both
def test_residues_are_those_of_the_normal_equations(inputs):
    _, matrix, _ = system(inputs)
    settings = DECONVOLUTION.settle(TIMES, VALUES, inputs, 1.0)
    operator, hat = solution(inputs, settings.strength)
    reader = DECONVOLUTION.prepare(TIMES, inputs, settings)
    # solving the normal equations squares their condition: six digits
    assert reader.unknowns == pytest.approx(np.trace(hat), rel=1e-6)
    fit, baseline = reader.implied(VALUES)
    np.testing.assert_allclose(fit, hat @ VALUES, atol=1e-4)
    np.testing.assert_allclose(baseline, (VALUES - matrix @ (operator @ VALUES)).mean(0), atol=1e-4)


@both
def test_strength_for_one_curve_has_the_least_cross_validation(inputs):
    guide = VALUES[:, :1]
    chosen = DECONVOLUTION.settle(TIMES, guide, inputs, 1.0).strength

    def score(strength: float) -> float:
        _, hat = solution(inputs, strength)
        left = TIMES.size - 1.4 * np.trace(hat)
        return float(((guide - hat @ guide) ** 2).sum() / left**2) if left > 0 else np.inf

    for step in (-3, -1, 1, 3):
        # the grid is an eighth of a decade; the minimum is flat, hence the allowance for rounding
        assert score(chosen) <= score(chosen * 10.0 ** (0.125 * step)) * (1 + 1e-6)
    assert DECONVOLUTION.settle(TIMES, guide, inputs, 1.5).noise == 1.5


@both
def test_quantities_and_their_spread_follow_from_the_residues(inputs):
    settings = Settings(noise=2.0, strength=DECONVOLUTION.settle(TIMES, VALUES, inputs, 1.0).strength)
    nodes, _, _ = system(inputs)
    operator, _ = solution(inputs, settings.strength)
    k, count = nodes.size, 2 if inputs is DUAL else 1
    found = DECONVOLUTION.prepare(TIMES, inputs, settings).read(VALUES)
    area = np.zeros(k)
    area[:-1] += np.diff(nodes) / 2
    area[1:] += np.diff(nodes) / 2
    covariance = 4.0 * operator @ operator.T
    for v in range(VALUES.shape[1]):
        residue = (operator @ VALUES[:, v]).reshape(count, k)
        tops = residue.argmax(1)
        flows = 6000.0 * residue.max(1)
        volume = 100.0 * (residue @ area).sum()
        flow = flows.sum()
        # how each quantity changes with every node of the residues
        of_flow = np.zeros((count, count * k))
        for q in range(count):
            of_flow[q, q * k + tops[q]] = 6000.0
        of_volume = np.tile(100.0 * area, count)
        slopes = {
            "bf": (flow, of_flow.sum(0)),
            "bv": (volume, of_volume),
            "total_mtt": (60 * volume / flow, 60 * of_volume / flow - 60 * volume / flow**2 * of_flow.sum(0)),
        }
        if count == 2:
            slopes |= {
                "habf": (flows[0], of_flow[0]),
                "hpbf": (flows[1], of_flow[1]),
                "haf": (flows[0] / flow, (flows[1] * of_flow[0] - flows[0] * of_flow[1]) / flow**2),
            }
        assert set(found.quantities) == set(slopes)
        for key, (value, slope) in slopes.items():
            # digits that the normal equations lose
            assert found.quantities[key][v] == pytest.approx(value, rel=1e-4), key
            assert found.sd[key][v] == pytest.approx(np.sqrt(slope @ covariance @ slope), rel=1e-3), key


@both
def test_what_flows_out_of_nothing_has_no_time_and_no_share(inputs):
    reader = DECONVOLUTION.prepare(TIMES, inputs, Settings(noise=1.0, strength=1.0))
    found = reader.read(np.zeros((TIMES.size, 1)))
    assert found.quantities["bf"][0] == found.quantities["bv"][0] == 0.0
    for key in {"total_mtt", "haf"} & set(found.quantities):
        assert np.isnan(found.quantities[key][0])
        assert np.isnan(found.sd[key][0])
    assert np.isfinite(found.sd["bf"][0])
    falling = reader.read((40.0 - np.arange(TIMES.size))[:, None])
    assert falling.quantities["bv"][0] >= 0.0


def test_without_noise_there_is_no_spread():
    found = DECONVOLUTION.prepare(TIMES, DUAL, Settings(strength=1.0)).read(VALUES)
    assert all((sd == 0).all() for sd in found.sd.values())


def test_an_input_that_begins_at_once_counts_from_its_first_moment():
    grid = np.arange(0.0, 20.25, 0.25)
    source = np.interp(grid, [0.0, 0.25, 0.5, 20.0], [40.0, 100.0, 10.0, 0.0])
    nodes, times = np.array([0.0, 2.0, 5.0]), np.array([0.1, 0.2, 2.1, 6.0])
    lag = np.arange(0.0, 5.0, 1e-4) + 5e-5
    at = np.where(times[:, None] < lag, 0.0, np.interp(times[:, None] - lag, grid, source))
    hats = np.stack([np.interp(lag, nodes, row) for row in np.eye(3)], axis=1)
    # the midpoint rule cuts the step of the input at its start: half of 1e-4 s of 40
    np.testing.assert_allclose(responses(times, grid, source, nodes), at @ hats * 1e-4, atol=3e-3)


def test_nodes_are_as_far_apart_as_stated():
    dense = np.arange(0.0, 150.0)
    for times, step in ((dense, 1.0), (TIMES, 2.0), (np.arange(0.0, 150.0, 5.0), 2.0)):
        nodes = nodes_of(times, DUAL)
        gaps = np.diff(nodes)
        np.testing.assert_allclose(gaps[:10], step)
        np.testing.assert_allclose(gaps[10:] / gaps[9:-1], 1.15)
        span = times[-1] - DUAL.dense_times_s[DUAL.dense_arterial.argmax()]
        # the next one would lie behind the last moment that the data show
        assert nodes[-1] < span <= nodes[-1] + 1.15 * gaps[-1] + 1e-9
    peak = DUAL.dense_times_s[DUAL.dense_arterial.argmax()]
    np.testing.assert_array_equal(nodes_of(np.array([0.0, 2.0, 4.0, peak]), DUAL), [-2.0, 0.0, 2.0])


def test_penalty_holds_the_level_by_a_millionth_of_its_mean():
    nodes = np.array([-2.0, 0.0, 3.0, 10.0])
    steep = 1 / 2 + (1 / 2 + 1 / 3) + (1 / 3 + 1 / 7) + 1 / 7  # trace: what each node shares with its neighbours
    level = np.ones(4) @ roughness(nodes) @ np.ones(4)
    assert level == pytest.approx(1e-6 * steep)
