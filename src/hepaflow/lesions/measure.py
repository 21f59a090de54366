"""Every parameter of every region: fitted to the region's mean curve, beside the mean and median of the voxel map."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import region_curve
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Region, Regions
from hepaflow.domain.maps import MapSet
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.descriptive import DESCRIPTIVE, rise
from hepaflow.kinetics.dictionary import parameters, prior_of
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.model import KineticModel, ResidueModel
from hepaflow.kinetics.posterior import DRAWS
from hepaflow.kinetics.problem import Prior
from hepaflow.lesions.ratios import ratio

Progress = Callable[[str, int, int], None] | None

#: One patient's tissues are reached within about this many seconds of each other.
DELAY_SPREAD_S = 0.7
#: What every case has beside its model's own quantities.
LOOKED = ("ttp", "msi")


def measure(
    aligned: DynamicSeries, inputs: Inputs, maps: MapSet, regions: Regions, *, model: KineticModel, progress: Progress = None
) -> tuple[Measurement, tuple[LesionResult, ...]]:
    """The healthy reference and every lesion, shell by shell, with ratios to healthy.

    Lesions share the patient's arterial and portal delays within DELAY_SPREAD_S of the healthy liver's. A shell whose curve cannot be
    fitted is left out and the lesion flagged ``shell-not-fitted``.
    """
    healthy = _measure(aligned, regions.healthy, inputs, maps, model=model, prior=None)
    prior = prior_of_lesions(healthy, model)
    results = []
    for number, lesion in enumerate(regions.lesions):
        found: dict[str, Measurement] = {}
        for shell, region in lesion.shells.items():
            with suppress(InputRefused):
                found[shell] = _measure(aligned, region, inputs, maps, model=model, prior=prior)
        results.append(result_of(lesion, found, healthy, unfitted=set(found) < set(lesion.shells)))
        if progress:
            progress("lesions", number + 1, len(regions.lesions))
    return healthy, tuple(results)


def result_of(lesion: Lesion, found: dict[str, Measurement], healthy: Measurement, *, unfitted: bool) -> LesionResult:
    """A lesion with what was ``found`` in its shells and the ratios of the whole to the healthy liver, not rated yet; ``unfitted``: whether a
    shell could not be.
    """
    flags = [*lesion.flags, *(["shell-not-fitted"] if unfitted else [])]
    whole = found.get("whole")
    ratios = {key: ratio(whole, healthy, key) for key in whole.parameters} if whole else {}
    if whole and any(r.value is None for r in ratios.values()):
        flags.append("ratio-undefined")
    return LesionResult(lesion, found, ratios, (), tuple(dict.fromkeys(flags)))


def measure_curve(
    curve: TimeCurve, inputs: Inputs, *, model: KineticModel, density_g_ml: float, voxels: int, prior: Prior | None
) -> Measurement:
    """Every parameter of the mean curve (n,) of a region of so many ``voxels``, in HU; :func:`seed_of` its name. No map is looked at.

    ``prior`` is that of :func:`prior_of_lesions` in a lesion and None in the healthy liver. Refused: a curve that cannot be fitted.
    """
    seed = seed_of(curve.name)
    fitted = fit_curve(curve, inputs, model=model, density_g_ml=density_g_ml, voxels=voxels, prior=prior, seed=seed)
    estimates = dict(fitted.parameters)
    samples = dict(fitted.samples)
    if isinstance(model, ResidueModel):
        estimates |= _descriptive(curve.times_s, curve.values, fitted, inputs, samples, seed=seed)
    elif model is not DESCRIPTIVE:
        looked = fit_curve(curve, inputs, model=DESCRIPTIVE, density_g_ml=density_g_ml, seed=seed)
        estimates |= {key: looked.parameters[key] for key in LOOKED}
        samples |= {key: looked.samples[key] for key in LOOKED if key in looked.samples}
    return replace(fitted, parameters=estimates, samples=samples)


def seed_of(region: str) -> int:
    """What seeds the draws of a region's fit. All parts of a lesion share one seed: a part of the same voxels has the same numbers.

    >>> seed_of("lesion-1/vascular") == seed_of("lesion-1/whole"), seed_of("lesion-1/whole") == seed_of("lesion-2/whole")
    (True, False)
    """
    lesion, _, part = region.partition("/")
    return zlib.crc32(f"{lesion}/whole".encode() if part else region.encode())


def _measure(
    aligned: DynamicSeries, region: Region, inputs: Inputs, maps: MapSet, *, model: KineticModel, prior: Prior | None
) -> Measurement:
    curve = region_curve(aligned, region.mask, name=region.name)
    found = measure_curve(curve, inputs, model=model, density_g_ml=maps.density_g_ml, voxels=region.voxels, prior=prior)
    estimates = dict(found.parameters)
    for key, parameter_map in maps.maps.items():
        inside = parameter_map.values[region.mask]
        inside = inside[np.isfinite(inside)]
        if key in estimates and inside.size:
            estimates[key] = replace(estimates[key], map_mean=float(inside.mean()), map_median=float(np.median(inside)))
    return replace(found, parameters=estimates)


def _descriptive(
    times_s: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    fitted: Measurement,
    inputs: Inputs,
    samples: dict[str, npt.NDArray[np.float64]],
    *,
    seed: int,
) -> dict[str, Estimate]:
    """TTP and MSI of the samples; their spread from the fitted curve with the residual's noise put back on it."""
    usable = np.isfinite(values)
    times = times_s[usable]
    ttp, msi = rise(times, values[usable][:, None], inputs, fitted.residual_sd)
    rng = np.random.default_rng(seed)
    noisy = fitted.fit_hu[usable][:, None] + fitted.residual_sd * rng.standard_normal((times.size, DRAWS))
    found = {}
    for key, value, draws in zip(LOOKED, (ttp, msi), rise(times, noisy, inputs, fitted.residual_sd), strict=True):
        finite = draws[np.isfinite(draws)]
        found[key] = Estimate(float(value[0]), float(finite.std(ddof=1)) if finite.size > 1 else float("nan"))
        if np.isfinite(value[0]) and finite.size == draws.size:
            samples[key] = draws
    return found


def prior_of_lesions(healthy: Measurement, model: KineticModel) -> Prior | None:
    """What the healthy liver's fit says beforehand of a lesion's; None for a model that is read."""
    return shared_delays(healthy, model) if isinstance(model, ResidueModel) else None


def shared_delays(healthy: Measurement, model: ResidueModel) -> Prior:
    """The prior of a lesion's shape and delays once those of the healthy liver are known."""
    chosen = parameters(model, len(healthy.delays_s))
    centre, spread = prior_of(chosen)
    for j, name in enumerate(healthy.delays_s, len(model.shape)):
        centre[j] = healthy.delays_s[name]
        spread[j] = DELAY_SPREAD_S
    return Prior(centre, spread)
