"""The parts of the search for modes, each against another way to the same answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from one_curve_for_tests import DUAL, SINGLE, problem_of, unknowns
from scipy.optimize import nnls

from hepaflow.kinetics import search
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.dictionary import atoms, draw
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.problem import log_posterior, scale_bounds, surprise

GOOD = ((10.0, 1.5, 1.0), (20.0, 80.0))


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
@pytest.mark.parametrize("upside_down", [False, True])
def test_flows_of_a_row_are_non_negative_least_squares(inputs, upside_down):
    """Against scipy's active set method; a curve that falls drives flows to zero."""
    problem = problem_of(AATH, inputs, noise=8.0)
    if upside_down:
        problem = replace(problem, observed=-problem.observed)
    rows = draw(problem.chosen, 64, centre=problem.prior.centre, spread=problem.prior.spread)
    table = atoms(AATH, problem.sources, problem.times_s, rows) / FLOW_PER_MIN_100_ML
    flows, baseline, misfit = search._project(problem, table)
    for i in range(len(rows)):
        columns = table[:, i].T
        expected, _ = nnls(columns - columns.mean(0), problem.observed - problem.observed.mean())
        # columns that nearly agree leave the flows fewer digits than the misfit
        np.testing.assert_allclose(flows[i], expected, rtol=1e-6, atol=1e-6)
        residual = problem.observed - columns @ flows[i] - baseline[i]
        assert residual.mean() == pytest.approx(0.0, abs=1e-9)
        assert misfit[i] == pytest.approx(residual @ residual, rel=1e-8)


@pytest.mark.parametrize("model", [AATH, ONE_COMPARTMENT], ids=lambda m: m.key)
@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_refinement_ends_at_a_minimum_with_the_right_derivatives(model, inputs):
    problem = problem_of(model, inputs)
    count = problem.sources.count
    start = unknowns(problem, ((12.0, 0.03, 0.3)[: len(model.shape)] + (1.0, 1.0)[:count]), (30.0, 60.0)[:count], 30.0)
    sigma, p = 1.3, len(problem.chosen)
    found = search._refine(problem, start, sigma, tolerance=1e-10)

    def residuals(theta: np.ndarray) -> np.ndarray:
        data = (problem.predict(theta[None])[0] - problem.observed) / sigma
        return np.concatenate([data, (theta[:p] - problem.prior.centre) / problem.prior.spread, surprise(problem, theta[None])[0]])

    np.testing.assert_allclose(found.fun, residuals(found.x), atol=1e-12)
    steps = 1e-4 * np.eye(start.size)
    central = np.stack([(residuals(found.x + h) - residuals(found.x - h)) / 2e-4 for h in steps], axis=1)
    # one-sided steps of 1e-5 against two-sided of 1e-4: their second and third derivatives
    np.testing.assert_allclose(found.jac, central, rtol=2e-3, atol=2e-3 * np.abs(central).max(0).max() * 1e-2)
    low, high = scale_bounds(problem.chosen)
    assert ((found.x[:p] > low) & (found.x[:p] < high)).all()
    # at rest: no unknown still has a slope beside the length of its column and of the residual
    slope = found.jac.T @ found.fun / (np.linalg.norm(found.jac, axis=0) * np.linalg.norm(found.fun))
    assert np.abs(slope).max() < 1e-3
    assert (found.fun**2).sum() < (residuals(start) ** 2).sum()


def test_at_an_upper_bound_derivatives_are_taken_inwards():
    problem = problem_of(ONE_COMPARTMENT)
    _, high = scale_bounds(problem.chosen)
    late = unknowns(problem, *GOOD)
    late[1:3] = high[1:]
    curve = problem.predict(late[None])[0]
    # the same curve still later than the bounds allow: the fit ends at them
    observed = np.interp(problem.times_s - 1.0, problem.times_s, curve)
    problem = replace(problem, observed=observed, prior=replace(problem.prior, spread=np.full(3, 100.0)))
    found = search._refine(problem, unknowns(problem, *GOOD), 0.01, tolerance=1e-12)
    assert (high[1:] - found.x[1:3] < 1e-5).any()
    for j in (1, 2):
        inwards = found.x.copy()
        inwards[j] -= 1e-4
        expected = (problem.predict(found.x[None]) - problem.predict(inwards[None]))[0] / 1e-4 / 0.01
        # steps of 1e-5 and 1e-4 differ by the second derivative
        np.testing.assert_allclose(found.jac[: expected.size, j], expected, atol=1e-3 * np.abs(expected).max())


