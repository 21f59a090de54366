"""Exact fit of one curve: dictionary start, bounded least squares from several seeds, then the posterior by adaptive importance sampling.

The unknowns are the model's shape, one delay an input, the flows and a free baseline. The noise level is not assumed: it is
integrated out (Student likelihood), so that residual motion and model misfit widen the interval. The inputs' own uncertainty is
propagated draw by draw with the same input perturbations for every region, so that ratios of regions have the right covariance.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics.dictionary import parameters, prior_of, sources_of
from hepaflow.kinetics.fit_direct import read_curve
from hepaflow.kinetics.fit_flags import fit_flags
from hepaflow.kinetics.model import DirectModel, KineticModel, ResidueModel
from hepaflow.kinetics.posterior import posterior, with_input_error
from hepaflow.kinetics.problem import Prior, Problem, scale_bounds
from hepaflow.kinetics.search import modes as modes_of
from hepaflow.units import QUANTITIES, per_100_g

FloatArray = npt.NDArray[np.float64]

#: A mode that holds this share of the posterior leaves no second reading of the curve.
CLEAR = 0.9


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

    Where the posterior has several modes (sparse times may allow two transit times), the value is the mean of the mode that holds
    most of it, SD and draws are of all of it, and ``fit-ambiguous`` is set. Quantities per 100 g use ``density_g_ml``. Refused: fewer
    finite samples than unknowns plus one. ``prior`` replaces the broad physiological one. A direct model is read instead of fitted.
    """
    if isinstance(model, DirectModel):
        return read_curve(curve, inputs, model=model, density_g_ml=density_g_ml, voxels=voxels, seed=seed)
    usable = np.isfinite(curve.values)
    sources = sources_of(inputs)
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
    modes = modes_of(problem)
    draws = posterior(problem, modes, np.random.default_rng(seed))
    nearest = _nearest_mode(problem, modes, draws)
    held = np.bincount(nearest, minlength=len(modes))
    main = int(held.argmax())
    best, covariance = modes[main]
    theta = with_input_error(problem, best, covariance, draws, inputs)
    found = _measurement(problem, best, theta, nearest == main, curve=curve, inputs=inputs, density=density_g_ml)
    ambiguous = ("fit-ambiguous",) if held[main] < CLEAR * held.sum() else ()
    interval = np.full((2, curve.times_s.size), np.nan)
    interval[:, usable] = np.percentile(problem.predict(draws), [2.5, 97.5], axis=0) - best[-1]
    return replace(found, voxels=voxels, flags=found.flags + ambiguous, fit_interval_hu=interval)


def _nearest_mode(problem: Problem, modes: list[tuple[FloatArray, FloatArray]], draws: FloatArray) -> npt.NDArray[np.intp]:
    """Which mode (s,) every draw belongs to, by distance of the shape in units of the prior's spread."""
    p = len(problem.chosen)
    centres = np.stack([mode[:p] for mode, _ in modes])
    distance = (((draws[:, None, :p] - centres) / problem.prior.spread) ** 2).sum(-1)
    return np.asarray(distance.argmin(1))


def _noise_guess(curve: TimeCurve, usable: npt.NDArray[np.bool_]) -> float:
    scale = float(np.nanmax(np.abs(curve.values - curve.values[usable][0]))) or 1.0
    floor = 2e-4 * scale  # no measured curve is better than this; keeps a noise-free one well posed
    if curve.sd is None:
        return floor
    return max(floor, float(np.sqrt(np.nanmean(curve.sd[usable] ** 2))))


def _measurement(
    problem: Problem,
    best: FloatArray,
    theta: FloatArray,
    main: npt.NDArray[np.bool_],
    *,
    curve: TimeCurve,
    inputs: Inputs,
    density: float,
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
        voxels=0,
        parameters={key: Estimate(float(x[main].mean()), float(x.std(ddof=1))) for key, x in draws.items()},
        samples=draws,
        curve_hu=curve.values - baseline,
        fit_hu=fit - baseline,
        delays_s={names[i]: float(best[shapes + i]) for i in range(problem.sources.count)},
        r2=r2,
        aic=n * float(np.log(max(squares / n, 1e-300))) + 2 * (unknowns + 1),
        residual_sd=float(np.sqrt(squares / max(n - unknowns, 1))),
        flags=(
            *fit_flags(problem.times_s, problem.observed, problem.observed - residual, unknowns=unknowns, inputs=inputs),
            *_at_bound(problem, best),
        ),
        shape={q.key: float(x) for q, x in zip(problem.chosen, problem.values(best[None, :p])[0], strict=True)},
        flows_ml_min_100_ml={names[i]: float(best[p + i]) for i in range(problem.sources.count)},
    )


def quantities(model: ResidueModel, shape: FloatArray, flows: FloatArray, density_g_ml: float) -> dict[str, FloatArray]:
    """All quantities of a model (s,) in contract units from shape rows and flows (s, inputs) in mL/min/100 mL."""
    flow = flows.sum(1)
    found = {"bf": flow, **model.derive(flow, shape)}
    if flows.shape[1] == 2:
        found |= {"habf": flows[:, 0], "hpbf": flows[:, 1], "haf": flows[:, 0] / np.maximum(flow, 1e-12)}
    ordered = {key: found[key] for key in model.quantities if key in found}
    return {key: per_100_g(x, density_g_ml) if QUANTITIES[key].per_mass else x for key, x in ordered.items()}


def _at_bound(problem: Problem, best: FloatArray) -> tuple[str, ...]:
    p = len(problem.chosen)
    low, high = scale_bounds(problem.chosen)
    at_bound = (np.minimum(best[:p] - low, high - best[:p]) < 1e-3 * (high - low)).any()
    return ("fit-at-bound",) if at_bound else ()
