"""Where the border of a voxel mask lies: points on a smooth surface that keeps inside and outside voxels apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.therapy.patches import SAME_SHEET_COSINE, Crossings, crossings, fit, height

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Window = tuple[slice, slice, slice]

#: Patches that are asked where a line crosses them; the mean of their answers counts.
VOTES = 5
_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The border of a mask as points: ``points_mm`` (n, 3) in LPS mm, outward unit ``normals`` (n, 3) and the area of each, ``area_mm2`` (n,).

    There is one point on every straight line between the center of a voxel inside and that of a neighbour outside (face to face), which
    the true border crosses whatever its shape. Where on that line: see :func:`surface_of`. Areas sum to that of the border, not of
    the voxels' faces.
    """

    points_mm: FloatArray
    normals: FloatArray
    area_mm2: FloatArray
    mask: Mask
    grid: Grid


def surface_of(mask: Mask, grid: Grid, *, within: Window | None = None, near: tuple[FloatArray, float] | None = None) -> Surface:
    """The border of ``mask`` (slices, rows, columns) on ``grid``, in the part ``within`` of the array (all of it by default).

    ``near``, LPS points (m, 3) and a distance in mm, leaves out what lies further than that from every one of the points.

    A voxel is taken to be inside when its center is. Around each part of the border a quadratic patch is fitted to the middles of the
    lines between inside and outside centers, each weighted by how firmly it holds the patch, and then moved until no center is on its
    wrong side; of four sizes the largest that can do so is used. A point lies where the patches around it cross its line (their mean),
    and in the middle where none fits (sharp edges, structures of a few voxels). The fine outlines in the slices thus tell where between
    two thick slices a round surface ends. A flat face that lies along the grid tells nothing of the kind: it is known within half a
    voxel's width only, and sharp corners are rounded. The edge of the array is no border.
    """
    from scipy.spatial import cKDTree

    spacing = np.array(grid.spacing_mm)
    window = within or (slice(None), slice(None), slice(None))
    start = np.array([s.indices(n)[0] for s, n in zip(window, mask.shape, strict=True)], float)
    crossed = crossings(mask[window], spacing)
    chosen = np.arange(len(crossed.axis))
    if near is not None:
        middle = grid.to_mm((crossed.inside + crossed.outside) / 2 / spacing + start)
        chosen = np.flatnonzero(np.isfinite(cKDTree(near[0]).query(middle, distance_upper_bound=near[1])[0]))
    at, normals = _place(crossed, chosen, spacing=spacing)
    turn = grid.affine[:3, :3] / spacing
    face = np.prod(spacing) / spacing
    axis = crossed.axis[chosen]
    area = face[axis] * np.abs(np.take_along_axis(normals, axis[:, None], 1)[:, 0])
    return Surface(grid.to_mm(at / spacing + start), normals @ turn.T, area, mask, grid)


def depth_mm(points_mm: FloatArray, surface: Surface, *, piece: float = 0.5) -> FloatArray:
    """How deep points (n, 3) in LPS mm lie below a surface, in mm (n,): positive inside, negative outside.

    The distance is that to the tangent plane at the nearest point of the surface as far as that point stands for it (``piece`` voxel
    widths along each axis), and to the edge of that piece beyond. Infinite where the surface has no points.
    """
    from scipy.spatial import cKDTree

    grid = surface.grid
    inside = _holds(surface.mask, grid, points_mm)
    if not len(surface.points_mm):
        return np.asarray(np.where(inside, np.inf, -np.inf))
    spacing = np.array(grid.spacing_mm)
    _, nearest = cKDTree(surface.points_mm).query(points_mm)
    offset = (points_mm - surface.points_mm[nearest]) @ (grid.affine[:3, :3] / spacing)
    normal = surface.normals[nearest] @ (grid.affine[:3, :3] / spacing)
    above = (offset * normal).sum(1)
    beyond = np.maximum(np.abs(offset - above[:, None] * normal) - piece * spacing, 0.0)
    distance = np.sqrt(above**2 + (beyond**2).sum(1))
    # Close to the border the patch knows better than the voxel which side a point is on; far from it the voxel does.
    outside = np.where(distance > np.linalg.norm(spacing), ~inside, above > 0)
    return np.asarray(np.where(outside, -distance, distance))


def _holds(mask: Mask, grid: Grid, points_mm: FloatArray) -> Mask:
    index = np.rint(grid.to_index(points_mm)).astype(np.intp)
    last = np.array(mask.shape) - 1
    held = np.asarray(mask[tuple(np.clip(index, 0, last).T)])
    return np.asarray(held & ((index >= 0) & (index <= last)).all(1))


def _place(crossed: Crossings, chosen: IntArray, *, spacing: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points and normals for the ``chosen`` crossings; mm along the grid's axes."""
    from scipy.spatial import cKDTree

    diagonal = float(np.linalg.norm(spacing))
    middle = (crossed.inside + crossed.outside) / 2
    points, normals = middle[chosen], crossed.normals[chosen]
    if not len(chosen):
        return points, normals
    tree = cKDTree(middle)
    seeds = chosen[_seeds(points, normals, diagonal)]
    parts = [fit(crossed, middle, seeds[i : i + _BATCH], tree=tree, spacing=spacing) for i in range(0, len(seeds), _BATCH)]
    patches, frames, found = (np.concatenate(part) for part in zip(*parts, strict=True))
    inside, outside = crossed.inside[chosen], crossed.outside[chosen]
    votes = min(VOTES, len(seeds))
    nearest = cKDTree(middle[seeds]).query(points, k=votes)[1].reshape(len(points), votes)
    share, said, direction = np.zeros(len(points)), np.zeros(len(points)), np.zeros_like(points)
    for seed in nearest.T:
        patch, frame, origin = patches[seed], frames[seed], middle[seeds[seed]]
        heard = (crossed.normals[seeds[seed]] * crossed.normals[chosen]).sum(1) > SAME_SHEET_COSINE
        below, _ = height((inside - origin) / diagonal, frame, patch)
        above, _ = height((outside - origin) / diagonal, frame, patch)
        rise = above - below
        sure = heard & found[seed] & (rise > 1e-9)
        at = np.where(sure, np.clip(-below / np.where(sure, rise, 1.0), 0.0, 1.0), 0.5)
        share += heard * at
        said += heard
        _, normal = height((inside + at[:, None] * (outside - inside) - origin) / diagonal, frame, patch)
        direction += np.where(sure[:, None], normal, crossed.normals[chosen] * heard[:, None])
    some = said > 0
    share = np.where(some, share / np.maximum(said, 1.0), 0.5)
    points = inside + share[:, None] * (outside - inside)
    normals = np.where(some[:, None], direction, normals)
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _seeds(middle: FloatArray, normals: FloatArray, diagonal: float) -> IntArray:
    """One crossing for each cell of a voxel diagonal's size and each of six directions."""
    facing = np.abs(normals).argmax(1)
    sign = np.take_along_axis(normals, facing[:, None], 1)[:, 0] > 0
    key = np.column_stack([np.floor(middle / diagonal), facing, sign])
    _, member, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    member = member.reshape(-1)
    center = np.stack([np.bincount(member, middle[:, a]) for a in range(3)], -1) / count[:, None]
    away = ((middle - center[member]) ** 2).sum(1)
    order = np.lexsort((away, member))
    return np.asarray(order[np.r_[0, np.cumsum(count)[:-1]]])
