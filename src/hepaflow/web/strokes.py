"""A brush drawn through a slice of any plane, as voxels: what lies within its radius of the line that the hand drew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.web.planes import Plane

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

#: Points of a stroke this near to the one before, as a share of the radius, say nothing new.
THINNING = 0.02


@dataclass(frozen=True, slots=True)
class Stroke:
    """``path`` in (row, column) pixels of the picture at ``index`` of a ``plane``; ``ball`` reaches into the neighboring slices as well."""

    plane: Literal["axial", "coronal", "sagittal"]
    index: int
    path: tuple[tuple[float, float], ...]
    radius_mm: float
    ball: bool = False


def covered(stroke: Stroke, grid: Grid) -> tuple[tuple[slice, slice, slice], Mask]:
    """The voxels whose centers lie within the radius of the stroke, as a window of the grid and a mask in it.

    The disc of a brush without ``ball`` lies in the picture's slice alone; the voxel that a point lies in always counts, however
    small the brush. Refused (``STROKE-OUTSIDE``): a slice that is not there, a stroke beside the image.
    """
    plane = Plane.of(grid, stroke.plane)
    if not 0 <= stroke.index < plane.shape[0]:
        raise InputRefused("STROKE-OUTSIDE", "the brush was used in a slice that is not there", "Draw inside the images")
    step, down, across = plane.spacing_mm
    path = np.array(stroke.path, float).reshape(-1, 2)
    reach = np.array([stroke.radius_mm / step if stroke.ball else 0.0, stroke.radius_mm / down, stroke.radius_mm / across])
    spots = np.column_stack([np.full(len(path), float(stroke.index)), path])
    spots = _thinned(spots, np.array([step, down, across]), stroke.radius_mm)
    low = np.maximum(np.floor(np.minimum(spots.min(0) - reach, np.rint(spots.min(0)))), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(spots.max(0) + reach, np.rint(spots.max(0)))), np.array(plane.shape) - 1).astype(int)
    if (high < low).any():
        raise InputRefused("STROKE-OUTSIDE", "the brush was used beside the image", "Draw inside the images")
    inside = _painted(spots, low, high, np.array([step, down, across]), stroke.radius_mm)
    return _as_array(plane, low, high, inside)


def _thinned(spots: FloatArray, size_mm: FloatArray, radius_mm: float) -> FloatArray:
    """Without points that lie within a fraction of the radius of the one before: a slow hand sends hundreds of them. Both ends stay."""
    kept = [spots[0]]
    for spot in spots[1:-1]:
        if np.linalg.norm((spot - kept[-1]) * size_mm) > THINNING * radius_mm:
            kept.append(spot)
    return np.array([*kept, spots[-1]] if len(spots) > 1 else kept)


def _painted(
    spots: FloatArray, low: npt.NDArray[np.int_], high: npt.NDArray[np.int_], size_mm: FloatArray, radius_mm: float
) -> Mask:
    """Voxels (index, rows, columns) of the window from ``low`` to ``high`` near the line through ``spots``."""
    inside = np.zeros(high - low + 1, bool)
    for start, end in zip(spots, spots[1:] if len(spots) > 1 else spots, strict=False):
        reach = radius_mm / size_mm
        first = np.clip(np.floor(np.minimum(start, end) - reach).astype(int), low, high + 1)
        last = np.clip(np.ceil(np.maximum(start, end) + reach).astype(int) + 1, low, high + 1)
        offsets = [(np.arange(a, b) - s) * mm for a, b, s, mm in zip(first, last, start, size_mm, strict=True)]
        n, r, c = np.meshgrid(*offsets, indexing="ij", sparse=True)
        way = (end - start) * size_mm
        square = float(way @ way)
        along = np.clip((n * way[0] + r * way[1] + c * way[2]) / square, 0.0, 1.0) if square else np.zeros(1)
        near = (n - along * way[0]) ** 2 + (r - along * way[1]) ** 2 + (c - along * way[2]) ** 2 <= radius_mm**2
        inside[tuple(slice(a - o, b - o) for a, b, o in zip(first, last, low, strict=True))] |= near
    at = np.rint(spots).astype(int)
    at = at[((at >= low) & (at <= high)).all(1)] - low
    inside[tuple(at.T)] = True
    return inside


def _as_array(
    plane: Plane, low: npt.NDArray[np.int_], high: npt.NDArray[np.int_], inside: Mask
) -> tuple[tuple[slice, slice, slice], Mask]:
    """A window of (index, rows, columns) of a plane in the order of the array."""
    for axis, back in zip((1, 2), plane.backwards, strict=True):
        if back:
            inside = np.flip(inside, axis)
            low[axis], high[axis] = plane.shape[axis] - 1 - high[axis], plane.shape[axis] - 1 - low[axis]
    order = np.argsort(plane.axes)
    window = [slice(int(low[place]), int(high[place]) + 1) for place in order]
    return (window[0], window[1], window[2]), np.ascontiguousarray(np.transpose(inside, order))
