"""How well passes agree: measures that contrast does not fool, folding, and pictures of motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import DynamicSeries

FloatArray = npt.NDArray[np.float64]
Field = npt.NDArray[np.float32]

#: Share of windows with the largest misfit that is left out: a bolus that enters a window has nothing to do with motion.
_LEFT_OUT = 0.02
#: Between fat (-100 HU) and an organ before contrast (50 HU).
ORGAN_HU = -25.0


def disagreement(variance: FloatArray, where: npt.NDArray[np.bool_]) -> float:
    """Root mean square in HU of what the reference cannot explain of a pass, over windows ``where`` ``variance`` (HU2) is known; NaN if nowhere.

    Each window (about 2 cm) has its own gain and offset, so that enhancement between the two passes costs nothing; displaced edges do.
    """
    values = np.sort(variance[where & np.isfinite(variance)])
    if values.size == 0:
        return float("nan")
    return float(np.sqrt(values[: max(1, round(values.size * (1.0 - _LEFT_OUT)))].mean()))


def border_mm(moved: Field, still: Field, grid: Grid) -> float:
    """Mean distance in mm between the organs' borders of two images (k, j, i) of HU, over where both are known; NaN without a border.

    An organ is what is denser than fat by half (contrast makes it denser still, not larger): the volume that is organ in one image alone,
    over the area of the border. A voxel's faces overstate the area of a slanted border by a half on average (Crofton).
    """
    known = np.isfinite(moved) & np.isfinite(still)
    first, second = (np.where(known, image, -np.inf) > ORGAN_HU for image in (moved, still))
    area = 0.0
    volume = float(np.prod(grid.spacing_mm))
    for axis in range(3):
        here, there = (np.moveaxis(second, axis, 0)[part] for part in (slice(1, None), slice(None, -1)))
        both = np.moveaxis(known, axis, 0)
        area += float(((here != there) & both[1:] & both[:-1]).sum()) * volume / grid.spacing_mm[axis]
    if area == 0.0:
        return float("nan")
    return float((first != second).sum()) * volume / (area / 1.5)


def jacobian(field: Field, nodes: Grid) -> npt.NDArray[np.float32]:
    """Local volume change (nodes k, j, i) of the pull-back x + u(x): determinant of its derivative, 1 = none, under 0 = folded.

    ``field`` (nodes k, j, i, 3) in mm LPS; derivatives are central differences, one-sided at the border.
    """
    matrix = np.zeros((*field.shape[:3], 3, 3))
    for axis in range(3):
        if field.shape[axis] > 1:
            matrix[..., axis] = np.gradient(field.astype(np.float64), axis=axis)
    derivative = matrix @ np.linalg.inv(nodes.affine[:3, :3]) + np.eye(3)
    return np.asarray(np.linalg.det(derivative), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MMode:
    """One column of voxels over time: ``before`` and ``after`` (passes, heights) in HU, the pass times, heights in mm LPS z, where it is."""

    times_s: FloatArray
    heights_mm: FloatArray
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    column: tuple[int, int]


def mmode(series: DynamicSeries, aligned: DynamicSeries, field: MotionField, *, column: tuple[int, int] | None = None) -> MMode:
    """Before and after of the column (row, column), by default of the one through the border that moved most (the dome).

    The array's first axis is taken as height, as in an axial study.
    """
    row, col = busiest_column(series, aligned, field) if column is None else column
    heights = series.grid.to_mm([(k, row, col) for k in range(series.grid.shape[0])])[:, 2]
    before = series.voxels[:, :, row, col].astype(np.float32)
    return MMode(series.times_s, heights, before, aligned.voxels[:, :, row, col].astype(np.float32), (row, col))


def busiest_column(
    series: DynamicSeries, aligned: DynamicSeries, field: MotionField, *, within: npt.NDArray[np.bool_] | None = None
) -> tuple[int, int]:
    """The (row, column) where correction brought the pass that moved most nearest to the reference; the centre without motion.

    What contrast changed is the same before and after, so that it does not count. Only columns of ``within`` (rows, columns), if given.
    """
    from hepaflow.motion.lattice import WINDOW_HU

    size = np.linalg.norm(field.displacements, axis=-1).mean(axis=(1, 2, 3))
    furthest = int(size.argmax())
    if size[furthest] == 0.0:
        return series.grid.shape[1] // 2, series.grid.shape[2] // 2

    def image(voxels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        return np.clip(voxels.astype(np.float32), *WINDOW_HU)

    reference = image(series.voxels[field.reference])
    gain = np.abs(image(series.voxels[furthest]) - reference) - np.abs(image(aligned.voxels[furthest]) - reference)
    total = np.nan_to_num(gain).sum(axis=0)
    if within is not None:
        total = np.where(within, total, -np.inf)
    row, col = np.unravel_index(int(total.argmax()), total.shape)
    return int(row), int(col)
