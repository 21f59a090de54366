"""Lesions and their shells: whole, vascular part, rim, core, and the liver around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.boxes import Box, box_of, wider
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Lesion, Region
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import longest_axial, slice_axis
from hepaflow.regions.remember import Remember, forgetful

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

#: Rim: the lesion's outer part, mm. Surround: the liver outside it, mm.
RIM_MM = 5.0
SURROUND_MM = 8.0
#: Below this longest diameter perfusion of lesions was not validated (the Nancy 2019 study left them out).
VALIDATED_MM = 15.0
#: Shells with less than this are left out: they would be a few voxels of partial volume.
LEAST_SHELL_ML = 0.1
#: A part of a lesion can count as not perfused below this share of the healthy liver's enhancement (necrosis keeps some vessels, and
#: smoothing lends it some of the rim's).
DEAD_SHARE = 0.35
#: The outermost part of a lesion holds the neighbour's enhancement by partial volume; it has no say in the threshold.
PARTIAL_MM = 2.5
SMOOTHING_MM = 2.5
#: Less liver than this share of what lies within the surround's distance: not in the liver, even when the liver's mask holds the lesion
#: (it is completed by what is drawn). A lesion that bulges out of the surface keeps about a third.
LEAST_LIVER_AROUND = 0.15
#: Where the border lies before the nearest voxel centre outside, as a share of a voxel.
BORDER_SHARE = 1.0 / 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What a lesion's shells must respect: the ``liver``, other ``lesions`` by id, ``vessels``, and the reference curve (passes,) in HU."""

    liver: Mask
    lesions: dict[str, Mask]
    vessels: Mask
    reference: FloatArray


def delineate(
    lesion_id: str,
    mask: Mask,
    *,
    series: DynamicSeries,
    around: Surroundings,
    remember: Remember = forgetful,
    reference_of: tuple[str, ...] = (),
) -> Lesion:
    """A lesion with its shells from its whole mask (slices, rows, columns).

    Rim and core split the mask at 5 mm below its border, the surround is liver within 8 mm outside it, free of other lesions and
    vessels; all distances are in mm to the border of voxels, whatever their shape. The vascular part is described at
    :func:`vascular_part`. Shells under 0.1 mL are absent. ``remember`` may give back what rests on the lesion alone, or on it and
    the regions that the reference curve rests on, ``reference_of``. Refused: an empty mask.
    """
    if not mask.any():
        raise InputRefused("REGION-EMPTY", f"{lesion_id} holds no voxel", "Draw the lesion inside the scanned volume")
    grid = series.grid
    window = window_of(mask, grid.spacing_mm)
    local, spacing = mask[window], grid.spacing_mm
    alone = (lesion_id,)
    deep = remember(f"{lesion_id}/deep", alone, lambda: border_distance(local, spacing) > RIM_MM)
    close = remember(f"{lesion_id}/close", alone, lambda: ~local & (border_distance(~local, spacing) <= SURROUND_MM))
    others = np.zeros_like(local)
    for name, other in around.lesions.items():
        if name != lesion_id:
            others |= other[window]

    def enhancing() -> tuple[Mask, bool]:
        vascular, perfused = vascular_part(series, mask, around.reference)
        return vascular[window].copy(), perfused

    vascular, perfused = remember(f"{lesion_id}/vascular", (*alone, *reference_of), enhancing)
    parts = {
        "whole": local,
        "vascular": vascular,
        "rim": local & ~deep,
        "core": local & deep,
        "surround": close & around.liver[window] & ~others & ~around.vessels[window],
    }
    shells = {}
    for name, part in parts.items():
        if name == "whole" or np.count_nonzero(part) * grid.voxel_ml >= LEAST_SHELL_ML:
            full = np.zeros(mask.shape, bool)
            full[window] = part
            shells[name] = Region(f"{lesion_id}/{name}", full, "given" if name == "whole" else "proposed")
    size = remember(f"{lesion_id}/diameter", alone, lambda: longest_axial(mask, grid))
    in_liver = float((close & around.liver[window]).sum()) >= LEAST_LIVER_AROUND * float(close.sum())
    flags = _flags(series, mask, around, size.mm, axial=size.axial, in_liver=in_liver) + (
        () if perfused else ("lesion-not-enhancing",)
    )
    return Lesion(lesion_id, shells, float(np.count_nonzero(local) * grid.voxel_ml), size.mm, size.ends_mm, flags)


