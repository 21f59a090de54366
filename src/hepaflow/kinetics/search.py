"""The posterior's modes: dictionary start, then bounded least squares from several seeds."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from hepaflow.kinetics.dictionary import Sources, atoms, draw
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, Parameter, ResidueModel
from hepaflow.kinetics.problem import Problem, log_posterior, scale_bounds, surprise

FloatArray = npt.NDArray[np.float64]

DICTIONARY_ROWS = 2048
#: Samples on which the dictionary is compared, at least.
FEW_SAMPLES = 60
SEEDS = 4
#: A response of less than this share of the largest, in squares, arrives after the last sample: no flow can be read from it.
UNSEEN = 1e-12
#: A local optimum this far in log probability below the best is no mode of interest.
LIKELY = 8.0


def modes(problem: Problem) -> list[tuple[FloatArray, FloatArray]]:
    """The posterior's modes, best first: unknowns (p + linear,) and their covariance."""
    p = len(problem.chosen)
    degrees = max(problem.times_s.size - p - problem.linear, 1)
    starts, sigma = _starts(problem, degrees)
    near = [(x, _sigma(problem, x, degrees)) for x in (_refine(problem, start, sigma, tolerance=1e-4).x for start in starts)]
    found = []
    for x, sigma_here in _likely(problem, near):
        refined = _refine(problem, x, sigma_here, tolerance=1e-8)
        covariance = np.linalg.pinv(refined.jac.T @ refined.jac, rcond=1e-12, hermitian=True)
        found.append((refined.x, _sigma(problem, refined.x, degrees), covariance))
    kept = _likely(problem, [(x, sigma_here) for x, sigma_here, _ in found])
    return [(x, next(covariance for other, _, covariance in found if other is x)) for x, _ in kept]


