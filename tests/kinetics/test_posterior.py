"""The parts of the importance sampling, and the whole of it against a plain grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from one_curve_for_tests import DUAL, SINGLE, problem_of, unknowns
from scipy.stats import multivariate_t

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics import posterior as sampling
from hepaflow.kinetics.input_error import common_weights
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.problem import Problem, log_posterior
from hepaflow.kinetics.search import modes

COVARIANCE = np.array([[4.0, 1.2, 0.0], [1.2, 1.0, -0.3], [0.0, -0.3, 0.25]])
BEST = ((10.0, 1.5, 1.0), (20.0, 80.0))


def test_proposal_is_a_student_distribution():
    centre, root = np.array([1.0, -2.0, 0.5]), np.linalg.cholesky(COVARIANCE)
    proposal = sampling._Proposal(centre, root)
    rows = proposal.draw(20_000, np.random.default_rng(0))
    expected = multivariate_t.logpdf(rows[:50], centre, COVARIANCE, df=sampling.FREEDOM)
    found = proposal.log_density(rows[:50])
    np.testing.assert_allclose(found - found[0], expected - expected[0], rtol=1e-9, atol=1e-9)
    wide = sampling._Proposal(centre, 2.0 * root).log_density(rows[:50])
    also = multivariate_t.logpdf(rows[:50], centre, 4.0 * COVARIANCE, df=sampling.FREEDOM)
    # mixtures need the same constant in every proposal
    np.testing.assert_allclose(wide - found, also - expected, rtol=1e-9, atol=1e-9)
    # 20 000 draws; the fourth moment of five degrees of freedom is heavy
    np.testing.assert_allclose(rows.mean(0), centre, atol=0.06)
    np.testing.assert_allclose(np.cov(rows.T), COVARIANCE * 5.0 / 3.0, atol=0.4)


def test_root_of_a_covariance_that_is_sound_nearly_singular_or_not_one():
    np.testing.assert_allclose(sampling._root(COVARIANCE) @ sampling._root(COVARIANCE).T, COVARIANCE, rtol=1e-12, atol=1e-12)
    flat = np.outer([1e-3, 2.0, 50.0], [1e-3, 2.0, 50.0])
    root = sampling._root(flat)
    # singular: the least addition that makes it positive, at most 1e-8 of each variance
    np.testing.assert_allclose(root @ root.T, flat, rtol=1e-7)
    np.testing.assert_array_equal(root, np.tril(root))
    wrong = np.array([[4.0, 6.0], [6.0, 4.0]])
    np.testing.assert_allclose(sampling._root(wrong), np.diag([2.0, 2.0]))


def test_systematic_draws_come_as_often_as_their_weight_says_and_in_no_order():
    share = np.array([0.1, 0.0, 0.35, 0.05, 0.5])
    picks = sampling._systematic(share, 1000, np.random.default_rng(0))
    assert np.abs(np.bincount(picks, minlength=5) - 1000 * share).max() <= 1
    assert np.bincount(picks, minlength=5)[1] == 0
    # in order they would correlate fully; 1000 draws in random order: 0.1 is three SDs
    assert abs(np.corrcoef(picks, np.arange(1000))[0, 1]) < 0.1
    unscaled = sampling._systematic(7.0 * share, 1000, np.random.default_rng(0))
    np.testing.assert_array_equal(picks, unscaled)


def test_next_proposal_has_the_moments_of_the_draws():
    rng = np.random.default_rng(1)
    every = rng.standard_normal((4000, 3)) @ np.linalg.cholesky(COVARIANCE).T + [1.0, 2.0, 3.0]
    share = rng.uniform(0.5, 1.5, 4000)
    share /= share.sum()
    found = sampling._next_proposal(every, share, np.diag([0.5, 0.0, 0.0]))
    expected = np.cov(every.T, aweights=share, ddof=0) + np.diag([0.5, 0.0, 0.0])
    np.testing.assert_allclose(found.centre, share @ every, rtol=1e-9)
    np.testing.assert_allclose(found.root @ found.root.T, 1.2 * expected, rtol=1e-9, atol=1e-12)


def test_a_lucky_draw_gets_a_proposal_of_its_own_as_wide_as_its_neighbours():
    rng = np.random.default_rng(2)
    every = np.concatenate([rng.standard_normal((4000, 2)), 0.1 * rng.standard_normal((sampling.NEIGHBOURS, 2)) + [12.0, 0.0]])
    share = np.full(len(every), 0.5 / (len(every) - 1))
    share[-1] = 0.5
    found = sampling._next_proposal(every, share, np.zeros((2, 2)))
    np.testing.assert_allclose(found.centre, every[-1])
    local = every[-sampling.NEIGHBOURS :] - every[-1]
    # its 400 neighbours weigh the same but itself, which lies at distance zero and holds what LUCKY leaves it: a tenth
    weight = np.full(sampling.NEIGHBOURS, 1.0)
    held = np.minimum(share, sampling.LUCKY)
    held /= held.sum()
    weight = held[-sampling.NEIGHBOURS :] + 1.0 / share.size
    expected = 1.2 * (local * (weight / weight.sum())[:, None]).T @ local
    np.testing.assert_allclose(found.root @ found.root.T, expected, rtol=1e-6)


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_flows_given_the_shape_are_weighted_by_the_density_they_were_drawn_with(inputs):
    problem = problem_of(ONE_COMPARTMENT, inputs, noise=2.0)
    count = problem.sources.count
    u = np.stack([unknowns(problem, (mtt, 1.5, 1.0)[: 1 + count], BEST[1][:count]) for mtt in (8.0, 10.0, 14.0) for _ in range(20)])
    u = u[:, : len(problem.chosen)]
    theta, weight = sampling._flows_given_shape(problem, u, np.random.default_rng(0))
    np.testing.assert_array_equal(theta[:, : u.shape[1]], u)
    density = np.empty(len(u))
    freedom = problem.times_s.size - problem.linear + 2.0
    for i, row in enumerate(theta):
        unit = np.tile(row, (problem.linear, 1))
        unit[:, u.shape[1] :] = np.eye(problem.linear)
        columns = problem.predict(unit).T
        mean, *_ = np.linalg.lstsq(columns, problem.observed, rcond=None)
        residual = problem.observed - columns @ mean
        variance = (residual @ residual + 2.0 * problem.noise**2) / freedom
        scale = variance * np.linalg.inv(columns.T @ columns)
        density[i] = multivariate_t.logpdf(row[u.shape[1] :], mean, (scale + scale.T) / 2, df=freedom)
    expected = log_posterior(problem, theta) - density
    inside = np.isfinite(expected)
    assert inside.sum() > 30
    np.testing.assert_array_equal(np.isfinite(weight), inside)
    # the normal matrix carries 1e-9 of its diagonal more, which nearly dependent columns magnify
    np.testing.assert_allclose((weight - weight[inside][0])[inside], (expected - expected[inside][0])[inside], atol=1e-4)


def test_flows_given_the_shape_scatter_as_a_student_distribution():
    problem = problem_of(ONE_COMPARTMENT, SINGLE, noise=2.0)
    u = np.tile(unknowns(problem, BEST[0][:2], BEST[1][:1])[:2], (20_000, 1))
    theta, _ = sampling._flows_given_shape(problem, u, np.random.default_rng(0))
    unit = np.tile(theta[0], (2, 1))
    unit[:, 2:] = np.eye(2)
    columns = problem.predict(unit).T
    mean, *_ = np.linalg.lstsq(columns, problem.observed, rcond=None)
    residual = problem.observed - columns @ mean
    freedom = 21.0  # 21 samples less two unknowns, and two for what is known of the noise
    variance = (residual @ residual + 2.0 * problem.noise**2) / (freedom - 2)
    expected = np.sqrt(variance * np.diag(np.linalg.inv(columns.T @ columns)))
    # 20 000 draws: half a per cent of an SD, four times that; a normal would be 5 % narrower
    np.testing.assert_allclose(theta[:, 2:].std(0), expected, rtol=0.02)
    np.testing.assert_allclose(theta[:, 2:].mean(0), mean, atol=0.03 * expected.max())


def grid_moments(problem: Problem, centre: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD of the four unknowns on a grid in the axes of the covariance."""
    line = np.linspace(-5.0, 5.0, 17)
    steps = np.stack([x.ravel() for x in np.meshgrid(*[line] * centre.size, indexing="ij")], -1)
    theta = centre + steps @ np.linalg.cholesky(covariance).T
    value = np.concatenate([log_posterior(problem, part) for part in np.array_split(theta, 40)])
    share = np.exp(value - value.max())
    share /= share.sum()
    mean = share @ theta
    return mean, np.sqrt(share @ (theta - mean) ** 2)


