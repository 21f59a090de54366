"""A region moved by hand in single passes, where a reader sees that the vessel is not where it was drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid

Mask = npt.NDArray[np.bool_]
Vector = tuple[float, float, float]
#: Shift in mm (LPS) by pass, counted from 0.
ShiftsMm = Mapping[int, Vector]


def moved(mask: Mask, grid: Grid, by_mm: Vector) -> tuple[Mask, float]:
    """``mask`` (slices, rows, columns) moved by a vector in mm (LPS), to the nearest whole voxel, and the share of it still inside.

    >>> grid = Grid.from_spacing((4, 3, 3), (5.0, 2.0, 2.0))
    >>> mask = np.zeros((4, 3, 3), bool)
    >>> mask[1, 1, 1] = True
    >>> place, share = moved(mask, grid, (0.0, 0.0, 5.0))
    >>> np.argwhere(place).tolist(), share
    ([[2, 1, 1]], 1.0)
    """
    step = np.rint(grid.to_index(np.asarray(by_mm, float)) - grid.to_index(np.zeros(3))).astype(int)
    places = np.argwhere(mask) + step
    inside = ((places >= 0) & (places < mask.shape)).all(1)
    out = np.zeros_like(mask)
    out[tuple(places[inside].T)] = True
    return out, float(inside.mean()) if inside.size else 0.0
