"""One curve with everything a fit needs, and how probable any values of its unknowns are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.dictionary import Sources, atoms
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, Parameter, ResidueModel

FloatArray = npt.NDArray[np.float64]

#: Prior of total flow, log-normal, and even in the arterial fraction: mL/min/100 mL, spread of its logarithm.
FLOW_CENTRE, FLOW_SPREAD = 90.0, 1.0
#: Weight of the noise estimate from the samples' standard errors, in pseudo-samples.
NOISE_PRIOR_SAMPLES = 2.0


@lru_cache(maxsize=32)
def scale_bounds(chosen: tuple[Parameter, ...]) -> tuple[FloatArray, FloatArray]:
    """Lower and upper bounds (p,) on the search scale."""
    bounds = np.array([q.to_scale(np.array(q.bounds)) for q in chosen])
    bounds.setflags(write=False)
    return bounds[:, 0], bounds[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Normal prior on the search scale, ``centre`` and ``spread`` (p,)."""

    centre: FloatArray
    spread: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One curve with everything a fit needs; ``observed`` (n,) are the finite samples at ``times_s`` (n,)."""

    model: ResidueModel
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
        low, high = scale_bounds(self.chosen)
        inside = np.clip(u, low, high)
        for j, p in enumerate(self.chosen):
            if p.scale != "linear":
                inside[:, j] = p.from_scale(inside[:, j])
        return inside

    def predict(self, theta: FloatArray) -> FloatArray:
        """Curves (s, n) for unknowns ``theta`` (s, p + linear): search-scale parameters, flows in mL/min/100 mL, baseline."""
        p = len(self.chosen)
        rows = atoms(self.model, self.sources, self.times_s, self.values(theta[:, :p])) / FLOW_PER_MIN_100_ML
        return np.asarray(np.einsum("qsn,sq->sn", rows, theta[:, p:-1]) + theta[:, -1:])


def surprise(problem: Problem, theta: FloatArray) -> FloatArray:
    """How many spreads each expected quantity lies from its centre (s, e), for unknowns (s, p + linear)."""
    p = len(problem.chosen)
    flow = np.maximum(theta[:, p:-1].sum(1), 1e-6)
    derived = problem.model.derive(flow, problem.values(theta[:, :p])[:, : len(problem.model.shape)])
    columns = [np.log(np.maximum(derived[e.key], 1e-12) / e.centre) / e.spread for e in problem.model.expected]
    return np.stack(columns, -1) if columns else np.empty((len(theta), 0))


def log_posterior(problem: Problem, theta: FloatArray, predicted: FloatArray | None = None) -> FloatArray:
    """Log posterior (s,) up to a constant, noise level integrated out; -inf outside bounds. ``predicted`` (s, n) where it is at hand."""
    p = len(problem.chosen)
    residual = problem.observed - (problem.predict(theta) if predicted is None else predicted)
    n = problem.times_s.size
    # Jeffreys in the noise level; a few pseudo-samples carry what is known of the noise
    squares = np.einsum("sn,sn->s", residual, residual) + NOISE_PRIOR_SAMPLES * problem.noise**2
    value = -0.5 * (n - problem.linear + NOISE_PRIOR_SAMPLES) * np.log(squares)
    value -= 0.5 * (((theta[:, :p] - problem.prior.centre) / problem.prior.spread) ** 2).sum(1)
    value -= 0.5 * (surprise(problem, theta) ** 2).sum(1)
    flow = np.maximum(theta[:, p:-1].sum(1), 1e-9)
    value -= 0.5 * (np.log(flow / FLOW_CENTRE) / FLOW_SPREAD) ** 2 + problem.sources.count * np.log(flow)
    low, high = scale_bounds(problem.chosen)
    outside = (theta[:, p:-1] < 0).any(1) | ((theta[:, :p] < low) | (theta[:, :p] > high)).any(1)
    return np.where(outside, -np.inf, value)
