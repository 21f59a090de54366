"""What the rules of this room ask of a mask before they measure it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

Mask = npt.NDArray[np.bool_]
Window = tuple[slice, slice, slice]


def checked(mask: Mask, grid: Grid, *, what: str) -> Mask:
    """``mask`` if it is boolean and of the grid's shape.

    Refused (``MASK-INVALID``): anything else; nothing is thresholded or resampled here.
    """
    if mask.dtype != np.bool_ or mask.shape != grid.shape:
        raise InputRefused("MASK-INVALID", f"{what} is not a mask on the grid given", "Give a boolean array of the grid's shape")
    return mask


def filled(mask: Mask, grid: Grid, *, what: str) -> Mask:
    """Like :func:`checked`; refused (``MASK-EMPTY``) when no voxel is marked."""
    if not checked(mask, grid, what=what).any():
        raise InputRefused("MASK-EMPTY", f"{what} holds no voxel", "Draw it inside the scanned volume")
    return mask


def touches_edge(mask: Mask) -> bool:
    """Whether a mask reaches the first or last voxel of any axis: what lies beyond was not scanned."""
    return any(bool(np.take(mask, end, axis).any()) for axis in range(3) for end in (0, -1))


def window_of(mask: Mask, grid: Grid, *, margin_mm: float) -> Window:
    """The part of the array that holds a mask (not empty) and ``margin_mm`` around it."""
    parts = []
    for axis, (step, size) in enumerate(zip(grid.spacing_mm, mask.shape, strict=True)):
        at = np.flatnonzero(mask.any(tuple(a for a in range(3) if a != axis)))
        reach = int(np.ceil(margin_mm / step))
        parts.append(slice(max(int(at[0]) - reach, 0), min(int(at[-1]) + reach + 1, size)))
    return parts[0], parts[1], parts[2]
