"""Sums over blocks of voxels, in one walk through memory."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True, nogil=True)
def add_blocks(
    volume: npt.NDArray[Any],
    within: tuple[int, int, int],
    thin: int,
    total: npt.NDArray[np.float32],
    count: npt.NDArray[np.int32],
) -> None:
    """Adds the finite voxels of every block of ``within`` voxels of ``volume`` to ``total``, and their number to ``count``, both (blocks).

    A block's voxels are added in the order of the array, in float32. ``thin`` takes only every so many along each axis.
    """
    for z in range(total.shape[0]):
        for a in range(0, within[0], thin):
            for y in range(total.shape[1]):
                for b in range(0, within[1], thin):
                    for x in range(total.shape[2]):
                        for c in range(0, within[2], thin):
                            value = volume[z * within[0] + a, y * within[1] + b, x * within[2] + c]
                            if np.isfinite(value):
                                total[z, y, x] += value
                                count[z, y, x] += 1
