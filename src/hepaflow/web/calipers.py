"""The two axes of a lesion as a reader measures them, proposed from its voxels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import longest_axial, slice_axis
from hepaflow.web.region_state import Caliper, Point

FloatArray = npt.NDArray[np.float64]

#: An axis as a hand draws it is no shorter and no longer than this, in mm.
LEAST_MM, MOST_MM = 0.1, 500.0
#: Two axes are perpendicular within this: a width read so far off is its own by less than 0.4 % (1 / cos), below what a voxel allows.
SQUARE_DEG = 5.0
#: An axis lies in a slice while its ends depart from it by no more than this share of the distance of slices.
IN_SLICE = 0.5
#: Voxels beyond the last centre that an axis may reach: a proposed one ends on the border of the lesion, which may be that of the images.
BEYOND = 1.0


def caliper_of(first: tuple[Point, Point], second: tuple[Point, Point]) -> Caliper:
    """A caliper of two axes in LPS mm; the longer is the long one. Refused (``CALIPER-INVALID``): an axis without a length, one longer than a patient is wide."""
    for one, other in (first, second):
        if not LEAST_MM <= math.dist(one, other) <= MOST_MM:
            raise InputRefused("CALIPER-INVALID", "an axis of the caliper has no possible length", "Draw the caliper again")
    long, short = sorted((first, second), key=lambda ends: -math.dist(*ends))
    return Caliper(long, short)


def measured(first: tuple[Point, Point], second: tuple[Point, Point], grid: Grid) -> Caliper:
    """The caliper that a reader drew on images: the greatest diameter in a slice and the greatest across it (WHO 1979, RECIST 1.1, EASL).

    Refused (``CALIPER-INVALID``): axes that are not in one slice of one direction of cutting, not perpendicular, or reach outside the
    images; and what :func:`caliper_of` refuses.
    """
    found = caliper_of(first, second)
    ends = grid.to_index(np.array([*found.long, *found.short]))
    last = np.array(grid.shape) - 1
    if (ends < -BEYOND).any() or (ends > last + BEYOND).any():
        raise InputRefused("CALIPER-INVALID", "an axis of the caliper reaches outside the images", "Draw the caliper in the images")
    if np.ptp(ends, axis=0).min() > IN_SLICE:
        raise InputRefused("CALIPER-INVALID", "the axes of the caliper are not in one slice", "Draw both axes in the same slice")
    long, short = (np.subtract(*axis) for axis in (found.long, found.short))
    slant = abs(float(long @ short)) / float(np.linalg.norm(long) * np.linalg.norm(short))
    if slant > math.sin(math.radians(SQUARE_DEG)):
        raise InputRefused(
            "CALIPER-INVALID", "the axes of the caliper are not perpendicular", "Draw the short axis across the long one"
        )
    return found


def proposed(mask: npt.NDArray[np.bool_], grid: Grid) -> Caliper:
    """The longest axial diameter, and the longest distance perpendicular to it in the same slice of the same connected part.

    The perpendicular runs from border to border: between voxel centers, and half a voxel's width beyond either, though never longer than
    the diameter: coarse voxels reach further beyond the border than that does. Refused: an empty mask.
    """
    from scipy import ndimage

    found = longest_axial(mask, grid)
    axis, _ = slice_axis(grid)
    ends = np.array(found.ends_mm)
    k = round(float(grid.to_index(ends.mean(0))[axis]))
    label, _ = ndimage.label(np.take(mask, k, axis), np.ones((3, 3)))
    inner = np.delete(grid.to_index(ends[0] + np.array([[0.15], [0.3], [0.5], [0.7], [0.85]]) * (ends[1] - ends[0])), axis, axis=1)
    spots = np.clip(np.rint(inner).astype(int), 0, np.array(label.shape) - 1)
    numbers = label[tuple(spots.T)]
    number = int(np.bincount(numbers[numbers > 0]).argmax()) if (numbers > 0).any() else int(label.max())
    rows, columns = np.nonzero(label == number)
    points = grid.to_mm(np.insert(np.stack([rows, columns], -1).astype(float), axis, k, axis=-1))
    steps = np.delete(grid.affine[:3, :3], axis, axis=1)
    direction = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    normal = np.cross(steps[:, 0], steps[:, 1])
    across = np.cross(normal / np.linalg.norm(normal), direction)
    short = _widest((points - ends[0]) @ direction, (points - ends[0]) @ across, step_mm=float(np.linalg.norm(steps, axis=0).min()))
    at, low, high = short
    half = 0.5 * min(float(np.abs(across @ steps).sum()), found.mm - (high - low))
    foot = ends[0] + at * direction
    return caliper_of(found.ends_mm, (_point(foot + (low - half) * across), _point(foot + (high + half) * across)))


def _widest(along: FloatArray, across: FloatArray, *, step_mm: float) -> tuple[float, float, float]:
    """Where along the axis the outline is widest, and from where to where across it."""
    place = np.rint((along - along.min()) / step_mm).astype(int)
    low, high = np.full(place.max() + 1, np.inf), np.full(place.max() + 1, -np.inf)
    np.minimum.at(low, place, across)
    np.maximum.at(high, place, across)
    best = int(np.argmax(high - low))
    return float(along.min() + best * step_mm), float(low[best]), float(high[best])


def _point(value: FloatArray) -> Point:
    return float(value[0]), float(value[1]), float(value[2])
