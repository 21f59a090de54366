"""Reading one curve with a direct model, with the spread that noise and inputs give its numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Measurement
from hepaflow.errors import InputRefused
from hepaflow.kinetics.descriptive import arrival_s
from hepaflow.kinetics.fit_flags import FAIR_R2
from hepaflow.kinetics.input_error import common_weights, perturbed
from hepaflow.kinetics.model import DirectModel, Reader, Settings
from hepaflow.kinetics.posterior import DRAWS
from hepaflow.units import QUANTITIES, per_100_g

FloatArray = npt.NDArray[np.float64]

#: The draws are read in this many groups, each with settings made from one of its own draws: what the settings owe to the noise is in them.
GROUPS = 10
#: Quantities that the noise may take below zero.
SIGNED = ("peak", "auc")
#: Quantities that jump from pass to pass with the place of a maximum: a shift of their draws would leave the times there are.
JUMPING = ("ttp", "msi")


def read_curve(
    curve: TimeCurve, inputs: Inputs, *, model: DirectModel, density_g_ml: float, voxels: int = 0, seed: int = 0
) -> Measurement:
    """Quantities of ``curve`` (n samples in HU, NaN = missing): the value as read, SD and joint draws by parametric bootstrap.

    A draw is the curve that the model implies (the samples smoothed, where it implies none) with normal noise of the residual's SD
    (else of the samples' own, else of what smoothing takes off), read anew and moved by what the smoothing alone changed. To it comes, to first order, what a combination of the
    inputs' modes changes, the same for every region. Time to peak and mean slope jump from pass to pass: their draws are moved by neither. Quantities per 100 g use ``density_g_ml``. Refused: fewer finite samples than the
    model needs.
    """
    usable = np.isfinite(curve.values)
    if usable.sum() < model.fewest:
        raise InputRefused(
            "CURVE-TOO-SHORT",
            f"curve {curve.name!r} has fewer than {model.fewest} valid samples",
            "Give a longer or more complete curve",
        )
    times, values = curve.times_s[usable], curve.values[usable]
    settings = model.settle(times, values[:, None], inputs, _noise(curve, usable))
    reader = model.prepare(times, inputs, settings)
    implied = _implied(reader, times, values, inputs, settings.noise)
    draws = _noisy(model, implied, times, inputs, settings, np.random.default_rng(seed))
    shifts = _shifts(model, times, values, inputs, settings)
    weights = common_weights(DRAWS, inputs.modes.shape[0])
    found = reader.read(np.stack([values, implied.curve], axis=1)).quantities
    unknown, why = reader.undetermined(values) if reader.undetermined else ((), ())
    value, samples = {}, {}
    for key in (key for key in model.quantities if key in found):
        own, smooth = (float(x) for x in found[key])
        density = density_g_ml if QUANTITIES[key].per_mass else 1.0
        value[key] = float("nan") if key in unknown else per_100_g(own, density)
        moved = 0.0 if key in JUMPING else (own - smooth) + weights @ shifts[key]
        samples[key] = per_100_g(_within(key, draws[key] + moved), density)
    zero = _without_spread(value)
    silent = (*unknown, *zero)
    return Measurement(
        region=curve.name,
        voxels=voxels,
        parameters={key: Estimate(x, float("nan") if key in silent else _sd(samples[key])) for key, x in value.items()},
        samples={k: x for k, x in samples.items() if k not in silent and np.isfinite(value[k]) and np.isfinite(x).all()},
        curve_hu=curve.values - implied.baseline,
        fit_hu=_full(usable, implied.fit) - implied.baseline,
        delays_s=settings.delays_s,
        r2=implied.r2,
        aic=implied.aic,
        residual_sd=implied.sd,
        flags=(
            *reader.flags,
            *why,
            *(("flow-counted-as-zero",) if zero else ()),
            *(("fit-poor",) if implied.r2 <= FAIR_R2 else ()),
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Implied:
    """What the draws are made of: a smooth ``curve`` (n,) and the ``sd`` of the noise; and what is said of the fit, NaN where there is none."""

    fit: FloatArray
    baseline: float
    curve: FloatArray
    sd: float
    r2: float = float("nan")
    aic: float = float("nan")


def smoothed(times_s: FloatArray, values: FloatArray) -> FloatArray:
    """Curves (n, v), each sample halfway to the straight line between its neighbours in time, where both are near."""
    line, _ = _neighbours(times_s, values)
    near = np.diff(times_s) <= 2.0 * np.median(np.diff(times_s))  # across a gap a line would cut the peak
    inside = np.where((near[:-1] & near[1:])[:, None], 0.5 * (values[1:-1] + line), values[1:-1])
    return np.concatenate([values[:1], inside, values[-1:]])


def sample_noise(times_s: FloatArray, values: FloatArray) -> FloatArray:
    """SD (v,) of one sample of curves (n, v), from their distance to the straight line between the neighbours: the median over the samples.

    Where a curve bends between neighbours the distance is signal as well; the median holds while most of the samples lie on smooth parts.
    """
    line, size = _neighbours(times_s, values)
    return np.asarray(np.median(np.abs(values[1:-1] - line) / size, axis=0) / 0.6745)


def _neighbours(times_s: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The straight line between each sample's neighbours (n - 2, v), and the SD (n - 2, 1) of its distance to the sample for noise of SD 1."""
    before, after = np.diff(times_s)[:-1, None], np.diff(times_s)[1:, None]
    line = (after * values[:-2] + before * values[2:]) / (before + after)
    return line, np.sqrt(1.0 + (before**2 + after**2) / (before + after) ** 2)


def _noise(curve: TimeCurve, usable: npt.NDArray[np.bool_]) -> float:
    if curve.sd is not None and np.isfinite(curve.sd[usable]).any():
        return float(np.sqrt(np.nanmean(curve.sd[usable] ** 2)))
    return float(sample_noise(curve.times_s[usable], curve.values[usable][:, None])[0])


def _implied(reader: Reader, times: FloatArray, values: FloatArray, inputs: Inputs, noise: float) -> _Implied:
    smooth = smoothed(times, values[:, None])[:, 0]
    if reader.implied is None:
        before = times <= arrival_s(inputs)
        before[0] = True
        return _Implied(np.full(times.size, np.nan), float(values[before].mean()), smooth, noise)
    fit, baseline = (x[..., 0] for x in reader.implied(values[:, None]))
    said = np.isfinite(fit)
    residual = (values - fit)[said]
    squares, n = float(residual @ residual), int(said.sum())
    spread = float(((values[said] - values[said].mean()) ** 2).sum())
    return _Implied(
        fit,
        float(baseline),
        np.where(said, fit, smooth),
        float(np.sqrt(squares / max(n - reader.unknowns, 1.0))),
        1.0 - squares / spread if spread > 0 else float("nan"),
        n * float(np.log(max(squares / n, 1e-300))) + 2 * (reader.unknowns + 1),
    )


def _noisy(
    model: DirectModel, implied: _Implied, times: FloatArray, inputs: Inputs, settings: Settings, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Draws (DRAWS,) a key from noise alone."""
    curves = implied.curve[:, None] + implied.sd * rng.standard_normal((times.size, DRAWS))
    found: dict[str, list[FloatArray]] = {}
    for group in np.split(curves, GROUPS, axis=1):
        own = replace(model.settle(times, group[:, :1], inputs, settings.noise), noise=settings.noise)
        for key, x in model.prepare(times, inputs, own).read(group).quantities.items():
            found.setdefault(key, []).append(np.asarray(x, float))
    order = rng.permutation(DRAWS)  # the groups of two regions must not stand side by side
    return {key: np.concatenate(parts)[order] for key, parts in found.items()}


def _shifts(model: DirectModel, times: FloatArray, values: FloatArray, inputs: Inputs, settings: Settings) -> dict[str, FloatArray]:
    """What one sigma of each mode of the inputs changes (modes,) a key; nothing where it cannot be said."""
    pairs = [inputs, *perturbed(inputs)]
    read = [model.prepare(times, pair, settings).read(values[:, None]).quantities for pair in pairs]
    return {key: np.nan_to_num(np.array([float(x[key][0] - read[0][key][0]) for x in read[1:]])) for key in read[0]}


def _within(key: str, draws: FloatArray) -> FloatArray:
    """Draws kept where the quantity can be."""
    if key in SIGNED:
        return draws
    return np.clip(draws, 0.0, 1.0 if key == "haf" else None)


def _without_spread(value: dict[str, float]) -> tuple[str, ...]:
    """Flows that count as zero because the curve does not rise, and the fraction made of one: draws cut off at zero have no honest spread."""
    zero = tuple(key for key in ("bf", "habf", "hpbf") if value.get(key) == 0.0)
    return (*zero, "haf") if zero and "haf" in value else zero


def _sd(draws: FloatArray) -> float:
    finite = draws[np.isfinite(draws)]
    return float(finite.std(ddof=1)) if finite.size > 1 else float("nan")


def _full(usable: npt.NDArray[np.bool_], values: FloatArray) -> FloatArray:
    whole = np.full(usable.size, np.nan)
    whole[usable] = values
    return whole