def test_draws_have_the_moments_of_the_posterior():
    problem = problem_of(ONE_COMPARTMENT, SINGLE, noise=1.0, tissue=2)
    found = modes(problem)
    draws = sampling.posterior(problem, found, np.random.default_rng(0))
    assert draws.shape == (sampling.DRAWS, 4)
    mean, sd = grid_moments(problem, *found[0])
    # draws worth 1000 independent ones: 0.03 SD of a mean and 2 to 3 % of an SD, four times that
    np.testing.assert_allclose((draws.mean(0) - mean) / sd, 0.0, atol=0.13)
    np.testing.assert_allclose(draws.std(0) / sd, 1.0, atol=0.12)


def exact(inputs: Inputs) -> Problem:
    """A curve that the model describes without misfit, so that data and not priors decide."""
    problem = problem_of(ONE_COMPARTMENT, inputs)
    count = problem.sources.count
    truth = unknowns(problem, BEST[0][: 1 + count], BEST[1][:count])
    return replace(problem, observed=problem.predict(truth[None])[0], noise=0.01)


def test_no_mode_of_the_inputs_moves_nothing():
    unchanged = replace(DUAL, modes=np.zeros((0, 2, DUAL.dense_times_s.size)))
    problem = problem_of(ONE_COMPARTMENT)
    theta = np.tile(unknowns(problem, *BEST), (10, 1))
    assert sampling.with_input_error(problem, theta[0], np.eye(theta.shape[1]), theta, unchanged) is theta


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_inputs_a_hundredth_higher_make_flows_a_hundredth_lower(inputs):
    both = [x for x in (inputs.dense_arterial, inputs.dense_portal) if x is not None]
    mode = 0.01 * np.stack([both[0], both[-1]])[None]
    problem = exact(inputs)
    best, covariance = modes(problem)[0]
    theta = np.tile(best, (sampling.DRAWS, 1))
    moved = sampling.with_input_error(problem, best, covariance, theta, replace(inputs, modes=mode))
    factor = np.exp(-0.01 * common_weights(sampling.DRAWS, 1)[:, 0])
    p, count = len(problem.chosen), problem.sources.count
    # the second order of a hundredth times four SDs, and the hold of the priors
    np.testing.assert_allclose(moved[:, p:-1] / best[p:-1], np.tile((factor / factor.mean())[:, None], count), atol=1e-3)
    assert np.abs(moved[:, :p] - best[:p]).max() < 0.01
    np.testing.assert_array_equal(moved[:, -1], theta[:, -1])


