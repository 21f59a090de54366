"""From a lesion to the hilum or a vessel, on shapes whose gap is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes_for_tests import GRIDS, ball, cylinder, grid_of, half_diagonal, middle, points

from hepaflow.domain.geometry import Grid
from hepaflow.domain.quality import FLAGS
from hepaflow.errors import InputRefused
from hepaflow.therapy.distances import Gap, gap


def found_and_true(
    generator: np.random.Generator, spacing: tuple[float, float, float], way: np.ndarray, *, vessel: bool
) -> tuple[Gap, float, Grid]:
    """A ball and, ``way`` from it, another ball or an oblique cylinder, none thinner than three voxels."""
    way = way / np.linalg.norm(way)
    true, radius, other = generator.uniform(0.5, 12.0), generator.uniform(6.0, 12.0), max(5.0, 1.6 * max(spacing))
    grid = grid_of(spacing, radius + true + 18.0)
    center = middle(grid) + generator.uniform(-0.5, 0.5, 3) * np.array(spacing)[::-1]
    at = points(grid)
    lesion, beyond = ball(at, center - way * (true / 2 + radius), radius), center + way * (true / 2 + other)
    axis = np.cross(way, generator.normal(size=3))
    return gap(lesion, cylinder(at, beyond, axis, other) if vessel else ball(at, beyond, other), grid=grid), true, grid


@pytest.mark.parametrize("vessel", [False, True], ids=["ball", "cylinder"])
@pytest.mark.parametrize("spacing", GRIDS.values(), ids=GRIDS)
def test_gaps_across_the_slices_plane_are_within_half_a_voxel_diagonal(spacing: tuple[float, float, float], vessel: bool) -> None:
    generator = np.random.default_rng(1)
    for _ in range(12):
        way = generator.normal(size=3) * np.array([1.0, 1.0, 0.4])
        found, true, grid = found_and_true(generator, spacing, way, vessel=vessel)
        assert found.mm == pytest.approx(true, abs=half_diagonal(grid))


@pytest.mark.parametrize("spacing", GRIDS.values(), ids=GRIDS)
def test_a_gap_along_the_slices_is_known_within_one_slice(spacing: tuple[float, float, float]) -> None:
    generator = np.random.default_rng(2)
    for _ in range(8):
        found, true, _ = found_and_true(generator, spacing, np.array([0.05, 0.0, 1.0]), vessel=False)
        # either end lies somewhere between two slices: half a slice each
        assert found.mm == pytest.approx(true, abs=max(spacing[0], half_diagonal(grid_of(spacing, 5.0))))


def test_the_gap_starts_on_the_side_of_the_vessel() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 30.0)
    at, center = points(grid), middle(grid)
    found = gap(ball(at, center, 8.0), cylinder(at, center + np.array([0.0, 18.0, 0.0]), np.array([1.0, 0.0, 0.0]), 4.0), grid=grid)
    assert found.mm == pytest.approx(6.0, abs=half_diagonal(grid))
    assert np.array(found.at_mm) - center == pytest.approx([0.0, 8.0, 0.0], abs=2.0)
    assert found.flags == ("mask-truncated",)  # a vessel that runs out of the image


def test_structures_that_touch_or_overlap_have_no_gap() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 24.0)
    at, center = points(grid), middle(grid)
    found = gap(ball(at, center, 8.0), ball(at, center + np.array([10.0, 0.0, 0.0]), 6.0), grid=grid)
    assert (found.mm, found.flags) == (0.0, ("masks-overlap",))
    beside = gap(at[..., 0] < center[0] - 0.25, at[..., 0] > center[0] - 0.25, grid=grid)
    assert beside.mm == pytest.approx(0.0, abs=0.1)
    assert beside.flags == ("mask-truncated",)
    assert {"masks-overlap", "mask-truncated"} <= set(FLAGS)


def test_empty_and_foreign_masks_are_refused() -> None:
    grid = grid_of((2.0, 2.0, 2.0), 12.0)
    good = ball(points(grid), middle(grid), 5.0)
    with pytest.raises(InputRefused, match="MASK-EMPTY: the hilum"):
        gap(good, np.zeros_like(good), grid=grid, what="the hilum")
    with pytest.raises(InputRefused, match="MASK-EMPTY: the lesion"):
        gap(np.zeros_like(good), good, grid=grid)
    with pytest.raises(InputRefused, match="MASK-SHAPE: the other structure"):
        gap(good, good[1:], grid=grid)