def _starts(problem: Problem, degrees: int) -> tuple[list[FloatArray], float]:
    """Unknowns (p + linear,) of the dictionary's best rows that are not neighbours, and the noise SD that the best row leaves."""
    # as many samples as tell a bolus from a later one are enough to choose a start
    thin = max(1, problem.times_s.size // FEW_SAMPLES)
    scouted = replace(problem, times_s=problem.times_s[::thin], observed=problem.observed[::thin])
    rows, table = _scouts(
        problem.model,
        problem.chosen,
        problem.sources,
        *(tuple(x) for x in (scouted.times_s, problem.prior.centre, problem.prior.spread)),
    )
    flows, baseline, misfit = _project(scouted, table)
    sigma = float(np.sqrt(max(misfit.min() * thin / degrees, problem.noise**2)))
    u = np.stack([q.to_scale(rows[:, j]) for j, q in enumerate(problem.chosen)], -1)
    score = misfit * thin / sigma**2 + (((u - problem.prior.centre) / problem.prior.spread) ** 2).sum(1)
    score += (surprise(problem, np.concatenate([u, flows, baseline[:, None]], 1)) ** 2).sum(1)
    picks = _apart(u, np.argsort(score, kind="stable"), problem.prior.spread)
    return [np.concatenate([u[i], np.maximum(flows[i], 1e-3), baseline[i : i + 1]]) for i in picks], sigma


@lru_cache(maxsize=4)
def _scouts(
    model: ResidueModel,
    chosen: tuple[Parameter, ...],
    sources: Sources,
    times_s: tuple[float, ...],
    centre: tuple[float, ...],
    spread: tuple[float, ...],
) -> tuple[FloatArray, FloatArray]:
    """Parameter rows (s, p) and their responses (inputs, s, n): the same for all regions that share inputs, times and prior."""
    rows = draw(chosen, DICTIONARY_ROWS, centre=np.array(centre), spread=1.2 * np.array(spread))
    table = atoms(model, sources, np.array(times_s), rows) / FLOW_PER_MIN_100_ML
    for shared in (rows, table):
        shared.setflags(write=False)
    return rows, table


def _sigma(problem: Problem, x: FloatArray, degrees: int) -> float:
    """Noise SD that unknowns ``x`` leave, not below half of what is known of it."""
    residual = problem.observed - problem.predict(x[None])[0]
    return float(np.sqrt(max((residual @ residual) / degrees, (0.5 * problem.noise) ** 2)))


def _likely(problem: Problem, found: list[tuple[FloatArray, float]]) -> list[tuple[FloatArray, float]]:
    """Those that are neither neighbours of a better one nor far less probable than the best, best first."""
    p = len(problem.chosen)
    value = log_posterior(problem, np.stack([x for x, _ in found]))
    kept: list[tuple[FloatArray, float]] = []
    for i in np.argsort(-value, kind="stable"):
        far = all(np.abs((found[i][0] - other)[:p] / problem.prior.spread).max() > 0.3 for other, _ in kept)
        if far and value[i] > value.max() - LIKELY:
            kept.append(found[i])
    return kept


def _project(problem: Problem, table: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Best non-negative flows (s, q), baseline (s,) and sum of squares (s,) for each response of ``table`` (q, s, n), the baseline projected out."""
    y = problem.observed - problem.observed.mean()
    centred = table - table.mean(-1, keepdims=True)
    gram = np.einsum("qsn,rsn->sqr", centred, centred)
    right = np.einsum("qsn,n->sq", centred, y)
    square = np.einsum("sqq->sq", gram)
    seen = square > UNSEEN * square.max(0)
    single = np.where(seen, np.maximum(right / np.where(seen, square, 1.0), 0.0), 0.0)
    gain = single * right
    flows = np.zeros_like(right)
    pick = gain.argmax(1)
    index = np.arange(len(right))
    flows[index, pick] = single[index, pick]
    best = gain[index, pick]
    if problem.sources.count == 2:
        determinant = square.prod(1) - gram[:, 0, 1] ** 2
        apart = seen.all(1) & (determinant > UNSEEN * square.prod(1))
        both = (
            np.stack(
                [
                    (gram[:, 1, 1] * right[:, 0] - gram[:, 0, 1] * right[:, 1]),
                    (gram[:, 0, 0] * right[:, 1] - gram[:, 0, 1] * right[:, 0]),
                ],
                -1,
            )
            / np.where(apart, determinant, 1.0)[:, None]
        )
        inside = apart & (both > 0).all(1)
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


def _refine(problem: Problem, start: FloatArray, sigma: float, *, tolerance: float) -> Any:
    """Bounded least squares on data and prior residuals from one start."""
    p = len(problem.chosen)
    low, high = scale_bounds(problem.chosen)
    lower = np.concatenate([low, np.zeros(problem.sources.count), [-np.inf]])
    upper = np.concatenate([high, np.full(problem.linear, np.inf)])

    def residual(theta: FloatArray) -> FloatArray:
        data = (problem.predict(theta[None])[0] - problem.observed) / sigma
        return np.concatenate([data, (theta[:p] - problem.prior.centre) / problem.prior.spread, surprise(problem, theta[None])[0]])

    def jacobian(theta: FloatArray) -> FloatArray:
        steps = np.where(theta[:p] + 1e-5 <= upper[:p], 1e-5, -1e-5)
        moved = np.repeat(theta[None, :p], p + 1, 0)
        moved[np.arange(p), np.arange(p)] += steps
        rows = atoms(problem.model, problem.sources, problem.times_s, problem.values(moved)) / FLOW_PER_MIN_100_ML
        shape = np.einsum("qsn,q->sn", rows[:, :p] - rows[:, p:], theta[p:-1]) / steps[:, None]
        data = np.concatenate([shape, rows[:, p], np.ones((1, problem.times_s.size))]).T / sigma
        step = 1e-5 * np.maximum(np.abs(theta), 1.0)
        nudged = surprise(problem, np.concatenate([theta + np.diag(step), theta[None]]))
        return np.concatenate([data, np.eye(p, theta.size) / problem.prior.spread[:, None], (nudged[:-1] - nudged[-1:]).T / step])

    inside = np.clip(start, lower + 1e-9, upper - 1e-9)
    return least_squares(
        residual,
        inside,
        jac=jacobian,
        bounds=(lower, upper),
        x_scale="jac",
        max_nfev=60,
        xtol=tolerance,
        ftol=tolerance,
        gtol=tolerance,
    )
