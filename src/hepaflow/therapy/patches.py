"""Smooth patches that keep the voxels inside a mask apart from those outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

#: Radii of the patches that are tried, in voxel diagonals; the largest patch that passes is used.
PATCH_DIAGONALS = (1.5, 2.1, 2.9, 4.0)
#: A patch is refused when voxels lie on its wrong side by more than this (root mean square over its neighbours, in voxel diagonals).
MOST_MISFIT = 0.05
#: It is refused, too, when it runs along the ends of the lines that it may cross instead of anywhere on them: squared distance from
#: their middles over its largest possible value. A third where a round surface crosses them anywhere, 0 for a flat face along the grid,
#: 1 for a patch that bulges as far as the voxels let it.
MOST_PINNED = 0.6
#: Neighbours whose direction differs by more than 70 degrees belong to another sheet of the surface.
SAME_SHEET_COSINE = 0.35
#: Neighbours that one patch looks at, and the fewest that six coefficients can rest on.
MOST_NEIGHBOURS = 128
LEAST_NEIGHBOURS = 12
#: Steps towards a patch with no voxel on its wrong side, and how strongly the first fit holds it back.
STEPS = 12
DAMPING = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Neighbours inside and outside (n, 3), as mm along the grid's axes, the axis between them (n,), and outward directions (n, 3)."""

    inside: FloatArray
    outside: FloatArray
    axis: IntArray
    normals: FloatArray


def crossings(mask: Mask, spacing: FloatArray) -> Crossings:
    """Every pair of face neighbours in an array of which one is inside the mask and the other is not."""
    from scipy import ndimage

    inside, outside, axes = [], [], []
    for axis in range(3):
        low = np.argwhere(np.diff(mask, axis=axis))
        high = low + np.eye(3, dtype=np.intp)[axis]
        first = mask[tuple(low.T)][:, None]
        inside.append(np.where(first, low, high))
        outside.append(np.where(first, high, low))
        axes.append(np.full(len(low), axis, np.intp))
    near, far, axis_of = np.concatenate(inside), np.concatenate(outside), np.concatenate(axes)
    smooth = ndimage.gaussian_filter(mask.astype(float), spacing.max() / spacing, mode="nearest")
    slopes = [
        -np.gradient(smooth, step, axis=a) if n > 1 else np.zeros_like(smooth)
        for a, (step, n) in enumerate(zip(spacing, mask.shape, strict=True))
    ]
    slope = np.stack([s[tuple(near.T)] + s[tuple(far.T)] for s in slopes], -1)
    across = (far - near).astype(float)
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    # A sheet one voxel thin has no slope: its faces then look along the line itself.
    normals = np.where(length > 1e-9, slope / np.maximum(length, 1e-9), across)
    return Crossings(near * spacing, far * spacing, axis_of, normals)


def height(offset: FloatArray, frame: FloatArray, patch: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Height of points above their patch, and the patch's outward normals there; offsets (n, 3) and heights in voxel diagonals."""
    u, v, h = (frame @ offset[..., None])[..., 0].T
    slope_u = patch[:, 1] + 2 * patch[:, 3] * u + patch[:, 4] * v
    slope_v = patch[:, 2] + patch[:, 4] * u + 2 * patch[:, 5] * v
    normal = frame[:, 2] - slope_u[:, None] * frame[:, 0] - slope_v[:, None] * frame[:, 1]
    return h - (_terms(u, v) * patch).sum(1), normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _terms(u: FloatArray, v: FloatArray) -> FloatArray:
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], -1)


def _frames(normal: FloatArray) -> FloatArray:
    """Right-angled directions (n, 3, 3): two along the surface, then its normal."""
    least = np.eye(3)[np.abs(normal).argmin(1)]
    first = np.cross(normal, least)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(normal, first), normal], 1)


