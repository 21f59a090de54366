"""The posterior's modes: dictionary start, then bounded least squares from several seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from hepaflow.kinetics.dictionary import atoms, draw
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML
from hepaflow.kinetics.problem import Problem, log_posterior, surprise

FloatArray = npt.NDArray[np.float64]

DICTIONARY_ROWS = 4096
SEEDS = 4
#: A local optimum this far in log probability below the best is no mode of interest.
LIKELY = 8.0


def modes(problem: Problem) -> list[tuple[FloatArray, FloatArray]]:
    """The posterior's modes, best first: unknowns (p + linear,) and their covariance."""
    p = len(problem.chosen)
    rows = draw(problem.chosen, DICTIONARY_ROWS, centre=problem.prior.centre, spread=1.2 * problem.prior.spread)
    flows, baseline, misfit = _project(problem, rows)
    degrees = max(problem.times_s.size - p - problem.linear, 1)
    sigma = np.sqrt(max(misfit.min() / degrees, problem.noise**2))
    u = np.stack([q.to_scale(rows[:, j]) for j, q in enumerate(problem.chosen)], -1)
    score = misfit / sigma**2 + (((u - problem.prior.centre) / problem.prior.spread) ** 2).sum(1)
    score += (surprise(problem, np.concatenate([u, flows, baseline[:, None]], 1)) ** 2).sum(1)
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
        found.append((float(log_posterior(problem, x[None])[0]), x, covariance))
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
        return np.concatenate([data, (theta[:p] - problem.prior.centre) / problem.prior.spread, surprise(problem, theta[None])[0]])

    def jacobian(theta: FloatArray) -> FloatArray:
        rows = atoms(problem.model, problem.sources, problem.times_s, problem.values(theta[None, :p])) / FLOW_PER_MIN_100_ML
        steps = np.where(theta[:p] + 1e-5 <= upper[:p], 1e-5, -1e-5)
        moved = np.repeat(theta[None], p, 0)
        moved[np.arange(p), np.arange(p)] += steps
        shape = (problem.predict(moved) - problem.predict(theta[None])) / steps[:, None]
        data = np.concatenate([shape, rows[:, 0], np.ones((1, problem.times_s.size))]).T / sigma
        step = 1e-5 * np.maximum(np.abs(theta), 1.0)
        nudged = surprise(problem, theta + np.diag(step)) - surprise(problem, theta[None])
        return np.concatenate([data, np.eye(p, theta.size) / problem.prior.spread[:, None], nudged.T / step])

    inside = np.clip(start, lower + 1e-9, upper - 1e-9)
    return least_squares(
        residual, inside, jac=jacobian, bounds=(lower, upper), x_scale="jac", max_nfev=60, xtol=1e-10, ftol=1e-10, gtol=1e-10
    )
