"""A toy torso evaluated at any points: still wall, ribs and spine; soft organs that slide by a known displacement; contrast that arrives."""

from __future__ import annotations

import numpy as np

from hepaflow.domain.geometry import Grid
from hepaflow.domain.motion import MotionField
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.motion import correct

#: Cranio-caudal and antero-posterior travel of each pass in mm; the reference's is 0.
TRAVEL = ((-9.0, -2.0), (-4.0, -1.0), (6.0, 1.5), (-13.0, -3.0), (3.0, 0.5), (0.0, 0.0), (-7.0, -1.0), (4.0, 1.0))
REFERENCE = 5
STRETCH = 0.004


def axial() -> Grid:
    return Grid.from_spacing((22, 44, 54), (6.0, 6.0, 6.0), origin_mm=(-159.0, -129.0, -63.0))


def turned() -> Grid:
    """Slices stacked downwards, rows and columns exchanged, everything turned by 12 degrees about x and 7 about z."""
    plain = axial()
    a, b = np.deg2rad(12.0), np.deg2rad(7.0)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ plain.affine[:3, [0, 2, 1]] @ np.diag([-1.0, 1.0, 1.0])
    shape = (22, 54, 44)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2.0)
    return Grid(shape, affine)


def points(grid: Grid) -> np.ndarray:
    return grid.to_mm(np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1))


def displacement(at: np.ndarray, travel: tuple[float, float]) -> np.ndarray:
    """u (.., 3) mm LPS of the reference's points ``at``: travel growing with height."""
    size = 1.0 + STRETCH * at[..., 2]
    return np.stack([0.0 * size, travel[1] * size, travel[0] * size], axis=-1)


def _origin_of(at: np.ndarray, travel: tuple[float, float]) -> np.ndarray:
    z = (at[..., 2] - travel[0]) / (1.0 + STRETCH * travel[0])
    return np.stack([at[..., 0], at[..., 1] - travel[1] * (1.0 + STRETCH * z), z], axis=-1)


def radius(at: np.ndarray) -> np.ndarray:
    """1 on the skin, 0 on the axis."""
    return (np.abs(at[..., 0] / 145.0) ** 2.5 + np.abs(at[..., 1] / 115.0) ** 2.5) ** 0.4


def cavity(at: np.ndarray) -> np.ndarray:
    return (radius(at) < 0.74) & (np.hypot(at[..., 0], at[..., 1] - 75.0) > 24.0)


def image(at: np.ndarray, travel: tuple[float, float], contrast: float, *, seed: int = 3) -> np.ndarray:
    """HU at the points: organs are soft blobs in fat, some of which enhance."""
    generator = np.random.default_rng(seed)
    x = _origin_of(at, travel)
    waves = generator.normal(0.0, 2.0 * np.pi / 45.0, (12, 3))
    inside = -70.0 + 9.0 * sum(np.sin(x @ wave + number) for number, wave in enumerate(waves))
    for number in range(70):
        centre = generator.uniform((-105, -85, -95), (105, 60, 95))
        size = generator.uniform(10.0, 26.0)
        share = 1.0 / (1.0 + np.exp((np.linalg.norm(x - centre, axis=-1) - size) / 2.0))
        value = 30.0 + 12.0 * (number % 4) + contrast * 25.0 * (number % 3)
        inside = inside * (1.0 - share) + value * share
    r = radius(at)
    hu = np.where(cavity(at), inside, 45.0)
    ribs = (r > 0.76) & (r < 0.84) & (np.abs((at[..., 2] + 20.0 * np.abs(at[..., 1]) / 100.0) % 28.0 - 14.0) < 8.0)
    hu = np.where(ribs, 450.0, hu)
    hu = np.where(np.hypot(at[..., 0], at[..., 1] - 75.0) < 20.0, 350.0, hu)
    return np.where(r > 1.0, -1000.0, hu)


def series(grid: Grid, *, noise_hu: float = 3.0, travel: tuple[tuple[float, float], ...] = TRAVEL) -> DynamicSeries:
    generator = np.random.default_rng(11)
    at = points(grid)
    contrast = np.linspace(0.0, 2.0, len(travel))
    voxels = np.stack([image(at, one, level) for one, level in zip(travel, contrast, strict=True)])
    voxels += generator.normal(0.0, noise_hu, voxels.shape)
    times = np.arange(len(travel)) * 2.0
    return DynamicSeries(np.rint(voxels).astype(np.int16), grid, times, Acquisition("AcquisitionTime"))


def error_mm(field: MotionField, grid: Grid, index: int) -> tuple[float, float]:
    """Mean error and mean true displacement over the middle of the cavity (what stays inside the coverage)."""
    at = points(grid)
    true = displacement(at, TRAVEL[index])
    where = (radius(at) < 0.62) & (np.hypot(at[..., 0], at[..., 1] - 75.0) > 45.0) & (np.abs(at[..., 2]) < 40.0)
    estimated = correct.displacement(field, grid, index)
    return float(np.linalg.norm(estimated - true, axis=-1)[where].mean()), float(np.linalg.norm(true, axis=-1)[where].mean())