def fit(
    crossed: Crossings, middle: FloatArray, seeds: IntArray, *, tree: cKDTree, spacing: FloatArray
) -> tuple[FloatArray, FloatArray, Mask]:
    """Patches (s, 6) of the seeds, their frames (s, 3, 3), and which were found."""
    diagonal = float(np.linalg.norm(spacing))
    frames = _frames(crossed.normals[seeds])
    turn = frames.swapaxes(1, 2)
    patches, found = np.zeros((len(seeds), 6)), np.zeros(len(seeds), bool)
    for radius in PATCH_DIAGONALS:
        near, used = _neighbours(crossed.normals, seeds, tree.query_ball_point(middle[seeds], radius * diagonal))
        axis = crossed.axis[near]
        half = np.abs(np.take_along_axis(crossed.normals[near], axis[..., None], 2)[..., 0]) * spacing[axis] / 2
        weight = used / (half / np.sqrt(3.0) + 0.03 * diagonal) ** 2
        origin = middle[seeds][:, None]
        local = [np.moveaxis((p[near] - origin) @ turn, 2, 0) / diagonal for p in (middle, crossed.inside, crossed.outside)]
        patch, misfit = _separate(local, weight)
        off = np.abs(local[0][2] - (_terms(local[0][0], local[0][1]) @ patch[..., None])[..., 0]) * diagonal
        pinned = (used * np.minimum(off, half) ** 2).sum(1) / np.maximum((used * half**2).sum(1), 1e-12)
        good = (misfit <= MOST_MISFIT) & (pinned <= MOST_PINNED) & (used.sum(1) >= LEAST_NEIGHBOURS)
        patches[good] = patch[good]
        found |= good
    return patches, frames, found


def _neighbours(normals: FloatArray, seeds: IntArray, lists: npt.NDArray[np.object_]) -> tuple[IntArray, FloatArray]:
    """Neighbours (s, k) on the seeds' own sheet, evenly thinned, and 1 or 0 for used or padding."""
    near = np.zeros((len(seeds), MOST_NEIGHBOURS), np.intp)
    used = np.zeros(near.shape)
    for row, (seed, some) in enumerate(zip(seeds, lists, strict=True)):
        kept = np.sort(np.asarray(some, np.intp))
        kept = kept[normals[kept] @ normals[seed] > SAME_SHEET_COSINE]
        if kept.size > MOST_NEIGHBOURS:
            kept = kept[np.linspace(0, kept.size - 1, MOST_NEIGHBOURS).astype(np.intp)]
        near[row, : kept.size], used[row, : kept.size] = kept, 1.0
    return near, used


def _separate(local: list[FloatArray], weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least squares on the middles, then Newton steps on the squared distance of centers on the wrong side; patches and misfit.

    ``local`` holds middles, inside and outside centers, each (3, s, k): two coordinates along the surface, and height, in voxel diagonals as everything here.
    """
    (u, v, h), *ends = local
    terms = _terms(u, v)
    held = _normal(terms, weight) + 1e-6 * np.eye(6)
    patch = _solve(held, _onto(terms, weight * h))
    both = np.concatenate([_terms(e[0], e[1]) for e in ends], 1)
    heights = np.concatenate([e[2] for e in ends], 1)
    twice = np.concatenate([weight, weight], 1)
    neighbours = weight.shape[1]

    def wrong(rows: IntArray | slice) -> FloatArray:
        gap = (both[rows] @ patch[rows][..., None])[..., 0] - heights[rows]
        np.minimum(gap[:, :neighbours], 0.0, out=gap[:, :neighbours])
        np.maximum(gap[:, neighbours:], 0.0, out=gap[:, neighbours:])
        return np.asarray(gap * (twice[rows] > 0))

    rows = np.arange(len(patch))
    for _ in range(STEPS):
        gap = wrong(rows)
        moving = gap.any(1)
        rows, gap = rows[moving], gap[moving]
        if not rows.size:
            break
        active = twice[rows] * (gap != 0)
        patch[rows] -= _solve(_normal(both[rows], active) + DAMPING * held[rows], _onto(both[rows], active * gap))
    everywhere = slice(None)
    return patch, np.sqrt((wrong(everywhere) ** 2).sum(1) / np.maximum(2.0 * (weight > 0).sum(1), 1.0))


def _normal(terms: FloatArray, weight: FloatArray) -> FloatArray:
    return np.asarray((terms * weight[..., None]).swapaxes(1, 2) @ terms)


def _onto(terms: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray((values[:, None] @ terms)[:, 0])


def _solve(matrices: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(matrices, right[..., None])[..., 0])
