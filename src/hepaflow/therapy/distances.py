"""How far a lesion lies from the hilum or a large vessel: from surface to surface, in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.therapy.masks import Mask, checked, filled, window_of
from hepaflow.therapy.patches import PATCH_DIAGONALS, FloatArray
from hepaflow.therapy.surface import Surface, depth_mm, surface_of

Point = tuple[float, float, float]
Relation = Literal["apart", "overlap", "nothing_to_measure_to"]


@dataclass(frozen=True, slots=True)
class SurfaceDistance:
    """Shortest distance of two surfaces, ``mm`` (0 where they overlap, None where there is nothing to measure to).

    It is rounded to 0.01 mm, far below what masks resolve, so that what is printed is what is compared. ``from_mm`` and ``to_mm`` are
    its ends in LPS mm, on the lesion and on the other structure (None unless they are apart). ``within_mm`` is half a voxel diagonal:
    what masks on this grid can be trusted to. Flags: ``distance-at-most`` (one of the two is cut by the edge of the scanned volume,
    and what was not scanned may be nearer), ``distance-overlap``, ``distance-no-structure``.
    """

    mm: float | None
    relation: Relation
    within_mm: float
    from_mm: Point | None = None
    to_mm: Point | None = None
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.mm is None) != (self.relation == "nothing_to_measure_to") or (self.mm is not None and self.mm < 0):
            raise InputRefused("DISTANCE-INVALID", "a distance contradicts what it says of itself", "Use surface_distance")


def surface_distance(lesion: Mask, other: Mask, *, grid: Grid) -> SurfaceDistance:
    """Shortest distance in mm between the borders of ``lesion`` and ``other``, masks (slices, rows, columns) on ``grid``.

    The border of a mask is the smooth surface of :func:`hepaflow.therapy.surface.surface_of`, not the faces of its voxels; the distance
    is measured from either side and the mean of both taken, so that the order of the masks does not matter. On balls, ellipsoids,
    cylinders and oblique boxes it is within half a voxel diagonal of the truth. Two flat faces that both lie along the grid and look at
    each other are known within one voxel's width only: no rule can read more from such masks.
    Refused: a mask of another shape than the grid's (``MASK-INVALID``), an empty lesion (``MASK-EMPTY``).
    """
    filled(lesion, grid, what="the lesion")
    checked(other, grid, what="the structure to measure to")
    half = float(np.linalg.norm(grid.spacing_mm)) / 2
    if not other.any():
        return SurfaceDistance(None, "nothing_to_measure_to", half, flags=("distance-no-structure",))
    if (lesion & other).any():
        return SurfaceDistance(0.0, "overlap", half, flags=("distance-overlap",))
    first, second = _facing(lesion, other, grid)
    there, start = _gap(first, second)
    back, end = _gap(second, first)
    mm = round((there + back) / 2, 2)
    hidden = _unseen_from(lesion, other, grid) < mm
    return SurfaceDistance(mm, "apart", half, start, end, ("distance-at-most",) if hidden else ())


def _facing(lesion: Mask, other: Mask, grid: Grid) -> tuple[Surface, Surface]:
    """Both surfaces where their nearest points can lie."""
    from scipy.spatial import cKDTree

    diagonal = float(np.linalg.norm(grid.spacing_mm))
    ends = [_border_centers(mask, grid) for mask in (lesion, other)]
    # Borders are never further apart than the centers next to them; a voxel's diagonal leaves room for where they lie between.
    apart = float(cKDTree(ends[1]).query(ends[0])[0].min()) + 1.5 * diagonal
    room = apart + (max(PATCH_DIAGONALS) + 1.0) * diagonal
    around = window_of(lesion, grid, margin_mm=room)
    part = np.zeros_like(other)
    part[around] = other[around]
    back = window_of(part, grid, margin_mm=room)
    return (
        surface_of(lesion, grid, within=back, near=(ends[1], apart)),
        surface_of(other, grid, within=around, near=(ends[0], apart)),
    )


def _border_centers(mask: Mask, grid: Grid) -> FloatArray:
    from scipy import ndimage

    return grid.to_mm(np.argwhere(mask & ~ndimage.binary_erosion(mask)))


def _gap(of: Surface, to: Surface) -> tuple[float, Point]:
    """Least distance in mm of the points of one surface from another, and the point it is measured from."""
    # Either point stands for a piece of its surface half a voxel wide to each side.
    depth = depth_mm(of.points_mm, to, piece=1.0)
    nearest = int(depth.argmax())
    x, y, z = of.points_mm[nearest]
    return max(0.0, -float(depth[nearest])), (float(x), float(y), float(z))


def _unseen_from(lesion: Mask, other: Mask, grid: Grid) -> float:
    """How near in mm what was not scanned of one mask can be to the other: the latter's distance to an edge that cuts the former."""
    nearest = np.inf
    for axis, step in enumerate(grid.spacing_mm):
        rest = tuple(a for a in range(3) if a != axis)
        ends = [np.flatnonzero(mask.any(rest))[[0, -1]] for mask in (lesion, other)]
        last = grid.shape[axis] - 1
        for (low, high), (low_2, high_2) in (ends, ends[::-1]):
            nearest = min(nearest, low_2 * step if low == 0 else np.inf, (last - high_2) * step if high == last else np.inf)
    return float(nearest)
