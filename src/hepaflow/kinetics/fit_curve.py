"""Exact fit of one curve: dictionary start, bounded least squares from several seeds, then the posterior by adaptive importance sampling.

The unknowns are the model's shape, one delay an input, the flows and a free baseline. The noise level is not assumed: it is
integrated out (Student likelihood), so that residual motion and model misfit widen the interval. The inputs' own uncertainty is
propagated draw by draw with the same input perturbations for every region, so that ratios of regions have the right covariance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics.convolve import DenseInput
from hepaflow.kinetics.dictionary import Sources, atoms, draw, parameters, prior_of
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, KineticModel, Parameter
from hepaflow.units import QUANTITIES, per_100_g

FloatArray = npt.NDArray[np.float64]

DICTIONARY_ROWS = 8192
SEEDS = 4
DRAWS = 2000
ROUNDS = 4
#: A local optimum this far in log probability below the best is no mode of interest.
LIKELY = 8.0
#: Degrees of freedom of the proposals: tails heavier than the posterior's.
FREEDOM = 5.0
#: Prior of total flow, log-normal, and even in the arterial fraction: mL/min/100 mL, spread of its logarithm.
FLOW_CENTRE, FLOW_SPREAD = 90.0, 1.0
#: Weight of the noise estimate from the samples' standard errors, in pseudo-samples.
NOISE_PRIOR_SAMPLES = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Normal prior on the search scale, ``centre`` and ``spread`` (p,)."""

    centre: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One curve with everything a fit needs; ``observed`` (n,) are the finite samples at ``times_s`` (n,)."""

    model: KineticModel
    chosen: tuple[Parameter, ...]
    sources: Sources
    times_s: FloatArray
    observed: FloatArray
    noise: float
    prior: Prior

    @property
    def linear(self) -> int:
        """Number of linear unknowns: one flow an input and the baseline."""
        return self.sources.count + 1

    def values(self, u: FloatArray) -> FloatArray:
        """Search-scale rows (s, p) in the parameters' own units, held inside bounds."""
        columns = [np.clip(p.from_scale(u[:, j]), *p.bounds) for j, p in enumerate(self.chosen)]
        return np.stack(columns, -1)

    def predict(self, theta: FloatArray) -> FloatArray:
        """Curves (s, n) for unknowns ``theta`` (s, p + linear): search-scale parameters, flows in mL/min/100 mL, baseline."""
        p = len(self.chosen)
        rows = atoms(self.model, self.sources, self.times_s, self.values(theta[:, :p])) / FLOW_PER_MIN_100_ML
        return np.asarray(np.einsum("qsn,sq->sn", rows, theta[:, p:-1]) + theta[:, -1:])


def fit_curve(
    curve: TimeCurve,
    inputs: Inputs,
    *,
    model: KineticModel,
    density_g_ml: float,
    voxels: int = 0,
    prior: Prior | None = None,
    seed: int = 0,
) -> Measurement:
    """Parameters of ``curve`` (n samples in HU, NaN = missing) with posterior mean, SD and joint draws.

    Quantities per 100 g use ``density_g_ml``. Refused: fewer than 8 finite samples. ``prior`` replaces the broad physiological one.
    """
    usable = np.isfinite(curve.values)
    sources = Sources.of(inputs)
    chosen = parameters(model, sources.count)
    needed = len(chosen) + sources.count + 2
    if usable.sum() < needed:
        raise InputRefused(
            "CURVE-TOO-SHORT", f"curve {curve.name!r} has fewer than {needed} valid samples", "Give a longer or more complete curve"
        )
    observed, times = curve.values[usable], curve.times_s[usable]
    noise = _noise_guess(curve, usable)
    prior = prior or Prior(*prior_of(chosen))
    problem = Problem(model, chosen, sources, times, observed, noise, prior)
    modes = _search(problem)
    best, covariance = modes[0]
    theta = _posterior(problem, modes, np.random.default_rng(seed))
    theta = _with_input_error(problem, best, covariance, theta, inputs)
    return _measurement(problem, best, theta, curve=curve, density=density_g_ml, voxels=voxels)


def _noise_guess(curve: TimeCurve, usable: npt.NDArray[np.bool_]) -> float:
    scale = float(np.nanmax(np.abs(curve.values - curve.values[usable][0]))) or 1.0
    floor = 2e-4 * scale  # no measured curve is better than this; keeps a noise-free one well posed
    if curve.sd is None:
        return floor
    return max(floor, float(np.sqrt(np.nanmean(curve.sd[usable] ** 2))))


