"""Flows of a curve that hardly has any: drawn by the logarithm of their sum, so that no draw is lost below zero."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.dictionary import atoms
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML
from hepaflow.kinetics.problem import FLOW_CENTRE, FLOW_SPREAD, NOISE_PRIOR_SAMPLES, Problem, log_posterior

FloatArray = npt.NDArray[np.float64]

#: Edges between which the logarithm of total flow (mL/min/100 mL) is drawn; below them no curve tells a flow from none.
EDGES = np.linspace(np.log(1e-4), np.log(2e3), 257)


def flows_above_zero(problem: Problem, u: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One draw of flows and baseline for each shape row (s, p), and its log posterior less the log density (s,) it was drawn with.

    The arterial fraction is even; total flow F comes from its posterior given shape and fraction, baseline and noise level integrated out,
    as steps of log F; the baseline from its Student posterior given the rest. Every flow is above zero.
    """
    size, n, count = len(u), problem.times_s.size, problem.sources.count
    table = atoms(problem.model, problem.sources, problem.times_s, problem.values(u)) / FLOW_PER_MIN_100_ML
    arterial = rng.random(size) if count == 2 else np.ones(size)
    parts = np.stack([arterial, 1.0 - arterial][:count])
    per_flow = np.einsum("qs,qsn->sn", parts, table)
    centred = per_flow - per_flow.mean(-1, keepdims=True)
    y = problem.observed - problem.observed.mean()
    square, along = (centred**2).sum(-1), centred @ y
    known = float(y @ y) + NOISE_PRIOR_SAMPLES * problem.noise**2

    def squares(flow: FloatArray) -> FloatArray:
        # not below what is known of the noise, whatever the rounding of a near-perfect fit
        return np.asarray(np.maximum(known - 2.0 * flow * along + flow**2 * square, NOISE_PRIOR_SAMPLES * problem.noise**2))

    freedom = n - problem.linear + NOISE_PRIOR_SAMPLES - 1.0
    middles = 0.5 * (EDGES[1:] + EDGES[:-1])
    cells = (
        -0.5 * freedom * np.log(squares(np.exp(middles)[:, None]))
        - 0.5 * ((middles[:, None] - np.log(FLOW_CENTRE)) / FLOW_SPREAD) ** 2
    )
    cells -= np.logaddexp.reduce(cells, axis=0)
    edges = np.cumsum(np.exp(cells), axis=0)
    pick = np.minimum((edges < rng.random(size) * edges[-1]).sum(0), len(middles) - 1)
    log_flow = EDGES[pick] + rng.random(size) * (EDGES[1] - EDGES[0])
    flow = np.exp(log_flow)
    least = squares(flow)
    off = rng.standard_t(freedom, size)
    baseline = problem.observed.mean() - flow * per_flow.mean(-1) + off * np.sqrt(least / (freedom * n))
    # per flow and baseline: from log F to the flows, and the Student density of the baseline
    density = cells[pick, np.arange(size)] - count * log_flow
    density += -0.5 * (freedom + 1.0) * np.log1p(off**2 / freedom) - 0.5 * np.log(least)
    theta = np.concatenate([u, (flow * parts).T, baseline[:, None]], axis=1)
    predicted = flow[:, None] * per_flow + baseline[:, None]
    return theta, log_posterior(problem, theta, predicted) - density