def test_an_input_that_comes_later_makes_its_delay_shorter():
    def later(curve: np.ndarray, by_s: float) -> np.ndarray:
        return np.interp(DUAL.dense_times_s - by_s, DUAL.dense_times_s, curve) - curve

    assert DUAL.dense_portal is not None
    mode = np.stack([later(DUAL.dense_arterial, 0.1), later(DUAL.dense_portal, 0.1)])[None]
    problem = exact(DUAL)
    best, covariance = modes(problem)[0]
    theta = np.tile(best, (sampling.DRAWS, 1))
    moved = sampling.with_input_error(problem, best, covariance, theta, replace(DUAL, modes=mode))
    weight = common_weights(sampling.DRAWS, 1)[:, 0]
    for delay in (1, 2):
        # first order: the second order and the hold of the prior leave a tenth
        assert np.polyfit(weight, moved[:, delay], 1)[0] == pytest.approx(-0.1, rel=0.1)


@pytest.mark.parametrize("inputs", [DUAL, SINGLE], ids=["dual", "single"])
def test_a_wild_shift_stays_possible(inputs):
    problem = problem_of(ONE_COMPARTMENT, inputs)
    count, p = problem.sources.count, len(problem.chosen)
    best = unknowns(problem, BEST[0][: 1 + count], BEST[1][:count])
    theta, shift = np.tile(best, (3, 1)), np.zeros((3, best.size))
    shift[1:, p] = 1000.0, -1000.0
    shift[1:, 0] = 50.0, -50.0
    moved = sampling._moved(problem, best, theta, shift)
    np.testing.assert_allclose(moved[1:, 0] - best[0], [problem.prior.spread[0], -problem.prior.spread[0]])
    total = moved[:, p:-1].sum(1)
    np.testing.assert_allclose(total / total.mean(), np.array([1.0, np.e, 1 / np.e]) / np.mean([1.0, np.e, 1 / np.e]))
    np.testing.assert_allclose(total.mean(), best[p:-1].sum())
    assert (moved[:, p:-1] >= 0).all()


def test_more_arterial_flow_alone_shifts_the_split():
    problem = problem_of(ONE_COMPARTMENT)
    best, p = unknowns(problem, *BEST), 3
    theta, shift = np.tile(best, (2, 1)), np.zeros((2, best.size))
    theta[1, p:-1] = 40.0, 60.0
    shift[:, p], shift[:, p + 1] = 5.0, -5.0  # total unchanged
    moved = sampling._moved(problem, best, theta, shift)
    np.testing.assert_allclose(moved[:, p:-1], [[25.0, 75.0], [45.0, 55.0]])


def test_without_flow_only_the_shape_moves():
    problem = problem_of(ONE_COMPARTMENT)
    best = unknowns(problem, BEST[0], (0.0, 0.0))
    shift = np.full((1, best.size), 0.1)
    moved = sampling._moved(problem, best, best[None], shift)
    np.testing.assert_allclose(moved[0, :3], best[:3] + 0.1)
    np.testing.assert_array_equal(moved[0, 3:], best[3:])