def _search(problem: Problem) -> list[tuple[FloatArray, FloatArray]]:
    """The posterior's modes, best first: unknowns (p + linear,) and their covariance."""
    p = len(problem.chosen)
    rows = draw(problem.chosen, DICTIONARY_ROWS, centre=problem.prior.centre, spread=1.2 * problem.prior.spread)
    flows, baseline, misfit = _project(problem, rows)
    degrees = max(problem.times_s.size - p - problem.linear, 1)
    sigma = np.sqrt(max(misfit.min() / degrees, problem.noise**2))
    u = np.stack([q.to_scale(rows[:, j]) for j, q in enumerate(problem.chosen)], -1)
    score = misfit / sigma**2 + (((u - problem.prior.centre) / problem.prior.spread) ** 2).sum(1)
    found: list[tuple[float, FloatArray, FloatArray]] = []
    for start in _apart(u, np.argsort(score, kind="stable"), problem.prior.spread):
        x = np.concatenate([u[start], np.maximum(flows[start], 1e-3), baseline[start : start + 1]])
        sigma_here = float(sigma)
        for _ in range(2):
            refined = _refine(problem, x, sigma_here)
            x = refined.x
            residual = problem.observed - problem.predict(x[None])[0]
            sigma_here = float(np.sqrt(max((residual @ residual) / degrees, (0.5 * problem.noise) ** 2)))
        covariance = np.linalg.pinv(refined.jac.T @ refined.jac, rcond=1e-12, hermitian=True)
        found.append((float(_log_posterior(problem, x[None])[0]), x, covariance))
    found.sort(key=lambda mode: -mode[0])
    kept = [found[0]]
    for mode in found[1:]:
        far = all(np.abs((mode[1] - other[1])[:p] / problem.prior.spread).max() > 0.3 for other in kept)
        if far and mode[0] > found[0][0] - LIKELY:
            kept.append(mode)
    return [(x, covariance) for _, x, covariance in kept]


