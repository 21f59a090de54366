"""Draws from the posterior of one curve, and what the inputs' own uncertainty adds to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.dictionary import atoms, perturbed_sources
from hepaflow.kinetics.flows_above_zero import flows_above_zero
from hepaflow.kinetics.input_error import common_weights
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML
from hepaflow.kinetics.problem import NOISE_PRIOR_SAMPLES, Problem, log_posterior

FloatArray = npt.NDArray[np.float64]
#: Draws flows and baseline for shape rows, with their weight.
FlowDraws = Callable[[Problem, FloatArray, np.random.Generator], tuple[FloatArray, FloatArray]]

DRAWS = 2000
#: Most rounds after those of the modes.
ROUNDS = 8
#: Effective draws at which no further round is needed.
ENOUGH = 1000.0
#: Effective draws below which the draws say nothing.
FEW = 100.0
#: A draw with more of the weight than this marks a tail that the proposals miss.
LUCKY = 20.0 / DRAWS
#: Draws that say how wide such a tail is.
NEIGHBOURS = 400
#: Degrees of freedom of the proposals: tails heavier than the posterior's.
FREEDOM = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Proposal:
    """Student proposal for the shape on the search scale: ``centre`` (p,), lower Cholesky ``root`` (p, p)."""

    centre: FloatArray
    root: FloatArray

    def draw(self, size: int, rng: np.random.Generator) -> FloatArray:
        """Rows (size, p)."""
        normal = rng.standard_normal((size, self.centre.size))
        stretch = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, size))[:, None]
        return np.asarray(self.centre + (normal * stretch) @ self.root.T)

    def log_density(self, u: FloatArray) -> FloatArray:
        """Log density (s,) up to a constant common to all proposals."""
        radius = (np.linalg.solve(self.root, (u - self.centre).T) ** 2).sum(0)
        return np.asarray(-0.5 * (FREEDOM + self.centre.size) * np.log1p(radius / FREEDOM) - np.log(np.diag(self.root)).sum())


def posterior(problem: Problem, modes: list[tuple[FloatArray, FloatArray]], rng: np.random.Generator) -> FloatArray:
    """Equally weighted draws (DRAWS, p + linear) by importance sampling; their flows are never below zero.

    The shape comes from Student proposals, one a mode and then one a round until the draws are worth ENOUGH independent ones; flows and
    baseline come from their conditional posterior given the shape, which follows the curved valley between flow and transit time exactly.
    Weights are taken against the mixture of all rounds, so a poor round costs draws but never sets the answer. Where that conditional
    lies below zero (a curve that falls) fewer than FEW draws would count: then total flow is drawn by its logarithm.
    """
    p = len(problem.chosen)
    proposals = [_Proposal(best[:p], _root(2.0 * covariance[:p, :p])) for best, covariance in modes]
    theta, share = _rounds(problem, proposals, floor=1e-3 * modes[0][1][:p, :p], flows=_flows_given_shape, rng=rng)
    if not 0.0 < share @ share <= 1.0 / FEW:
        # without flow the curve says little of the shape, so its prior is where to look
        proposals = [_Proposal(problem.prior.centre, np.diag(problem.prior.spread)), *proposals]
        floor = np.diag((0.1 * problem.prior.spread) ** 2)
        theta, share = _rounds(problem, proposals, floor=floor, flows=flows_above_zero, rng=rng)
    return theta[_systematic(share, DRAWS, rng)]


def _rounds(
    problem: Problem, modes: list[_Proposal], *, floor: FloatArray, flows: FlowDraws, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draws (s, p + linear) and their weights (s,), which sum to one, or to zero where no draw of the first rounds is possible."""
    p = len(problem.chosen)
    proposals = list(modes)
    theta, target = flows(problem, proposals[0].draw(DRAWS, rng), rng)
    for number in range(1, len(modes) + ROUNDS + 1):
        share = np.zeros(target.size)
        if np.isfinite(target).any():
            mixture = np.logaddexp.reduce([q.log_density(theta[:, :p]) for q in proposals[:number]], axis=0)
            share = np.exp(target - mixture - (target - mixture).max())
            share /= share.sum()
        if number >= len(modes):
            if not share.any() or share @ share <= 1.0 / ENOUGH or number == len(modes) + ROUNDS:
                break
            proposals.append(_next_proposal(theta[:, :p], share, floor))
        more, aimed = flows(problem, proposals[number].draw(DRAWS, rng), rng)
        theta, target = np.concatenate([theta, more]), np.concatenate([target, aimed])
    return theta, share


def _next_proposal(every: FloatArray, share: FloatArray, floor: FloatArray) -> _Proposal:
    """Where to draw next from shapes (s, p) and their weights (s,).

    Usually the moments of all draws. Where one draw holds more than LUCKY the posterior has a tail that no proposal reaches: then a
    proposal around that draw, as wide as its neighbours lie (incremental mixture importance sampling, Raftery and Bao 2010).
    """
    held = np.minimum(share, LUCKY)  # one lucky draw must not set the moments
    held /= held.sum()
    centre = held @ every
    deviation = every - centre
    covariance = (deviation * held[:, None]).T @ deviation + floor
    top = int(share.argmax())
    if share[top] > LUCKY:
        centre = every[top]
        distance = (np.linalg.solve(_root(covariance), (every - centre).T) ** 2).sum(0)
        near = np.argsort(distance, kind="stable")[:NEIGHBOURS]
        local = held[near] + 1.0 / share.size
        deviation = every[near] - centre
        covariance = (deviation * (local / local.sum())[:, None]).T @ deviation + floor
    return _Proposal(centre, _root(1.2 * covariance))


