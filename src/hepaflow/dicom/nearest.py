"""A mask from one grid to another by physical position: each voxel takes the value of the nearest voxel of the source."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused

BoolArray = npt.NDArray[np.bool_]


def mask_on(grid: Grid, mask: BoolArray, source: Grid, *, name: str) -> tuple[BoolArray, bool]:
    """``mask`` (slices, rows, columns of ``source``) on ``grid``, and whether part of it lies beyond the grid.

    Refused: an empty mask, one that lies wholly outside the grid, one too small to reach a voxel of the grid.
    """
    planes = np.flatnonzero(mask.any(axis=(1, 2)))
    if not planes.size:
        raise InputRefused("REGION-EMPTY", f"region {name} holds no voxel", "Draw it, or remove its name")
    if source.same_as(grid):
        return np.ascontiguousarray(mask), False
    lowest, highest = np.full(3, np.inf), np.full(3, -np.inf)
    some, whole = False, True
    for plane in planes:  # one at a time: places take a hundred times the memory of a mask
        voxels = np.argwhere(mask[plane])
        there = grid.to_index(source.to_mm(np.insert(voxels, 0, plane, axis=1)))
        inside = ((there > -0.5) & (there < np.array(grid.shape) - 0.5)).all(axis=1)
        some, whole = some or bool(inside.any()), whole and bool(inside.all())
        lowest, highest = np.minimum(lowest, there.min(axis=0)), np.maximum(highest, there.max(axis=0))
    if not some:
        raise InputRefused("REGION-OUTSIDE", f"region {name} lies wholly outside the images", "Give regions of this study")
    # only the part of the grid that the region can reach is visited
    reach = np.abs(np.linalg.inv(grid.affine[:3, :3]) @ source.affine[:3, :3]).sum(axis=1) / 2 + 1
    low = np.maximum(np.floor(lowest - reach), 0).astype(int)
    high = np.minimum(np.ceil(highest + reach) + 1, grid.shape).astype(int)
    out = np.zeros(grid.shape, np.bool_)
    turn = np.linalg.inv(source.affine[:3, :3])
    steps = turn @ grid.affine[:3, :3]
    start = turn @ (grid.affine[:3, 3] - source.affine[:3, 3])
    j, i = np.mgrid[low[1] : high[1], low[2] : high[2]]
    for k in range(low[0], high[0]):
        at = [np.floor(start[a] + steps[a, 0] * k + steps[a, 1] * j + steps[a, 2] * i + 0.5).astype(int) for a in range(3)]
        valid = np.logical_and.reduce([(at[a] >= 0) & (at[a] < source.shape[a]) for a in range(3)])
        found = np.zeros(valid.shape, np.bool_)
        found[valid] = mask[at[0][valid], at[1][valid], at[2][valid]]
        out[k, low[1] : high[1], low[2] : high[2]] = found
    if not out.any():
        raise InputRefused(
            "REGION-EMPTY", f"region {name} is smaller than a voxel of the images", "Draw it on the study's own grid"
        )
    return out, not whole
