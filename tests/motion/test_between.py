"""From one examination to another: the torso, breathed differently and laid elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import torso

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.motion.between import Still, carry

TRAVEL, LAID_MM = (9.0, 3.0), np.array([25.0, -14.0, 30.0])
ORGAN_MM, ORGAN_RADIUS_MM = np.array([-30.0, 0.0, 0.0]), 45.0


def still(travel: tuple[float, float], *, laid_mm: np.ndarray, contrast: float) -> Still:
    """The torso in one breathing state, the patient lying ``laid_mm`` away; its liver is a ball that breathes along."""
    grid = torso.axial()
    at = torso.points(grid)
    image = torso.image(at, travel, contrast) + np.random.default_rng(5).normal(0.0, 3.0, grid.shape)
    moved = grid.affine.copy()
    moved[:3, 3] += laid_mm
    liver = np.linalg.norm(torso._origin_of(at, travel) - ORGAN_MM, axis=-1) < ORGAN_RADIUS_MM
    return Still(Grid(grid.shape, moved), image.astype(np.float32), liver)


def test_points_of_the_liver_are_carried_to_where_they_lie_now() -> None:
    first, second = still((0.0, 0.0), laid_mm=np.zeros(3), contrast=1.0), still(TRAVEL, laid_mm=LAID_MM, contrast=1.3)
    points = ORGAN_MM + np.random.default_rng(0).uniform(-25.0, 25.0, (40, 3))
    truth = points + torso.displacement(points, TRAVEL) + LAID_MM
    error = np.linalg.norm(carry(points, first, second) - truth, axis=1)
    assert error.mean() < 3.0  # half a voxel of 6 mm
    assert error.max() < 6.0
    by_centers = points + second.center_mm - first.center_mm
    assert np.linalg.norm(by_centers - truth, axis=1).mean() > 0.2  # the stretch of the breath is not in the centers


def test_pictures_that_are_not_of_one_case_are_refused() -> None:
    good = still((0.0, 0.0), laid_mm=np.zeros(3), contrast=1.0)
    with pytest.raises(InputRefused, match="STILL-SHAPE"):
        Still(good.grid, good.image[1:], good.liver)
    with pytest.raises(InputRefused, match="STILL-SHAPE"):
        Still(good.grid, good.image, good.liver[1:])
    with pytest.raises(InputRefused, match="STILL-LIVER"):
        Still(good.grid, good.image, np.zeros_like(good.liver))
