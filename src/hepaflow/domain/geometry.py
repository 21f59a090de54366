"""Where voxels lie: one grid type, millimetres, LPS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A regular voxel grid in the patient's LPS frame (x to the left, y to posterior, z to superior, mm).

    ``shape`` is (slices, rows, columns), the order of every array in hepaflow; ``affine`` (4 x 4) maps an array index
    ``[k, j, i, 1]`` to ``[x, y, z, 1]`` in mm at voxel centres. Refused: a singular affine, empty shape, sheared axes.
    """

    shape: tuple[int, int, int]
    affine: FloatArray
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise InputRefused("GEOMETRY-SINGULAR", "the voxel grid has no valid orientation", "Check the image geometry")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise InputRefused("GEOMETRY-EMPTY", "the voxel grid is empty", "Check the image size")
        steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        if np.abs(steps.T @ steps - np.eye(3)).max() > 1e-3:
            raise InputRefused(
                "GEOMETRY-SHEARED", "slices are not stacked at right angles (gantry tilt)", "Resample to a straight stack first"
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @classmethod
    def from_spacing(
        cls,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        *,
        origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
        frame_of_reference_uid: str = "",
    ) -> Grid:
        """An axial, head-first supine grid: ``spacing_mm`` is (slice, row, column) spacing; ``origin_mm`` the LPS centre of voxel [0, 0, 0]."""
        affine = np.zeros((4, 4))
        affine[2, 0], affine[1, 1], affine[0, 2] = spacing_mm
        affine[:3, 3] = origin_mm
        affine[3, 3] = 1.0
        return cls(shape, affine, frame_of_reference_uid)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbours along (slices, rows, columns) in mm."""
        dk, dj, di = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(dk), float(dj), float(di)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in mL."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    def to_mm(self, index: npt.ArrayLike) -> FloatArray:
        """Array indices (..., 3) as LPS mm (..., 3)."""
        return np.asarray(index, float) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def to_index(self, point_mm: npt.ArrayLike) -> FloatArray:
        """LPS mm (..., 3) as continuous array indices (..., 3)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return (np.asarray(point_mm, float) - self.affine[:3, 3]) @ inverse.T

    def same_as(self, other: Grid, *, tolerance_mm: float = 1e-3) -> bool:
        """True when shapes agree and every corner lies within ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        corners = np.array(
            [(k, j, i) for k in (0, self.shape[0] - 1) for j in (0, self.shape[1] - 1) for i in (0, self.shape[2] - 1)]
        )
        return bool(np.abs(self.to_mm(corners) - other.to_mm(corners)).max() <= tolerance_mm)
