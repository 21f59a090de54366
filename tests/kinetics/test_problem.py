"""Curve and log posterior of one set of unknowns, against brute-force convolution and the densities of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from curves_for_tests import THESIS_TIMES, TISSUES, sampled, true_aath
from direct_for_tests import ARTERIAL, PORTAL
from one_curve_for_tests import DUAL, SINGLE, problem_of, unknowns
from scipy.stats import lognorm, norm

from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.problem import log_posterior, scale_bounds, surprise

#: mtt, rate, extraction, delays of the first test tissue, and its flows: BF 100, HAF 0.2, ve 0.25.
TRUE = ((10.0, 0.4 * 100 / 6000 / 0.25, 0.4, 1.5, 1.0), (20.0, 80.0))


def test_curve_of_known_unknowns_is_that_of_brute_force():
    problem = problem_of(AATH)
    found = problem.predict(unknowns(problem, *TRUE)[None])[0]
    # the truth's grid is 0.05 s, that of the inputs 0.25 s: a straight line between their samples, HU
    np.testing.assert_allclose(found, sampled(true_aath(ARTERIAL, PORTAL, TISSUES[0]), THESIS_TIMES) + 40.0, atol=0.02)


def test_an_input_more_is_an_unknown_more():
    assert (problem_of(AATH).linear, problem_of(AATH, SINGLE).linear) == (3, 2)
    assert [q.key for q in problem_of(AATH, SINGLE).chosen][-1] == "arterial_delay"


def test_values_stay_in_bounds():
    problem = problem_of(AATH)
    low, high = problem.values(np.array([[-99.0] * 5, [99.0] * 5]))
    np.testing.assert_allclose(low, [q.bounds[0] for q in problem.chosen])
    np.testing.assert_allclose(high, [q.bounds[1] for q in problem.chosen])


def test_bounds_are_those_of_the_parameters_and_cannot_be_changed():
    problem = problem_of(AATH)
    low, high = scale_bounds(problem.chosen)
    assert low[0] == pytest.approx(np.log(problem.chosen[0].bounds[0]))
    assert high[-1] == problem.chosen[-1].bounds[1]
    with pytest.raises(ValueError, match="read-only"):
        low[0] = 0.0


def test_surprise_counts_spreads_from_the_expected_volume():
    problem = problem_of(AATH)
    (expected,) = AATH.expected
    rows = []
    for ve in (expected.centre, expected.centre * np.exp(expected.spread), expected.centre * np.exp(-2 * expected.spread)):
        rate = 0.4 * 100.0 / 60.0 / ve  # ve = F E / k per 100 mL
        rows.append(unknowns(problem, (10.0, rate, 0.4, 1.5, 1.0), (20.0, 80.0)))
    np.testing.assert_allclose(surprise(problem, np.stack(rows))[:, 0], [0.0, 1.0, -2.0], atol=1e-12)


def test_surprise_holds_down_to_hardly_any_flow():
    problem = problem_of(AATH)
    theta = unknowns(problem, (10.0, 0.002, 0.5, 1.5, 1.0), (0.1, 0.4))
    # ve = 0.25 / 60 / 0.002 mL per 100 mL
    np.testing.assert_allclose(surprise(problem, theta[None]), [[np.log(0.25 / 60 / 0.002 / 25.0) / 0.5]])


def test_a_model_that_expects_nothing_is_never_surprised():
    problem = problem_of(ONE_COMPARTMENT)
    theta = np.stack([unknowns(problem, (10.0, 1.5, 1.0), (20.0, 80.0))] * 3)
    assert surprise(problem, theta).shape == (3, 0)


def log_density(problem, theta: np.ndarray) -> float:
    """The same from ready-made densities: noise integrated out, normal unknowns, log-normal total flow, any fraction as probable."""
    p = len(problem.chosen)
    squares = ((problem.observed - problem.predict(theta[None])[0]) ** 2).sum() + 2.0 * problem.noise**2
    samples = problem.times_s.size + 2.0 - problem.linear
    flow = theta[p:-1].sum()
    found = -samples / 2 * np.log(squares) + norm.logpdf(theta[:p], problem.prior.centre, problem.prior.spread).sum()
    found += lognorm.logpdf(flow, 1.0, scale=90.0)
    if problem.sources.count == 2:
        found -= np.log(flow)  # dF dHAF = dFa dFp / F
    values = problem.values(theta[None, :p])[:, : len(problem.model.shape)]
    for e in problem.model.expected:
        # a density on the logarithm: how the unknowns make up the quantity is part of the prior of the unknowns
        found += norm.logpdf(np.log(problem.model.derive(np.array([flow]), values)[e.key][0]), np.log(e.centre), e.spread)
    return float(found)


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
@pytest.mark.parametrize("model", [AATH, ONE_COMPARTMENT], ids=lambda m: m.key)
def test_log_posterior_is_the_sum_of_its_densities(model, inputs):
    problem = problem_of(model, inputs)
    shapes = ((10.0, 0.03, 0.4), (6.0, 0.1, 0.7), (20.0, 0.01, 0.2))
    flows = ((20.0, 80.0), (5.0, 140.0), (60.0, 10.0))
    delays = ((1.5, 1.0), (0.0, 3.0), (4.0, -1.0))
    n, q = len(model.shape), problem.sources.count
    theta = np.stack([unknowns(problem, s[:n] + d[:q], f[:q], 38.0) for s, d, f in zip(shapes, delays, flows, strict=True)])
    found = log_posterior(problem, theta)
    expected = np.array([log_density(problem, row) for row in theta])
    # up to a constant; rounding of sums of some hundreds
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(log_posterior(problem, theta, problem.predict(theta)), found)


def test_nothing_is_possible_outside_bounds_or_with_flow_against_the_stream():
    problem = problem_of(ONE_COMPARTMENT)
    good = unknowns(problem, (10.0, 1.5, 1.0), (20.0, 80.0))
    low, high = scale_bounds(problem.chosen)
    edge = np.stack([good] * 4)
    edge[0, 0], edge[1, 0], edge[2, 3], edge[3, 4] = low[0], high[0], 0.0, 0.0
    assert np.isfinite(log_posterior(problem, edge)).all()
    beyond = edge.copy()
    beyond[0, 0], beyond[1, 0], beyond[2, 3], beyond[3, 4] = low[0] - 1e-9, high[0] + 1e-9, -1e-9, -1e-9
    assert (log_posterior(problem, beyond) == -np.inf).all()
