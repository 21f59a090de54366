"""Axial pictures the way radiologists read them, whatever the order of the array: patient's right on the left, front on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.curves.picture import mean_over
from hepaflow.domain.case import CaseResult
from hepaflow.domain.geometry import Grid

#: Grey window of the CT pictures in HU: wide enough for vessels at 80 kV.
WINDOW_HU = (-20.0, 240.0)


@dataclass(frozen=True, slots=True)
class AxialView:
    """Array axes in the order (superior, posterior, left) and which of them run backwards; spacing in that order in mm."""

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, grid: Grid) -> AxialView:
        """The view of a grid: each patient direction takes the array axis nearest to it."""
        steps = np.asarray(grid.affine[:3, :3])
        unit = steps / np.linalg.norm(steps, axis=0)
        free, axes, flipped = [0, 1, 2], [], []
        for direction in (2, 1, 0):
            axis = max(free, key=lambda candidate, row=direction: abs(unit[row, candidate]))  # type: ignore[misc]
            free.remove(axis)
            axes.append(axis)
            flipped.append(bool(unit[direction, axis] < 0))
        spacing = grid.spacing_mm
        return cls(
            (axes[0], axes[1], axes[2]),
            (flipped[0], flipped[1], flipped[2]),
            (spacing[axes[0]], spacing[axes[1]], spacing[axes[2]]),
        )

    def turn(self, volume: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """``volume`` (..., k, j, i) as (..., superior, posterior, left); a view, nothing is copied."""
        lead = volume.ndim - 3
        turned = volume.transpose(*range(lead), *(lead + axis for axis in self.axes))
        k, j, i = (slice(None, None, -1 if flip else 1) for flip in self.flipped)
        return turned[..., k, j, i]

    def coronal(self, volume: npt.NDArray[Any], row: int) -> npt.NDArray[Any]:
        """The coronal slice at ``row`` (turned order) of ``volume`` (..., k, j, i): (..., head to feet, left); a view."""
        return self.turn(volume)[..., ::-1, row, :]

    def number(self, index: int, slices: int) -> int:
        """Slice number (from 1) in the study's own order of ``index`` in the turned order."""
        return slices - index if self.flipped[0] else index + 1

    def level_mm(self, grid: Grid, index: int) -> float:
        """Height (z of the patient's LPS frame, mm) of the centre of the slice at ``index`` in the turned order."""
        middle = [(count - 1) / 2 for count in grid.shape]
        middle[self.axes[0]] = grid.shape[self.axes[0]] - 1 - index if self.flipped[0] else index
        return float(grid.to_mm(middle)[2])


def largest_slice(view: AxialView, mask: npt.NDArray[np.bool_]) -> int:
    """Index (turned order) of the slice where ``mask`` has its largest area; the middle slice when it is empty."""
    areas = view.turn(mask).sum(axis=(1, 2), dtype=np.int64)
    return int(areas.argmax()) if areas.any() else areas.size // 2


def grey_slice(case: CaseResult, view: AxialView, index: int, *, passes: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Mean HU of one axial slice over ``passes`` (rows, columns); NaN outside coverage. Only that slice is read."""
    turned = view.turn(case.aligned.voxels)
    return mean_over([turned[number, index].astype(np.float32) for number in passes])


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle of rows and columns (may reach beyond the picture) with its extent in mm for drawing."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    spacing_mm: tuple[float, float]

    @classmethod
    def around(cls, mask: npt.NDArray[np.bool_], spacing_mm: tuple[float, float], *, margin_mm: float, aspect: float) -> Crop:
        """Around the True pixels of a slice, grown to ``aspect`` (width over height); the whole slice when there is none."""
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        else:
            top, bottom, left, right = 0, mask.shape[0], 0, mask.shape[1]
        height = (bottom - top) * spacing_mm[0] + 2 * margin_mm
        width = (right - left) * spacing_mm[1] + 2 * margin_mm
        height, width = max(height, width / aspect), max(width, height * aspect)
        half_rows = int(np.ceil(height / spacing_mm[0] / 2))
        half_columns = int(np.ceil(width / spacing_mm[1] / 2))
        row, column = int(top + bottom) // 2, int(left + right) // 2
        return cls((row - half_rows, row + half_rows), (column - half_columns, column + half_columns), spacing_mm)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """(left, right, bottom, top) in mm, for pictures drawn from the top."""
        (top, bottom), (left, right), (dr, dc) = self.rows, self.columns, self.spacing_mm
        return left * dc, right * dc, bottom * dr, top * dr

    def inside(self, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """The part that exists in a picture of ``shape``."""
        return (
            slice(max(self.rows[0], 0), min(self.rows[1], shape[0])),
            slice(max(self.columns[0], 0), min(self.columns[1], shape[1])),
        )

    def extent_inside(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Extent in mm of :meth:`inside`."""
        rows, columns = self.inside(shape)
        dr, dc = self.spacing_mm
        return columns.start * dc, columns.stop * dc, rows.stop * dr, rows.start * dr
