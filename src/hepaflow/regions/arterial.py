"""What of a lesion enhances in the arterial phase more than the liver does, and how large that is: a proposal for mRECIST and EASL.

The threshold is that of qEASL (Lin M et al. Radiology 2013;268:424-431): the healthy liver's enhancement in the same phase, plus two standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.boxes import box_of, wider
from hepaflow.domain.curves import Inputs
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.max_slope import arterial_phase_end_s
from hepaflow.regions.diameter import Point, slice_axis
from hepaflow.regions.shells import SMOOTHING_MM, smoother

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

#: Passes of the arterial phase's last seconds are taken together.
LATE_S = 6.0
#: How far above the healthy liver's enhancement, in its standard deviations.
ABOVE_SD = 2.0
#: An axis may leave the enhancing part for this share of its length: a voxel of noise is no necrosis.
MOST_OUTSIDE = 0.1
_SAMPLES = 41
#: Of a longer border every so many voxels are looked at.
MOST_BORDER = 400
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Axes:
    """Two axes by their ends in LPS mm, the second perpendicular to the first in the same slice."""

    long: tuple[Point, Point]
    short: tuple[Point, Point]


def late_arterial_passes(series: DynamicSeries, inputs: Inputs) -> tuple[int, ...]:
    """Passes of the last 6 s before the arterial phase ends, those that are used; the nearest one before its end where none lies there.

    Refused (``ARTERIAL-PHASE-MISSING``): no used pass before the contrast, or none between that and the end.
    """
    end = arterial_phase_end_s(inputs)
    enhanced = range(inputs.baseline_passes, series.passes)
    used = [i for i in enhanced if i not in series.excluded and series.times_s[i] <= end]
    if not used or not _before(series, inputs):
        raise InputRefused(
            "ARTERIAL-PHASE-MISSING",
            "no pass lies in the arterial phase, or none before the contrast",
            "Measure the enhancing part by hand",
        )
    late = tuple(i for i in used if series.times_s[i] >= end - LATE_S)
    return late or (used[-1],)


def enhancing_part(series: DynamicSeries, mask: Mask, healthy: Mask, inputs: Inputs) -> Mask:
    """Voxels of a lesion (slices, rows, columns) whose enhancement in the late arterial phase is above that of healthy liver by two standard deviations.

    Enhancement is the mean over the late arterial passes less that over those before the contrast, smoothed by 2.5 mm inside lesion and healthy liver each.
    Empty where nothing enhances so. Refused: what :func:`late_arterial_passes` refuses, a mask without a voxel.
    """
    if not (mask.any() and healthy.any()):
        raise InputRefused("REGION-EMPTY", "the lesion or the healthy region holds no voxel", "Draw it inside the scanned volume")
    late, before = late_arterial_passes(series, inputs), _before(series, inputs)
    liver = _enhancement(series, healthy, late, before)[1]
    window, lesion = _enhancement(series, mask, late, before)
    found = np.zeros(mask.shape, bool)
    found[window] = lesion > np.nanmean(liver) + ABOVE_SD * np.nanstd(liver)  # NaN, outside the lesion, is above nothing
    return found


def longest_within(mask: Mask, grid: Grid) -> Axes | None:
    """The longest axial axis that stays within the mask, and the longest one across it that does: a ring is not measured over what it surrounds.

    The long axis runs from voxel centre to voxel centre and a quarter of a voxel's width beyond either, the short one to where the nearest voxel is no
    more of the mask. None where no two voxels of a slice are joined by an axis within.
    """
    axis, _ = slice_axis(grid)
    steps = np.delete(grid.affine[:3, :3], axis, axis=1).T
    best: tuple[float, int, FloatArray] | None = None
    for number in np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))):
        found = _longest(np.take(mask, int(number), axis), steps)
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], int(number), found[1])
    if best is None:
        return None
    _, k, ends = best
    across = _across(np.take(mask, k, axis), steps, ends)
    way = (ends[1] - ends[0]) @ steps
    beyond = 0.25 * float(np.abs(steps @ way).sum() / (way @ way)) * (ends[1] - ends[0])
    long = np.stack([ends[0] - beyond, ends[1] + beyond])
    return Axes(*(_placed(grid, np.insert(pair, axis, k, axis=-1)) for pair in (long, across)))


def _before(series: DynamicSeries, inputs: Inputs) -> tuple[int, ...]:
    """Passes before the contrast that are used."""
    return tuple(i for i in range(inputs.baseline_passes) if i not in series.excluded)


def _enhancement(
    series: DynamicSeries, mask: Mask, late: tuple[int, ...], before: tuple[int, ...]
) -> tuple[tuple[slice, slice, slice], FloatArray]:
    """A box around the mask, and in it the smoothed enhancement (NaN outside the mask and where a pass was not measured)."""
    window = wider(box_of(mask), 3.0 * SMOOTHING_MM, spacing_mm=series.grid.spacing_mm, shape=mask.shape)
    passes = [series.voxels[list(which)][(slice(None), *window)].astype(np.float64).mean(0) for which in (late, before)]
    rise = passes[0] - passes[1]
    inside = mask[window] & np.isfinite(rise)
    return window, smoother(inside, series.grid.spacing_mm)(rise[inside])


def _longest(plane: Mask, steps: FloatArray) -> tuple[float, FloatArray] | None:
    """Length in mm and ends (2, 2) in rows and columns of the longest axis within one slice."""
    from scipy import ndimage

    border = np.argwhere(plane & ~ndimage.binary_erosion(plane)).astype(float)
    border = border[:: max(1, len(border) // MOST_BORDER)]
    first, second = np.triu_indices(len(border), 1)
    lengths = np.linalg.norm((border[second] - border[first]) @ steps, axis=1)
    order = np.argsort(-lengths, kind="stable")
    share = np.linspace(0.0, 1.0, _SAMPLES)[:, None]
    for start in range(0, order.size, _CHUNK):
        chosen = order[start : start + _CHUNK]
        at = border[first[chosen], None] + share * (border[second[chosen]] - border[first[chosen]])[:, None]
        rows, columns = np.rint(at).astype(int).transpose(2, 0, 1)
        within = np.flatnonzero(plane[rows, columns].mean(axis=1) >= 1.0 - MOST_OUTSIDE)
        if within.size:
            one = chosen[within[0]]
            return float(lengths[one]), np.stack([border[first[one]], border[second[one]]])
    return None


def _across(plane: Mask, steps: FloatArray, ends: FloatArray) -> FloatArray:
    """Ends (2, 2) in rows and columns of the longest axis within the slice that crosses the long one at a right angle."""
    way = (ends[1] - ends[0]) @ steps
    normal = np.cross(np.cross(steps[0], steps[1]), way)
    step = normal / np.linalg.norm(normal) @ np.linalg.pinv(steps) * 0.1 * float(np.linalg.norm(steps, axis=1).min())
    most = int(np.ceil(np.hypot(*plane.shape) / np.linalg.norm(step)))
    reach = np.arange(most + 1)[:, None]
    best, longest = np.stack([ends[0], ends[0]]), -1
    for share in np.linspace(0.0, 1.0, _SAMPLES):
        foot = ends[0] + share * (ends[1] - ends[0])
        counts = []
        for sign in (-1.0, 1.0):
            rows, columns = np.rint(foot + sign * reach * step).astype(int).T
            inside = (rows >= 0) & (columns >= 0) & (rows < plane.shape[0]) & (columns < plane.shape[1])
            inside[inside] = plane[rows[inside], columns[inside]]
            counts.append(int(np.argmin(inside)) if not inside.all() else inside.size)
        if min(counts) and sum(counts) > longest:
            longest = sum(counts)
            best = np.stack([foot - counts[0] * step, foot + counts[1] * step])
    return best


def _placed(grid: Grid, index: FloatArray) -> tuple[Point, Point]:
    first, second = ((float(x), float(y), float(z)) for x, y, z in grid.to_mm(index))
    return first, second
