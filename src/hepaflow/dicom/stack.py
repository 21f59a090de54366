"""From the places of single slices to one regular grid: position along the slice normal, k increasing with it.

Source: DICOM PS3.3 C.7.6.2.1.1 (image plane: the position of a pixel from ImagePositionPatient, ImageOrientationPatient, PixelSpacing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.headers import Slice
from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]
#: Slices closer than this are at one place: above the rounding of decimal strings and the play of table readings, far below any spacing.
POSITION_MM = 0.05
#: Spacing may wander by this share (rounded decimal strings) before a slice is missed.
SPACING_SHARE = 0.02
_UNIT = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """The grid, and for every slice its index k, in the order given."""

    grid: Grid
    index: tuple[int, ...]


def normal_of(orientation: Sequence[float]) -> FloatArray:
    """Unit normal (3,) of an image plane: direction along a row x direction along a column."""
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / length) if length > _UNIT else np.array([0.0, 0.0, 1.0])


def levels(heights: Sequence[float]) -> tuple[list[float], list[int]]:
    """Distinct heights in ascending order (means of those within ``POSITION_MM``), and the level of every given height."""
    order = np.argsort(heights, kind="stable")
    sorted_heights = np.asarray(heights, float)[order]
    level_sorted = np.concatenate([[0], np.cumsum(np.diff(sorted_heights) > POSITION_MM)])
    index = np.empty(len(heights), int)
    index[order] = level_sorted
    means = [float(sorted_heights[level_sorted == n].mean()) for n in range(int(level_sorted[-1]) + 1)]
    return means, [int(n) for n in index]


def place(slices: Sequence[Slice]) -> Placed:
    """One grid for all slices.

    Refused: directions that are not two perpendicular unit vectors, slices of one level that lie beside each other, uneven spacing
    (a slice missing in every pass shows so), and, by :class:`Grid`, slices that are not stacked at right angles (gantry tilt).
    """
    first = slices[0]
    across, down = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    lengths = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    if max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(across @ down))) > _UNIT:
        raise InputRefused("GEOMETRY-ORIENTATION", "the image orientation is not two perpendicular directions", "Check the export")
    across = across / lengths[0]
    down = down - across * float(across @ down)
    down = down / np.linalg.norm(down)
    normal = np.cross(across, down)
    points = np.array([s.position for s in slices])
    _, index = levels([float(h) for h in points @ normal])
    count = max(index) + 1
    which = np.array(index)
    centres = np.array([points[which == k].mean(axis=0) for k in range(count)])
    aside = np.abs(points - centres[which]).max(axis=1)
    if aside.max() > POSITION_MM:
        k = index[int(aside.argmax())]
        raise InputRefused(
            "SERIES-GEOMETRY",
            f"slice {k + 1} does not lie at the same place in all passes",
            "Give one acquisition of a resting table",
        )
    step = _step(centres, normal, first)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = step, down * first.spacing[0], across * first.spacing[1]
    affine[:3, 3] = centres[0]
    grid = Grid((count, first.pixels.rows, first.pixels.columns), affine, first.frame_uid)
    return Placed(grid, tuple(index))


def _step(centres: FloatArray, normal: FloatArray, first: Slice) -> FloatArray:
    """From one slice to the next, in mm (3,)."""
    if len(centres) == 1:
        return normal * (first.thickness or 1.0)
    gaps = np.diff(centres @ normal)
    usual = float(np.median(gaps))
    allowed = max(SPACING_SHARE * usual, POSITION_MM)
    if np.abs(gaps - usual).max() > allowed:
        k = int(np.abs(gaps - usual).argmax())
        raise InputRefused(
            "SERIES-SPACING",
            f"slices {k + 1} and {k + 2} are {gaps[k]:.2f} mm apart where {usual:.2f} mm is usual: a slice is missing in every pass, "
            "or spacing is uneven",
            "Export the complete series with even spacing",
        )
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    if np.abs(centres - centres[0] - np.arange(len(centres))[:, None] * step).max() > allowed:
        raise InputRefused("SERIES-SPACING", "slices do not lie on one straight line", "Export the series with even spacing")
    # along the normal exactly, unless the stack leans: then the grid itself refuses the shear
    straight = normal * float(step @ normal)
    return straight if np.abs(step - straight).max() * (len(centres) - 1) <= POSITION_MM else np.asarray(step)
