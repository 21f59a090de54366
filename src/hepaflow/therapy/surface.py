"""Where the border of a mask lies, finer than its voxels, and how far a point is from it.

A mask says of every voxel's center whether it is inside. Smoothed over a voxel it says more: between the center of a voxel inside and that of
its neighbor outside, the border is taken to lie where the smoothed mask crosses one half. These crossings are the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

#: Smoothing in voxels: enough to see the slope of a border across its steps, little enough to move a sphere of 1 cm by under a tenth of a voxel.
_SMOOTHING = 0.7
#: Points a nearest point is refined from: the plane through it and its normal stands for the surface there.
_REACH = 3


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Points (n, 3) of the border in mm LPS, outward unit ``normals`` (n, 3), the area that each stands for in mm2 (n,), and where they lie on the ``grid``.

    ``truncated``: the mask reaches the edge of the image, beyond which its border is not known.
    """

    points_mm: FloatArray
    normals: FloatArray
    area_mm2: FloatArray
    inside: Mask
    grid: Grid
    truncated: bool


def surface_of(mask: Mask, grid: Grid, *, what: str = "the mask") -> Surface:
    """The border of a mask (k, j, i). Refused: a mask that is not on the grid, or empty."""
    from scipy.ndimage import gaussian_filter

    if mask.shape != grid.shape:
        raise InputRefused("MASK-SHAPE", f"{what} is not on the grid of the images", "Give masks on one grid")
    if not mask.any():
        raise InputRefused("MASK-EMPTY", f"{what} is empty", "Draw it, or leave it out")
    truncated = any(bool(face.any()) for axis in range(3) for face in (np.take(mask, 0, axis), np.take(mask, -1, axis)))
    soft = gaussian_filter(np.pad(mask.astype(np.float64), 2), _SMOOTHING)
    slope = np.stack(np.gradient(soft), axis=-1) / np.array(grid.spacing_mm)
    hard = np.pad(mask, 2)
    places, normals, areas = [], [], []
    for axis in range(3):
        here, there = _neighbors(axis)
        crossing = np.argwhere(hard[here] != hard[there])
        low, high = soft[here][tuple(crossing.T)], soft[there][tuple(crossing.T)]
        step = np.clip((0.5 - low) / np.where(high == low, 1.0, high - low), 0.0, 1.0)
        step[high == low] = 0.5
        down = -(slope[here][tuple(crossing.T)] * (1.0 - step[:, None]) + slope[there][tuple(crossing.T)] * step[:, None])
        normal = down / np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-12)
        place = crossing.astype(np.float64)
        place[:, axis] += step
        places.append(place - 2.0)
        normals.append(normal)
        face = np.prod(grid.spacing_mm) / grid.spacing_mm[axis]
        areas.append(face * np.abs(normal[:, axis]))
    axes = grid.affine[:3, :3] / np.array(grid.spacing_mm)
    return Surface(
        grid.to_mm(np.concatenate(places)),
        np.concatenate(normals) @ axes.T,
        np.concatenate(areas),
        mask,
        grid,
        truncated,
    )


def depth_mm(points_mm: FloatArray, of: Surface) -> FloatArray:
    """How deep points (n, 3) lie in the mask of a surface, in mm: positive inside, negative outside.

    The nearest of the surface's points are looked at as small planes, so that the answer does not depend on where between them a point falls.
    """
    from scipy.spatial import cKDTree

    apart, near = cKDTree(of.points_mm).query(points_mm, k=min(_REACH, len(of.points_mm)))
    apart, near = apart.reshape(len(points_mm), -1), near.reshape(len(points_mm), -1)
    offset = points_mm[:, None, :] - of.points_mm[near]
    along = np.einsum("pqc,pqc->pq", offset, of.normals[near])
    aside = np.sqrt(np.maximum(apart**2 - along**2, 0.0))
    # a plane stands for its voxel only: beyond that the distance to its rim counts
    rim = np.maximum(aside - 0.5 * min(of.grid.spacing_mm), 0.0)
    distance = np.sqrt(along**2 + rim**2).min(axis=1)
    nearest = along[np.arange(len(points_mm)), apart.argmin(axis=1)]
    return np.asarray(np.where(nearest <= 0.0, distance, -distance))


def evened(values: FloatArray, on: Surface, *, diagonals: float) -> FloatArray:
    """Values at the points of a surface, each the mean of those within so many voxel diagonals, by area: steps between slices even out.

    What is narrower than a voxel is lost with them: the mask does not know it.
    """
    from scipy.spatial import cKDTree

    reach = diagonals * float(np.linalg.norm(on.grid.spacing_mm))
    weight = on.area_mm2 + 1e-9 * on.area_mm2.max()
    return np.array(
        [np.average(values[near], weights=weight[near]) for near in cKDTree(on.points_mm).query_ball_point(on.points_mm, reach)]
    )


def _neighbors(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The two views of an array whose elements are neighbors along an axis."""
    here, there = [slice(None)] * 3, [slice(None)] * 3
    here[axis], there[axis] = slice(None, -1), slice(1, None)
    return tuple(here), tuple(there)