def window_of(mask: Mask, spacing_mm: tuple[float, float, float]) -> Box:
    """The window that holds a lesion with all that counts as around it."""
    return wider(box_of(mask), SURROUND_MM + 2.0, spacing_mm=spacing_mm, shape=mask.shape)


def border_distance(mask: Mask, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Distance in mm from each voxel's centre inside ``mask`` to its border; 0 outside the mask.

    It is the distance to the nearest centre outside, less a third of a voxel's width in that direction: half a voxel is right for a flat
    face along the grid, but the nearest of many centres behind a round border lies closer to it. On balls of 8 and 20 mm and voxels
    from 1 to 5 mm the mean error is below 0.25 mm. Beyond the array the mask is taken to go on.
    """
    from scipy import ndimage

    if mask.all() or not mask.any():
        return np.where(mask, np.inf, 0.0)
    # no centre outside is nearer than one within a voxel of the box
    here = wider(box_of(mask), 0.0, spacing_mm=spacing_mm, shape=mask.shape)
    inside = mask[here]
    distance, nearest = ndimage.distance_transform_edt(inside, sampling=spacing_mm, return_indices=True)
    crossed = np.zeros(inside.shape)
    for axis, size in enumerate(inside.shape):
        shape = [1, 1, 1]
        shape[axis] = size
        np.maximum(crossed, np.abs(nearest[axis] - np.arange(size).reshape(shape)), out=crossed)
    found = np.zeros(mask.shape)
    width = np.divide(distance, crossed, out=np.zeros(inside.shape), where=inside)
    found[here] = np.where(inside, distance - BORDER_SHARE * width, 0.0)
    return found


def vascular_part(series: DynamicSeries, mask: Mask, reference: FloatArray) -> tuple[Mask, bool]:
    """The enhancing part of a lesion, and whether the lesion enhances at all (if not, the part is empty).

    Each voxel's enhancement is the slope of its curve on the healthy liver's curve (free baseline, so all passes count), smoothed by
    2.5 mm inside the lesion. Otsu's threshold splits the voxels deeper than 2.5 mm in two. The lower class is taken out as not perfused
    only if its mean is below 35 % of healthy liver and below half of the upper class, the classes lie 3 noise deviations apart and what
    remains of it after an opening is at least 0.2 mL and 5 % of the lesion; otherwise the vascular part is the whole lesion.
    """
    window = wider(box_of(mask), 3.0 * SMOOTHING_MM, spacing_mm=series.grid.spacing_mm, shape=mask.shape)
    local = mask[window]
    share, noise = _relative_enhancement(series, window, local, reference)
    values = share[local & np.isfinite(share)]
    nothing = np.zeros(mask.shape, bool)
    if values.size == 0:
        return mask.copy(), True
    if float(np.percentile(values, 90)) < max(0.05, 2.0 * noise):
        return nothing, False
    dead = _dead(share, local, noise, series.grid)
    result = nothing
    result[window] = local & ~dead
    return result, True


def _dead(share: FloatArray, local: Mask, noise: float, grid: Grid) -> Mask:
    from scipy import ndimage

    nothing = np.zeros(local.shape, bool)
    values = share[(border_distance(np.pad(local, 1), grid.spacing_mm)[1:-1, 1:-1, 1:-1] > PARTIAL_MM) & np.isfinite(share)]
    if values.size < 16:
        return nothing
    counts, edges = np.histogram(values, min(64, max(8, values.size // 8)))
    centres = 0.5 * (edges[1:] + edges[:-1])
    below, sums = np.cumsum(counts), np.cumsum(counts * centres)
    above = below[-1] - below
    ok = (below > 0) & (above > 0)
    between = np.zeros(counts.size)
    between[ok] = below[ok] * above[ok] * (sums[ok] / below[ok] - (sums[-1] - sums[ok]) / above[ok]) ** 2
    threshold = float(edges[1:][between.argmax()])
    low, high = values[values <= threshold], values[values > threshold]
    if low.size == 0 or high.size == 0:
        return nothing
    mean_low, mean_high = float(low.mean()), float(high.mean())
    if mean_low > DEAD_SHARE or mean_low > 0.5 * mean_high or mean_high - mean_low < 3.0 * noise:
        return nothing
    dead = ndimage.binary_opening(local & (share <= threshold), np.ones((1, 2, 2)))
    label, count = ndimage.label(dead)
    sizes = np.bincount(label.ravel(), minlength=count + 1)
    sizes[0] = 0
    big = sizes * grid.voxel_ml >= LEAST_SHELL_ML
    dead = np.asarray(big[label])
    amount = dead.sum()
    return dead if amount * grid.voxel_ml >= 2.0 * LEAST_SHELL_ML and amount >= 0.05 * local.sum() else nothing


def _relative_enhancement(
    series: DynamicSeries, window: tuple[slice, slice, slice], local: Mask, reference: FloatArray
) -> tuple[FloatArray, float]:
    """Smoothed slope on the reference curve (NaN outside the lesion), and its noise from patterns that hold no enhancement."""
    kept = [i for i in range(series.passes) if i not in series.excluded and np.isfinite(reference[i])]
    pattern = reference[kept] - reference[kept].mean()
    power = float((pattern**2).sum())
    if power <= 0:
        return np.where(local, 0.0, np.nan), 0.0
    samples = np.empty((int(local.sum()), len(kept)), np.float32)
    for column, i in enumerate(kept):
        samples[:, column] = series.voxels[i][window][local]
    measured = np.isfinite(samples).all(1)
    whole = local.copy()
    whole[local] = measured
    inside = samples[measured].T
    curves = inside - inside.mean(0)
    smooth = smoother(whole, series.grid.spacing_mm)
    slope = smooth(pattern @ curves / power)
    left = curves - np.outer(pattern, pattern @ curves / power)
    left -= left.mean(1, keepdims=True)
    noise = []
    for step in range(1, min(6, len(kept) - 1)):
        other = np.roll(pattern, 3 * step)
        other -= other.mean() + pattern * (other @ pattern) / power
        size = float((other**2).sum())
        if size > 0.05 * power:
            noise.append(float(np.nanstd(smooth(other @ left / np.sqrt(size * power)))))
    return slope, float(np.median(noise)) if noise else 0.0


def smoother(inside: Mask, spacing_mm: tuple[float, float, float]) -> Callable[[FloatArray], FloatArray]:
    """Gaussian mean, over the voxels of ``inside`` only, of values given there (n,); NaN elsewhere."""
    from scipy import ndimage

    sigma = [SMOOTHING_MM / s for s in spacing_mm]
    weight = np.maximum(ndimage.gaussian_filter(inside.astype(float), sigma), 1e-9)

    def smooth(values: FloatArray) -> FloatArray:
        image = np.zeros(inside.shape)
        image[inside] = values
        return np.where(inside, ndimage.gaussian_filter(image, sigma) / weight, np.nan)

    return smooth


def _flags(
    series: DynamicSeries, mask: Mask, around: Surroundings, diameter_mm: float, *, axial: bool, in_liver: bool
) -> tuple[str, ...]:
    from scipy import ndimage

    flags = []
    if diameter_mm < VALIDATED_MM:
        flags.append("lesion-below-15-mm")
    axis, _ = slice_axis(series.grid)
    edge = np.moveaxis(mask, axis, 0)
    if edge[0].any() or edge[-1].any():
        flags.append("lesion-truncated")
    if series.voxels.dtype.kind == "f":
        index = np.flatnonzero(mask)
        missing = [float(np.isnan(v.reshape(-1)[index]).mean()) for i, v in enumerate(series.voxels) if i not in series.excluded]
        if max(missing) > 0.02:
            flags.append("lesion-out-of-coverage-passes")
    here = box_of(mask)
    local = mask[here]
    size = np.count_nonzero(local)
    if np.count_nonzero(local & around.vessels[here]) > 0.1 * size:
        flags.append("lesion-overlaps-vessel")
    if not in_liver or np.count_nonzero(local & around.liver[here]) < 0.5 * size:
        flags.append("lesion-outside-liver")
    if ndimage.label(local, np.ones((3, 3, 3)))[1] > 1:
        flags.append("lesion-in-pieces")
    if not axial:
        flags.append("axial-plane-oblique")
    return tuple(flags)