def test_noise_that_is_left_is_the_residual_over_its_degrees_but_not_below_half_of_what_is_known():
    problem = problem_of(ONE_COMPARTMENT)
    x = unknowns(problem, *GOOD)
    residual = problem.observed - problem.predict(x[None])[0]
    assert search._sigma(problem, x, 15) == pytest.approx(np.sqrt(residual @ residual / 15))
    exact = replace(problem, observed=problem.predict(x[None])[0])
    assert search._sigma(exact, x, 15) == pytest.approx(0.5 * problem.noise)


def test_modes_are_far_apart_likely_and_best_first():
    problem = problem_of(ONE_COMPARTMENT, noise=20.0)
    best = search.modes(problem)[0][0]
    shift = np.zeros(best.size)
    shift[1] = problem.prior.spread[1]  # at this noise the curve says little of the arterial delay
    near, apart, improbable = best + 0.29 * shift, best + 0.31 * shift, best + 4.5 * shift
    value = log_posterior(problem, np.stack([best, near, apart, improbable]))
    assert value[0] - value[2] < search.LIKELY < value[0] - value[3]
    kept = search._likely(problem, [(improbable, 4.0), (apart, 3.0), (near, 2.0), (best, 1.0)])
    assert [sigma for _, sigma in kept] == [1.0, 3.0]


def test_starts_are_no_neighbours_and_no_more_than_asked():
    u = np.array([[0.0, 0.0], [0.5, 0.1], [0.6, 0.0], [0.0, -1.2], [3.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    # spreads 1 and 2: neighbours are within half a spread in every direction
    assert search._apart(u, np.arange(7), np.array([1.0, 2.0])) == [0, 2, 3, 4]
    assert search._apart(u, np.array([1, 0, 2]), np.array([1.0, 2.0])) == [1]
    assert search._apart(u, np.array([6, 5, 4, 3, 2]), np.array([1.0, 2.0])) == [6, 5, 4, 3]


def test_starts_come_best_first_with_the_noise_that_the_best_leaves():
    problem = problem_of(AATH, noise=2.0)
    starts, sigma = search._starts(problem, problem.times_s.size - len(problem.chosen) - problem.linear)
    assert len(starts) == search.SEEDS
    value = log_posterior(problem, np.stack(starts))
    # the score takes the noise as known and leaves the prior of flow out: a rank or two may change, the first is no outsider
    assert value[0] > value.max() - 2.0
    assert 1.0 < sigma < 4.0  # 21 samples tell 2 HU to a fifth, and the best of 2048 rows does not fit exactly
    assert all((start[-3:-1] > 0).all() for start in starts)


def test_the_best_mode_is_where_no_other_unknowns_are_more_probable():
    problem = problem_of(ONE_COMPARTMENT, noise=0.3)
    (best, covariance), *others = search.modes(problem)
    rng = np.random.default_rng(3)
    root = np.linalg.cholesky(covariance)
    tried = best + (rng.standard_normal((500, best.size)) @ root.T) * rng.uniform(0.05, 1.0, (500, 1))
    # the search holds the noise fixed and has no prior of flow: together a few tenths of a log unit
    assert log_posterior(problem, tried).max() < log_posterior(problem, best[None])[0] + 0.3
    assert all(log_posterior(problem, x[None])[0] < log_posterior(problem, best[None])[0] for x, _ in others)


def test_covariance_of_a_mode_is_that_of_the_curvature():
    problem = problem_of(ONE_COMPARTMENT, noise=1.0)
    x, covariance = search.modes(problem)[0]
    sigma = search._sigma(problem, x, problem.times_s.size - len(problem.chosen) - problem.linear)
    refined = search._refine(problem, x, sigma, tolerance=1e-8)
    expected = np.linalg.inv(refined.jac.T @ refined.jac)
    sd, wanted = np.sqrt(np.diag(covariance)), np.sqrt(np.diag(expected))
    # the mode's own noise estimate stems from before the last refinement
    np.testing.assert_allclose(sd, wanted, rtol=0.03)
    np.testing.assert_allclose(covariance / np.outer(sd, sd), expected / np.outer(wanted, wanted), atol=0.03)