def _project(problem: Problem, rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Best non-negative flows (s, q), baseline (s,) and sum of squares (s,) for each parameter row, the baseline projected out."""
    table = atoms(problem.model, problem.sources, problem.times_s, rows) / FLOW_PER_MIN_100_ML
    y = problem.observed - problem.observed.mean()
    centred = table - table.mean(-1, keepdims=True)
    gram = np.einsum("qsn,rsn->sqr", centred, centred)
    right = np.einsum("qsn,n->sq", centred, y)
    single = np.maximum(right / np.maximum(np.einsum("sqq->sq", gram), 1e-300), 0.0)
    gain = single * right
    flows = np.zeros_like(right)
    pick = gain.argmax(1)
    index = np.arange(len(rows))
    flows[index, pick] = single[index, pick]
    best = gain[index, pick]
    if problem.sources.count == 2:
        determinant = np.maximum(gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2, 1e-300)
        both = np.stack(
            [
                (gram[:, 1, 1] * right[:, 0] - gram[:, 0, 1] * right[:, 1]) / determinant,
                (gram[:, 0, 0] * right[:, 1] - gram[:, 0, 1] * right[:, 0]) / determinant,
            ],
            -1,
        )
        inside = (both > 0).all(1)
        flows[inside] = both[inside]
        best = np.where(inside, (both * right).sum(1), best)
    baseline = problem.observed.mean() - np.einsum("sq,qs->s", flows, table.mean(-1))
    return flows, baseline, np.maximum(y @ y - best, 0.0)


def _apart(u: FloatArray, order: npt.NDArray[np.intp], spread: FloatArray) -> list[int]:
    """The best rows that are not each other's neighbours."""
    kept: list[int] = []
    for row in order[:400]:
        if all(np.abs((u[row] - u[other]) / spread).max() > 0.5 for other in kept):
            kept.append(int(row))
        if len(kept) == SEEDS:
            break
    return kept


def _refine(problem: Problem, start: FloatArray, sigma: float) -> Any:
    """Bounded least squares on data and prior residuals from one start."""
    p = len(problem.chosen)
    lower = np.concatenate([[float(q.to_scale(q.bounds[0])) for q in problem.chosen], np.zeros(problem.sources.count), [-np.inf]])
    upper = np.concatenate([[float(q.to_scale(q.bounds[1])) for q in problem.chosen], np.full(problem.linear, np.inf)])

    def residual(theta: FloatArray) -> FloatArray:
        data = (problem.predict(theta[None])[0] - problem.observed) / sigma
        return np.concatenate([data, (theta[:p] - problem.prior.centre) / problem.prior.spread])

    def jacobian(theta: FloatArray) -> FloatArray:
        rows = atoms(problem.model, problem.sources, problem.times_s, problem.values(theta[None, :p])) / FLOW_PER_MIN_100_ML
        steps = np.where(theta[:p] + 1e-5 <= upper[:p], 1e-5, -1e-5)
        moved = np.repeat(theta[None], p, 0)
        moved[np.arange(p), np.arange(p)] += steps
        shape = (problem.predict(moved) - problem.predict(theta[None])) / steps[:, None]
        data = np.concatenate([shape, rows[:, 0], np.ones((1, problem.times_s.size))]).T / sigma
        return np.concatenate([data, np.eye(p, theta.size) / problem.prior.spread[:, None]])

    inside = np.clip(start, lower + 1e-9, upper - 1e-9)
    return least_squares(
        residual, inside, jac=jacobian, bounds=(lower, upper), x_scale="jac", max_nfev=60, xtol=1e-10, ftol=1e-10, gtol=1e-10
    )


def _log_posterior(problem: Problem, theta: FloatArray) -> FloatArray:
    """Log posterior (s,) up to a constant, noise level integrated out; -inf outside bounds."""
    p = len(problem.chosen)
    residual = problem.observed - problem.predict(theta)
    n = problem.times_s.size
    # Jeffreys in the noise level; a few pseudo-samples carry what is known of the noise
    squares = np.einsum("sn,sn->s", residual, residual) + NOISE_PRIOR_SAMPLES * problem.noise**2
    value = -0.5 * (n - problem.linear + NOISE_PRIOR_SAMPLES) * np.log(squares)
    value -= 0.5 * (((theta[:, :p] - problem.prior.centre) / problem.prior.spread) ** 2).sum(1)
    flow = np.maximum(theta[:, p:-1].sum(1), 1e-9)
    value -= 0.5 * (np.log(flow / FLOW_CENTRE) / FLOW_SPREAD) ** 2 + problem.sources.count * np.log(flow)
    outside = (theta[:, p:-1] < 0).any(1)
    for j, q in enumerate(problem.chosen):
        low, high = (float(q.to_scale(bound)) for bound in q.bounds)
        outside |= (theta[:, j] < low) | (theta[:, j] > high)
    return np.where(outside, -np.inf, value)


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


def _posterior(problem: Problem, modes: list[tuple[FloatArray, FloatArray]], rng: np.random.Generator) -> FloatArray:
    """Equally weighted draws (DRAWS, p + linear) by importance sampling.

    The shape comes from Student proposals, one a mode and then adapted in a few rounds; flows and baseline come from their conditional posterior given the
    shape, which follows the curved valley between flow and transit time exactly. Weights are taken against the mixture of all rounds,
    so a poor round costs draws but never sets the answer.
    """
    p = len(problem.chosen)
    proposals = [_Proposal(best[:p], _root(2.0 * covariance[:p, :p])) for best, covariance in modes]
    floor = 1e-3 * modes[0][1][:p, :p]
    shapes, thetas, targets = [], [], []
    share = np.empty(0)
    for number in range(len(modes) + ROUNDS):
        u = proposals[number].draw(DRAWS, rng)
        theta, conditional = _flows_given_shape(problem, u, rng)
        shapes.append(u)
        thetas.append(theta)
        targets.append(_log_posterior(problem, theta) - conditional)
        every = np.concatenate(shapes)
        mixture = np.logaddexp.reduce([q.log_density(every) for q in proposals[: number + 1]], axis=0)
        weight = np.concatenate(targets) - mixture
        share = np.exp(weight - weight.max())
        share /= share.sum()
        if number < len(modes) - 1:
            continue
        held = np.minimum(share, 20.0 / DRAWS)  # one lucky draw must not set the next proposal
        held /= held.sum()
        centre = held @ every
        deviation = every - centre
        proposals.append(_Proposal(centre, _root(1.2 * (deviation * held[:, None]).T @ deviation + floor)))
    return np.concatenate(thetas)[_systematic(share, DRAWS, rng)]


def _flows_given_shape(problem: Problem, u: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One draw of flows and baseline for each shape row (s, p), and the log density (s,) it was drawn with."""
    table = atoms(problem.model, problem.sources, problem.times_s, problem.values(u)) / FLOW_PER_MIN_100_ML
    columns = np.concatenate([table, np.ones((1, *table.shape[1:]))])
    normal = np.einsum("qsn,rsn->sqr", columns, columns)
    scale = np.sqrt(np.einsum("sqq->sq", normal))
    normal /= scale[:, :, None] * scale[:, None, :]
    normal += 1e-9 * np.eye(problem.linear)
    right = np.einsum("qsn,n->sq", columns, problem.observed) / scale
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
    return np.concatenate([u, linear], axis=1), density


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


def _with_input_error(problem: Problem, best: FloatArray, covariance: FloatArray, theta: FloatArray, inputs: Inputs) -> FloatArray:
    """Draws moved by what a perturbed input would have changed (linear in the perturbation, common to all regions)."""
    if inputs.modes.shape[0] == 0:
        return theta
    p = len(problem.chosen)
    base = problem.predict(best[None])[0]
    shifts = np.empty((inputs.modes.shape[0], base.size))
    for m, mode in enumerate(inputs.modes):
        arterial = DenseInput.of(inputs.dense_times_s, inputs.dense_arterial + mode[0])
        portal = None if inputs.dense_portal is None else DenseInput.of(inputs.dense_times_s, inputs.dense_portal + mode[1])
        shifts[m] = replace(problem, sources=Sources(arterial, portal)).predict(best[None])[0] - base
    residual = problem.observed - base
    sigma2 = max(float(residual @ residual) / max(base.size - best.size, 1), problem.noise**2)
    eps = 1e-5
    moved = np.repeat(best[None], p, 0)
    moved[np.arange(p), np.arange(p)] += eps
    shape = (problem.predict(moved) - base) / eps
    flows = atoms(problem.model, problem.sources, problem.times_s, problem.values(best[None, :p]))[:, 0] / FLOW_PER_MIN_100_ML
    jacobian = np.concatenate([shape, flows, np.ones((1, base.size))])
    gain = covariance @ jacobian / sigma2
    response = -shifts @ gain.T
    common = np.random.default_rng(68).standard_normal((theta.shape[0], inputs.modes.shape[0]))
    return _moved(problem, best, theta, common @ response)


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
    flow = flow * np.exp(np.clip(flow_shift / total, -1.0, 1.0))
    share = np.clip(share + share_shift, 0.0, 1.0)
    out[:, p] = flow * share if problem.sources.count == 2 else flow
    if problem.sources.count == 2:
        out[:, p + 1] = flow * (1.0 - share)
    return out


def _measurement(
    problem: Problem, best: FloatArray, theta: FloatArray, *, curve: TimeCurve, density: float, voxels: int
) -> Measurement:
    p = len(problem.chosen)
    shapes = len(problem.model.shape)
    draws = quantities(problem.model, problem.values(theta[:, :p])[:, :shapes], theta[:, p:-1], density)
    residual = problem.observed - problem.predict(best[None])[0]
    fit = np.full(curve.times_s.size, np.nan)
    finite = np.isfinite(curve.values)
    fit[finite] = problem.observed - residual
    baseline = best[-1]
    n, unknowns = problem.observed.size, best.size
    squares = float(residual @ residual)
    spread = problem.observed - problem.observed.mean()
    r2 = 1.0 - squares / float(spread @ spread) if float(spread @ spread) > 0 else float("nan")
    names = ("arterial", "portal")
    return Measurement(
        region=curve.name,
        voxels=voxels,
        parameters={key: Estimate(float(x.mean()), float(x.std(ddof=1))) for key, x in draws.items()},
        samples=draws,
        curve_hu=curve.values - baseline,
        fit_hu=fit - baseline,
        delays_s={names[i]: float(best[shapes + i]) for i in range(problem.sources.count)},
        r2=r2,
        aic=n * float(np.log(max(squares / n, 1e-300))) + 2 * (unknowns + 1),
        residual_sd=float(np.sqrt(squares / max(n - unknowns, 1))),
        flags=_flags(problem, best, r2),
        shape={q.key: float(x) for q, x in zip(problem.chosen, problem.values(best[None, :p])[0], strict=True)},
        flows_ml_min_100_ml={names[i]: float(best[p + i]) for i in range(problem.sources.count)},
    )


def quantities(model: KineticModel, shape: FloatArray, flows: FloatArray, density_g_ml: float) -> dict[str, FloatArray]:
    """All quantities of a model (s,) in contract units from shape rows and flows (s, inputs) in mL/min/100 mL."""
    flow = flows.sum(1)
    found = {"bf": flow, **model.derive(flow, shape)}
    if flows.shape[1] == 2:
        found |= {"habf": flows[:, 0], "hpbf": flows[:, 1], "haf": flows[:, 0] / np.maximum(flow, 1e-12)}
    ordered = {key: found[key] for key in model.quantities if key in found}
    return {key: per_100_g(x, density_g_ml) if QUANTITIES[key].per_mass else x for key, x in ordered.items()}


def _flags(problem: Problem, best: FloatArray, r2: float) -> tuple[str, ...]:
    flags = []
    if not r2 > 0.5:
        flags.append("fit-poor")
    for j, q in enumerate(problem.chosen):
        low, high = (float(q.to_scale(bound)) for bound in q.bounds)
        if min(best[j] - low, high - best[j]) < 1e-3 * (high - low):
            flags.append("fit-at-bound")
            break
    return tuple(flags)
