"""Axial, coronal and sagittal cuts of a volume, turned the way radiologists look at them, whatever the order of its array.

The patient's right is on the left of axial and coronal pictures, the front on top of axial ones and on the left of sagittal ones,
the head on top of the other two. Nothing is resampled: a cut is a plane of the array, and its pixels need not be square. On an
oblique grid each plane takes the array axis nearest to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.curves.picture import mean_over
from hepaflow.domain.geometry import FloatArray, Grid
from hepaflow.regions.search import patient_axes

PLANES = ("axial", "coronal", "sagittal")
#: What stands where nothing was measured.
NOT_MEASURED = -32768
#: An array axis that departs more than this from the patient's is said to be oblique.
OBLIQUE_DEG = 0.5
_SUPERIOR, _POSTERIOR, _LEFT = 0, 1, 2
#: Of each plane: the patient axis that its index, its rows and its columns follow.
_FOLLOWS = {
    "axial": (_SUPERIOR, _POSTERIOR, _LEFT),
    "coronal": (_POSTERIOR, _SUPERIOR, _LEFT),
    "sagittal": (_LEFT, _SUPERIOR, _POSTERIOR),
}


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One direction of cutting a grid: array axes of (index, rows, columns), which of rows and columns run backwards, and where pixels lie.

    ``to_voxel`` and ``to_mm`` (4 x 4) map ``[index, row, column, 1]`` to the array index ``[k, j, i, 1]`` and to LPS mm of the voxel's
    centre. The index is the array's own, so that slices keep their numbers; rows count down the screen, columns to the right.
    """

    axes: tuple[int, int, int]
    backwards: tuple[bool, bool]
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    to_voxel: FloatArray
    to_mm: FloatArray
    oblique: bool

    @classmethod
    def of(cls, grid: Grid, key: str) -> Plane:
        """The ``axial``, ``coronal`` or ``sagittal`` plane of a grid."""
        order, flipped = patient_axes(grid)
        follows = _FOLLOWS[key]
        index, rows, columns = (order[patient] for patient in follows)
        # rows of coronal and sagittal pictures go from head to feet, against the patient's axis
        backwards = (flipped[follows[1]] != (follows[1] == _SUPERIOR), flipped[follows[2]])
        to_voxel = np.zeros((4, 4))
        to_voxel[index, 0], to_voxel[3, 3] = 1.0, 1.0
        for place, axis, back in zip((1, 2), (rows, columns), backwards, strict=True):
            to_voxel[axis, place] = -1.0 if back else 1.0
            to_voxel[axis, 3] = grid.shape[axis] - 1 if back else 0.0
        spacing = grid.spacing_mm
        return cls(
            axes=(index, rows, columns),
            backwards=backwards,
            shape=(grid.shape[index], grid.shape[rows], grid.shape[columns]),
            spacing_mm=(spacing[index], spacing[rows], spacing[columns]),
            to_voxel=to_voxel,
            to_mm=grid.affine @ to_voxel,
            oblique=_oblique(grid),
        )

    def cut(self, volume: npt.NDArray[Any], index: int) -> npt.NDArray[Any]:
        """The picture (..., rows, columns) of ``volume`` (..., k, j, i) at ``index``; a view, nothing is read."""
        section: list[Any] = [slice(None)] * 3
        section[self.axes[0]] = index
        return self.turned(volume[(..., *section)])

    def turned(self, section: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A section of an array, its two axes (the last ones) in the array's own order, as the picture (..., rows, columns); a view."""
        picture = section if self.axes[1] < self.axes[2] else np.swapaxes(section, -1, -2)
        rows, columns = (slice(None, None, -1 if back else 1) for back in self.backwards)
        return picture[..., rows, columns]

    def told(self) -> dict[str, Any]:
        """What the page is told of the plane."""
        count, rows, columns = self.shape
        step, down, across = self.spacing_mm
        return {
            "count": count,
            "rows": rows,
            "columns": columns,
            "row_mm": down,
            "column_mm": across,
            "step_mm": step,
            "to_mm": self.to_mm.tolist(),
            "to_voxel": self.to_voxel.tolist(),
            "oblique": self.oblique,
        }


def _oblique(grid: Grid) -> bool:
    order, _ = patient_axes(grid)
    unit = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    nearness = [abs(float(unit[direction, axis])) for direction, axis in zip((2, 1, 0), order, strict=True)]
    return min(nearness) < cos(radians(OBLIQUE_DEG))


def mean_cut(plane: Plane, voxels: npt.NDArray[Any], index: int, *, passes: list[int]) -> npt.NDArray[Any]:
    """Mean over some ``passes`` of the picture at ``index`` of ``voxels`` (passes, k, j, i); NaN where none has a value. Only the cut is read."""
    if voxels.dtype.kind in "iu":
        total = np.zeros(plane.shape[1:], np.int32)
        for number in passes:
            total += plane.cut(voxels[number], index)
        return total / np.float32(len(passes))
    return mean_over([plane.cut(voxels[number], index).astype(np.float32) for number in passes])


def hu_octets(picture: npt.NDArray[Any]) -> bytes:
    """A picture (rows, columns) in HU as little-endian int16 octets, row by row; NaN becomes ``NOT_MEASURED``."""
    if picture.dtype == np.int16:
        return np.ascontiguousarray(picture, dtype="<i2").tobytes()
    measured = np.isfinite(picture)
    whole = np.clip(np.rint(np.where(measured, picture, 0.0)), NOT_MEASURED + 1, 32767)
    return np.where(measured, whole, NOT_MEASURED).astype("<i2").tobytes()


def float_octets(picture: npt.NDArray[Any]) -> bytes:
    """A picture (rows, columns) as little-endian float32 octets, row by row; NaN where there is none."""
    return np.ascontiguousarray(picture, dtype="<f4").tobytes()
