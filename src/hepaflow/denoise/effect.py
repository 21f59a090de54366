"""What denoising did: the change of every region's mean curve against what noise allows, and of its mean on the map."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import region_curve
from hepaflow.denoise.noise import estimate
from hepaflow.denoise.tips import Denoised, denoised_mask
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.denoising import Denoising, RegionChange
from hepaflow.domain.lesions import Regions
from hepaflow.domain.series import DynamicSeries

FloatImage = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

#: Parts of a lesion that lie inside the maps; ``surround`` is liver like any other.
PARTS = ("whole", "vascular", "rim", "core")
#: Taking noise out moves a mean curve by no more than noise had moved it: the chance of more than this, without blur, is 1 in 1000.
CHANCE = 1e-3
#: Flow goes with enhancement: less than this share of the enhancement is of no consequence for a map.
NEGLIGIBLE_SHARE = 0.02


def effect(
    aligned: DynamicSeries,
    denoised: Denoised,
    regions: Regions,
    *,
    flow: tuple[FloatImage, FloatImage],
    settings: tuple[str, float, float],
) -> Denoising:
    """The record of a denoised study. ``flow``: blood-flow maps without and with denoising, in the compared regions at least; ``settings``: method, radius_mm, strength.

    A region is blurred when the RMS change of its mean curve over n passes is above its standard error times sqrt(q / n), q being the
    99.9 % point of chi-square with n degrees of freedom, and above 2 % of the enhancement. The mean of a denoised region averages at
    least the voxels of the mean as measured, so its change without blur is that part of the noise which left: its SD is at
    most the standard error. Where the standard error is not known the region counts as blurred when the change is above 2 %.
    """
    found = tuple(_change(aligned, denoised, name, mask, flow=flow) for name, mask in compared_regions(regions))
    inside = denoised_mask(regions)[denoised.box]
    after = estimate(denoised.series, inside).sd_hu
    flags = ("maps-denoised", *(("denoising-blurs",) if any(change.blurred for change in found) else ()))
    method, radius_mm, strength = settings
    return Denoising(method, radius_mm, strength, denoised.noise.sd_hu, after, found, flags)


def compared_regions(regions: Regions) -> list[tuple[str, Mask]]:
    """The healthy region and every part of every lesion, named as in ``curves.csv``."""
    named = [("healthy", regions.healthy.mask)]
    for lesion in regions.lesions:
        for part in PARTS:
            same = part == "vascular" and part in lesion.shells and lesion.shells[part].voxels == lesion.shells["whole"].voxels
            if part in lesion.shells and not same:
                named.append((lesion.id if part == "whole" else f"{lesion.id}_{part}", lesion.shells[part].mask))
    return [(name, mask) for name, mask in named if mask.any()]


def _change(
    aligned: DynamicSeries, denoised: Denoised, name: str, mask: Mask, *, flow: tuple[FloatImage, FloatImage]
) -> RegionChange:
    before = region_curve(aligned, mask, name=name)
    inside = mask[denoised.box]
    moved = np.array([_moved(aligned, denoised, i, mask=mask, inside=inside) for i in range(aligned.passes)])
    moved = moved[np.isfinite(before.values) & np.isfinite(moved)]
    rms = float(np.sqrt((moved**2).mean())) if moved.size else math.nan
    largest = float(np.abs(moved).max()) if moved.size else math.nan
    error = _standard_error(before)
    known = before.values[np.isfinite(before.values)]
    enhancement = float(known.max() - known.min()) if known.size else math.nan
    without, with_ = (_mean(values[mask]) for values in flow)
    blurred = _beyond_noise(rms, error, passes=moved.size) and rms > NEGLIGIBLE_SHARE * enhancement
    return RegionChange(name, int(mask.sum()), rms, largest, enhancement, error, without, with_, blurred)


def _moved(aligned: DynamicSeries, denoised: Denoised, index: int, *, mask: Mask, inside: Mask) -> float:
    """Change of the mean of one pass over the voxels that have a sample."""
    return _mean(denoised.series.voxels[index][inside].astype(np.float64) - aligned.voxels[index][mask])


def _standard_error(curve: TimeCurve) -> float:
    """RMS over the passes of the standard error of a sample; NaN where not known."""
    if curve.sd is None or not np.isfinite(curve.sd).any():
        return math.nan
    return float(np.sqrt(np.nanmean(curve.sd**2)))


def _beyond_noise(rms: float, error: float, *, passes: int) -> bool:
    from scipy.stats import chi2

    if not math.isfinite(rms) or not passes:
        return False
    return not math.isfinite(error) or rms > error * math.sqrt(float(chi2.isf(CHANCE, passes)) / passes)


def _mean(values: npt.NDArray[np.floating]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean(dtype=np.float64)) if finite.size else math.nan
