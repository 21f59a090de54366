"""From one examination to another of the same patient: where a point of the liver lies months later.

The livers are laid on each other by their centers, then registered as two passes of one series would be. What has changed since, a lesion
that shrank or came, is not told apart from motion there: a carried point is a proposal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.motion import correct

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One picture of an examination: ``image`` (k, j, i) in HU, NaN where nothing was measured, and the ``liver`` on it.

    Refused: arrays that are not on the grid, an empty liver.
    """

    grid: Grid
    image: npt.NDArray[np.float32]
    liver: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.image.shape != self.grid.shape or self.liver.shape != self.grid.shape:
            raise InputRefused("STILL-SHAPE", "picture or liver are not on the examination's grid", "Take both from one case")
        if not self.liver.any():
            raise InputRefused("STILL-LIVER", "an examination holds no liver", "Analyse it again with the liver given")

    @property
    def center_mm(self) -> FloatArray:
        """Center of the liver in mm LPS."""
        return self.grid.to_mm(np.argwhere(self.liver).mean(axis=0))


def carry(points_mm: FloatArray, first: Still, second: Still) -> FloatArray:
    """Where ``points_mm`` (n, 3) of ``first`` lie in ``second``, in mm LPS of that examination."""
    shift = second.center_mm - first.center_mm
    laid = _laid_on(second, first.grid, shift)
    voxels = np.stack([first.image, laid]).astype(np.float32)
    pair = DynamicSeries(voxels, first.grid, np.array([0.0, 1.0]), Acquisition(time_source="two examinations"))
    field = correct.estimate(pair, method="deformable", reference=0)
    moved = correct.displacement(field, first.grid, 1)
    nearest = np.rint(first.grid.to_index(points_mm)).astype(int)
    k, j, i = np.clip(nearest, 0, np.array(first.grid.shape) - 1).T
    return np.asarray(points_mm + moved[k, j, i] + shift)


def _laid_on(second: Still, grid: Grid, shift_mm: FloatArray) -> npt.NDArray[np.float32]:
    """The second picture on ``grid`` after the shift, NaN beyond what it covers."""
    from scipy.ndimage import affine_transform

    moved = grid.affine.copy()
    moved[:3, 3] += shift_mm
    index = np.linalg.inv(second.grid.affine) @ moved
    taken = affine_transform(
        second.image, index[:3, :3], offset=index[:3, 3], output_shape=grid.shape, order=1, mode="constant", cval=np.nan
    )
    return np.asarray(taken, np.float32)
