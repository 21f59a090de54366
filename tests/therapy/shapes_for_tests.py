"""Analytic shapes on grids of any voxel size and offset."""

from __future__ import annotations

import numpy as np

from hepaflow.domain.geometry import Grid

GRIDS = {
    "thesis": (2.5, 0.7, 0.7),
    "even": (1.0, 1.0, 1.0),
    "thick": (5.0, 0.8, 0.8),
    "phantom": (5.0, 3.0, 3.0),
}


def grid_of(spacing: tuple[float, float, float], half_mm: float) -> Grid:
    shape = tuple(int(2 * half_mm / step) + 3 for step in spacing)
    return Grid.from_spacing((shape[0], shape[1], shape[2]), spacing)


def points(grid: Grid) -> np.ndarray:
    return grid.to_mm(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1))


def middle(grid: Grid) -> np.ndarray:
    return grid.to_mm((np.array(grid.shape) - 1) / 2)


def ball(at: np.ndarray, center: np.ndarray, radius: float | tuple[float, float, float]) -> np.ndarray:
    """A ball, or an ellipsoid of three radii (x, y, z)."""
    return (((at - center) / np.array(radius)) ** 2).sum(axis=-1) <= 1.0


def cylinder(at: np.ndarray, through: np.ndarray, axis: np.ndarray, radius: float) -> np.ndarray:
    axis = axis / np.linalg.norm(axis)
    away = at - through
    return np.linalg.norm(away - (away @ axis)[..., None] * axis, axis=-1) <= radius


def half_diagonal(grid: Grid) -> float:
    return 0.5 * float(np.linalg.norm(grid.spacing_mm))
