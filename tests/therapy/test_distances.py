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
from hepaflow.therapy.distances import SurfaceDistance, surface_distance


def found_and_true(
    generator: np.random.Generator, spacing: tuple[float, float, float], way: np.ndarray, *, vessel: bool
) -> tuple[SurfaceDistance, float, Grid]:
    """A ball and, ``way`` from it, another ball or an oblique cylinder, none thinner than three voxels."""
    way = way / np.linalg.norm(way)
    true, radius, other = generator.uniform(0.5, 12.0), generator.uniform(6.0, 12.0), max(5.0, 1.6 * max(spacing))
    grid = grid_of(spacing, radius + true + 18.0)
    center = middle(grid) + generator.uniform(-0.5, 0.5, 3) * np.array(spacing)[::-1]
    at = points(grid)
    lesion, beyond = ball(at, center - way * (true / 2 + radius), radius), center + way * (true / 2 + other)
    axis = np.cross(way, generator.normal(size=3))
    return surface_distance(lesion, cylinder(at, beyond, axis, other) if vessel else ball(at, beyond, other), grid=grid), true, grid


@pytest.mark.parametrize("vessel", [False, True], ids=["ball", "cylinder"])
@pytest.mark.parametrize("spacing", [GRIDS[name] for name in ("thesis", "even", "phantom")], ids=["thesis", "even", "phantom"])
def test_gaps_are_within_half_a_voxel_diagonal(spacing: tuple[float, float, float], vessel: bool) -> None:
    generator = np.random.default_rng(1)
    for place in range(8):
        way = generator.normal(size=3) if place else np.array([0.05, 0.0, 1.0])
        found, true, grid = found_and_true(generator, spacing, way, vessel=vessel)
        assert found.mm == pytest.approx(true, abs=half_diagonal(grid))
        assert found.within_mm == pytest.approx(half_diagonal(grid))


def test_on_thick_slices_a_gap_along_them_is_known_within_one_slice() -> None:
    generator = np.random.default_rng(2)
    for _ in range(4):
        found, true, _ = found_and_true(generator, GRIDS["thick"], np.array([0.05, 0.0, 1.0]), vessel=False)
        assert found.mm == pytest.approx(true, abs=5.0)  # either end lies somewhere between two slices: half a slice each


def test_the_order_of_the_two_does_not_matter() -> None:
    grid = grid_of((2.5, 0.7, 0.7), 26.0)
    at, center = points(grid), middle(grid) + 0.2
    one, other = ball(at, center - 9.0, 6.0), cylinder(at, center + 9.0, np.array([1.0, 0.3, -0.5]), 4.0)
    first, second = surface_distance(one, other, grid=grid), surface_distance(other, one, grid=grid)
    assert first.mm == pytest.approx(second.mm)
    assert (first.from_mm, first.to_mm) == (second.to_mm, second.from_mm)


def test_the_gap_starts_on_the_side_of_the_vessel() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 30.0)
    at, center = points(grid), middle(grid)
    vessel = cylinder(at, center + np.array([0.0, 18.0, 0.0]), np.array([1.0, 0.0, 0.0]), 4.0)
    found = surface_distance(ball(at, center, 8.0), vessel, grid=grid)
    assert found.mm == pytest.approx(6.0, abs=half_diagonal(grid))
    assert np.array(found.from_mm) - center == pytest.approx([0.0, 8.0, 0.0], abs=2.0)
    assert np.array(found.to_mm)[1] - center[1] == pytest.approx(14.0, abs=1.0)
    assert found.relation == "apart"
    assert found.flags == ()  # the vessel runs out of the image, but further away than 6 mm


def test_what_was_not_scanned_may_be_nearer() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 30.0)
    at, low = points(grid), points(grid)[0, 0, 0]
    lesion = ball(at, low + np.array([10.0, 30.0, 30.0]), 6.0)  # 4 mm from the edge
    vessel = ball(at, low + np.array([-1.0, 30.0, 45.0]), 4.0)  # 8.6 mm away, cut by that edge
    assert surface_distance(lesion, vessel, grid=grid).flags == ("distance-at-most",)


def test_structures_that_overlap_or_are_not_there_have_no_gap() -> None:
    grid = grid_of((1.0, 1.0, 1.0), 24.0)
    at, center = points(grid), middle(grid)
    lesion = ball(at, center, 8.0)
    found = surface_distance(lesion, ball(at, center + np.array([10.0, 0.0, 0.0]), 6.0), grid=grid)
    assert (found.mm, found.relation, found.flags) == (0.0, "overlap", ("distance-overlap",))
    nothing = surface_distance(lesion, np.zeros_like(lesion), grid=grid)
    assert (nothing.mm, nothing.relation, nothing.flags) == (None, "nothing_to_measure_to", ("distance-no-structure",))
    assert {"distance-overlap", "distance-no-structure", "distance-at-most"} <= set(FLAGS)


def test_what_contradicts_itself_is_refused() -> None:
    grid = grid_of((2.0, 2.0, 2.0), 12.0)
    good = ball(points(grid), middle(grid), 5.0)
    with pytest.raises(InputRefused, match="MASK-EMPTY: the lesion"):
        surface_distance(np.zeros_like(good), good, grid=grid)
    with pytest.raises(InputRefused, match="MASK-INVALID: the structure"):
        surface_distance(good, good[1:], grid=grid)
    with pytest.raises(InputRefused, match="MASK-INVALID: the lesion"):
        surface_distance(good.astype(float), good, grid=grid)  # type: ignore[arg-type]
    for mm, relation in ((None, "apart"), (-1.0, "apart"), (0.0, "nothing_to_measure_to")):
        with pytest.raises(InputRefused, match="DISTANCE-INVALID"):
            SurfaceDistance(mm, relation, 1.0)  # type: ignore[arg-type]
