"""Outlines drawn in axial slices, as voxels: filled by voxel centers, and interpolated between the slices that were drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.read_contours import inside
from hepaflow.errors import InputRefused

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Point = tuple[float, float]

ShapeKind = Literal["ellipse", "spline", "freehand"]
#: Straight pieces between two points of a spline; the page draws the same.
PIECES = 12
#: Points of one outline; a hand does not draw more.
MOST_POINTS = 5000


@dataclass(frozen=True, slots=True)
class Shape:
    """A closed outline in one slice; ``points`` are (row, column) in voxels, whole numbers at voxel centers.

    ``ellipse``: the two ends of one axis, then those of the other. ``spline``: a closed uniform Catmull-Rom line through the points.
    ``freehand``: a closed polygon, even-odd where it crosses itself. Refused (``SHAPE-INVALID``): another number of points
    than the kind has, points that are not finite or far outside any image, an ellipse without an area.
    """

    kind: ShapeKind
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        least, most = (4, 4) if self.kind == "ellipse" else (3, MOST_POINTS)
        values = np.asarray(self.points, float)
        if not least <= len(self.points) <= most or values.shape != (len(self.points), 2) or not (np.abs(values) < 1e5).all():
            raise InputRefused(
                "SHAPE-INVALID", "an outline has too few or too many points, or points outside any image", "Draw it again"
            )
        if self.kind == "ellipse" and abs(np.linalg.det(self._arms())) < 1e-9:
            raise InputRefused("SHAPE-INVALID", "an ellipse has no area", "Draw it again")

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Shape:
        """The shape that :meth:`told` told."""
        return cls(told["kind"], tuple((float(row), float(column)) for row, column in told["points"]))

    def told(self) -> dict[str, Any]:
        """The shape as the page knows it."""
        return {"kind": self.kind, "points": [list(point) for point in self.points]}

    def moved(self, rows: float, columns: float) -> Shape:
        """The same outline elsewhere."""
        return Shape(self.kind, tuple((row + rows, column + columns) for row, column in self.points))

    def filled(self, rows: int, columns: int) -> Mask:
        """The voxels (rows, columns) whose centers it encloses."""
        if self.kind == "ellipse":
            return self._ellipse(rows, columns)
        points = np.array(self.points)
        return inside(_spline(points) if self.kind == "spline" else points, (rows, columns))

    def _arms(self) -> FloatArray:
        """Half of either axis, one a column."""
        ends = np.array(self.points)
        return np.stack([ends[1] - ends[0], ends[3] - ends[2]], axis=1) / 2.0

    def _ellipse(self, rows: int, columns: int) -> Mask:
        center = np.array(self.points).mean(0)
        inverse = np.linalg.inv(self._arms())
        down, across = np.arange(rows) - center[0], np.arange(columns) - center[1]
        first = inverse[0, 0] * down[:, None] + inverse[0, 1] * across
        second = inverse[1, 0] * down[:, None] + inverse[1, 1] * across
        return np.asarray(first**2 + second**2 <= 1.0)


def _spline(points: FloatArray) -> FloatArray:
    before, after, beyond = (np.roll(points, step, axis=0) for step in (1, -1, -2))
    t = (np.arange(PIECES) / PIECES)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (before, points, after, beyond))
    line = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.asarray(line.reshape(-1, 2))


def redraw(
    mask: Mask, keys: Iterable[int], changed: Iterable[int], *, sections: Mapping[int, Mask], spacing_mm: tuple[float, float]
) -> Mask:
    """``mask`` (slices, rows, columns) with the ``changed`` slices as in ``sections`` and what lies between them and their neighbors made anew.

    ``keys`` are all slices that are drawn (after the change); one in ``changed`` that is no key was taken away. Slices
    between two drawn ones are interpolated, slices beyond the first and last are empty, all others stay as they are.
    """
    out = mask.copy()
    ordered = sorted(keys)
    for k, section in sections.items():
        out[k] = section
    for k in changed:
        below = [key for key in ordered if key < k][-1:]
        above = [key for key in ordered if key > k][:1]
        for one, other in itertools.pairwise([*below, *([k] if k in ordered else []), *above]):
            out[one + 1 : other] = between(out[one], out[other], other - one - 1, spacing_mm=spacing_mm)
    out[: ordered[0] if ordered else None] = False
    out[ordered[-1] + 1 if ordered else 0 :] = False
    return out


def between(first: Mask, second: Mask, count: int, *, spacing_mm: tuple[float, float]) -> Mask:
    """``count`` slices (count, rows, columns) between two sections, by their signed distances in mm; none where either is empty.

    Both are first laid on one center, which goes in a straight line from one to the other: so a vessel that runs at a slant stays whole.
    Equal sections give a cylinder, two discs a cone.
    """
    from scipy import ndimage

    out = np.zeros((count, *first.shape), bool)
    if count <= 0 or not first.any() or not second.any():
        return out
    rows, columns = np.nonzero(first | second)
    centers = [np.array([at.mean() for at in np.nonzero(part)]) for part in (first, second)]
    margin = int(np.ceil(np.abs(centers[1] - centers[0]).max())) + 2
    top, left = max(int(rows.min()) - margin, 0), max(int(columns.min()) - margin, 0)
    window = (slice(top, int(rows.max()) + margin + 1), slice(left, int(columns.max()) + margin + 1))
    depths = [_depth(part[window], spacing_mm) for part in (first, second)]
    way = centers[1] - centers[0]
    for n in range(count):
        share = (n + 1) / (count + 1)
        moved = [_moved(ndimage, depths[0], share * way), _moved(ndimage, depths[1], (share - 1.0) * way)]
        out[n][window] = (1.0 - share) * moved[0] + share * moved[1] > 0
    return out


def _moved(ndimage: Any, depth: FloatArray, by: FloatArray) -> FloatArray:
    return depth if np.abs(by).max() < 1e-6 else np.asarray(ndimage.shift(depth, by, order=1, mode="nearest"))


def _depth(mask: Mask, spacing_mm: tuple[float, float]) -> FloatArray:
    """Distance in mm to the border, positive inside; 0 nowhere, so that the sign is the mask."""
    from scipy import ndimage

    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(padded, sampling=spacing_mm)
    outside = ndimage.distance_transform_edt(~padded, sampling=spacing_mm)
    half = 0.5 * min(spacing_mm)
    return np.asarray(np.where(padded, inside - half, half - outside)[1:-1, 1:-1])