def _flows_given_shape(problem: Problem, u: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One draw of flows and baseline for each shape row (s, p), and its log posterior less the log density (s,) it was drawn with."""
    table = atoms(problem.model, problem.sources, problem.times_s, problem.values(u)) / FLOW_PER_MIN_100_ML
    columns = np.concatenate([table, np.ones((1, *table.shape[1:]))]).transpose(1, 0, 2)
    normal = columns @ columns.transpose(0, 2, 1)
    scale = np.sqrt(np.einsum("sqq->sq", normal))
    scale[scale == 0.0] = 1.0  # arrives after the last sample: whatever flow
    normal /= scale[:, :, None] * scale[:, None, :]
    normal += 1e-9 * np.eye(problem.linear)
    right = columns @ problem.observed / scale
    mean = np.linalg.solve(normal, right[..., None])[..., 0]
    squares = (
        np.maximum(problem.observed @ problem.observed - np.einsum("sq,sq->s", mean, right), 0.0)
        + NOISE_PRIOR_SAMPLES * problem.noise**2
    )
    freedom = problem.times_s.size - problem.linear + NOISE_PRIOR_SAMPLES
    root = np.linalg.cholesky(normal)
    sigma = np.sqrt(squares / freedom)
    draws = rng.standard_normal(mean.shape) * np.sqrt(freedom / rng.chisquare(freedom, len(u)))[:, None]
    linear = (mean + sigma[:, None] * np.linalg.solve(root.transpose(0, 2, 1), draws[..., None])[..., 0]) / scale
    density = -0.5 * (freedom + problem.linear) * np.log1p((draws**2).sum(1) / freedom)
    density += np.log(np.einsum("sqq->sq", root)).sum(1) - problem.linear * np.log(sigma) + np.log(scale).sum(1)
    theta = np.concatenate([u, linear], axis=1)
    predicted = (linear[:, None, :] @ columns)[:, 0]
    return theta, log_posterior(problem, theta, predicted) - density


def _root(matrix: FloatArray) -> FloatArray:
    """Lower Cholesky factor of a covariance that may be nearly singular."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    correlation = matrix / np.outer(scale, scale)
    for jitter in (0.0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2):
        try:
            return scale[:, None] * np.linalg.cholesky(correlation + jitter * np.eye(len(scale)))
        except np.linalg.LinAlgError:
            continue
    return np.diag(scale)


def _systematic(share: FloatArray, size: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Indices of ``size`` equally weighted draws, in random order so that draws of different regions are independent."""
    positions = (rng.random() + np.arange(size)) / size
    edges = np.cumsum(share)
    picks = np.minimum(np.searchsorted(edges, positions * edges[-1]), share.size - 1)
    return rng.permutation(picks)


def with_input_error(problem: Problem, best: FloatArray, covariance: FloatArray, theta: FloatArray, inputs: Inputs) -> FloatArray:
    """Draws moved by what a perturbed input would have changed (linear in the perturbation, common to all regions)."""
    if inputs.modes.shape[0] == 0:
        return theta
    p = len(problem.chosen)
    base = problem.predict(best[None])[0]
    shifts = np.empty((inputs.modes.shape[0], base.size))
    for m, changed in enumerate(perturbed_sources(inputs)):
        shifts[m] = replace(problem, sources=changed).predict(best[None])[0] - base
    residual = problem.observed - base
    # the noise that the covariance was made with, its floor included: another one would scale every shift
    sigma2 = max(float(residual @ residual) / max(base.size - best.size, 1), (0.5 * problem.noise) ** 2)
    eps = 1e-5
    moved = np.repeat(best[None], p, 0)
    moved[np.arange(p), np.arange(p)] += eps
    shape = (problem.predict(moved) - base) / eps
    flows = atoms(problem.model, problem.sources, problem.times_s, problem.values(best[None, :p]))[:, 0] / FLOW_PER_MIN_100_ML
    jacobian = np.concatenate([shape, flows, np.ones((1, base.size))])
    gain = covariance @ jacobian / sigma2
    response = -shifts @ gain.T
    return _moved(problem, best, theta, common_weights(theta.shape[0], inputs.modes.shape[0]) @ response)


def _moved(problem: Problem, best: FloatArray, theta: FloatArray, shift: FloatArray) -> FloatArray:
    """Draws plus a linear shift, carried over so that it stays sensible when large: total flow by its logarithm, its split and the
    shape additively, each within what its bounds and prior leave possible.
    """
    p = len(problem.chosen)
    out = theta.copy()
    spread = problem.prior.spread
    out[:, :p] += np.clip(shift[:, :p], -spread, spread)
    total = best[p:-1].sum()
    if not total > 0:
        return out
    flow = theta[:, p:-1].sum(1)
    flow_shift = shift[:, p:-1].sum(1)
    share = theta[:, p] / np.maximum(flow, 1e-12)
    share_shift = (shift[:, p] - best[p] / total * flow_shift) / total
    factor = np.exp(np.clip(flow_shift / total, -1.0, 1.0))
    flow = flow * factor / factor.mean()  # a shift that is zero on average leaves the mean where it was
    share = np.clip(share + share_shift, 0.0, 1.0)
    out[:, p] = flow * share if problem.sources.count == 2 else flow
    if problem.sources.count == 2:
        out[:, p + 1] = flow * (1.0 - share)
    return out
