from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import longest_axial


def _ellipse(spacing, diameter, ratio, angle, shift, *, slices=3):
    """A digitised elliptic cylinder: voxels whose centre lies inside."""
    n = int(diameter / min(spacing[1:])) + 6
    grid = Grid.from_spacing((slices, n, n), spacing)
    points = grid.to_mm(np.stack(np.meshgrid(*(np.arange(s) for s in grid.shape), indexing="ij"), -1))
    middle = grid.to_mm([slices // 2, n / 2 + shift[0], n / 2 + shift[1]])
    x, y = points[..., 0] - middle[0], points[..., 1] - middle[1]
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return (u**2 + (v / ratio) ** 2) <= (diameter / 2) ** 2, grid, angle


@pytest.mark.parametrize("ratio", [1.0, 0.7, 0.5, 0.25])
@pytest.mark.parametrize("size", [12, 20, 40])
def test_unbiased_for_digitised_ellipses(ratio, size):
    """Mean error below 0.2 voxel over random places and angles; one drawing within 1 voxel (the rule's own scatter is 0.1 to 0.4)."""
    rng = np.random.default_rng(size)
    errors = []
    for _ in range(40):
        mask, grid, _ = _ellipse((5.0, 1.0, 1.0), size, ratio, rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5, 2), slices=1)
        errors.append(longest_axial(mask, grid).mm - size)
    assert abs(np.mean(errors)) < 0.2
    assert np.abs(errors).max() < 1.2


@settings(max_examples=40, deadline=None)
@given(
    spacing=st.tuples(st.floats(1.0, 5.0), st.floats(0.6, 1.5), st.floats(0.6, 1.5)),
    diameter=st.floats(15.0, 60.0),
    ratio=st.floats(0.5, 1.0),
    angle=st.floats(0.0, 3.1),
    shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
def test_diameter_of_any_grid_lies_within_a_voxel(spacing, diameter, ratio, angle, shift):
    mask, grid, _ = _ellipse(spacing, diameter, ratio, angle, shift)
    found = longest_axial(mask, grid)
    assert abs(found.mm - diameter) < 1.0 * np.hypot(*spacing[1:])
    start, end = map(np.array, found.ends_mm)
    assert np.linalg.norm(end - start) == pytest.approx(found.mm, abs=1e-6)
    assert start[2] == pytest.approx(end[2])
    assert found.axial


@settings(max_examples=25, deadline=None)
@given(order=st.permutations([0, 1, 2]), flips=st.tuples(st.booleans(), st.booleans(), st.booleans()), seed=st.integers(0, 99))
def test_array_order_does_not_change_the_diameter(order, flips, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((5, 9, 11)) > 0.6
    grid = Grid.from_spacing(mask.shape, (4.0, 0.9, 1.1), origin_mm=(3.0, -7.0, 11.0))
    turned, affine = mask.transpose(order), grid.affine[:, [*order, 3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            affine[:3, 3] += affine[:3, axis] * (turned.shape[axis] - 1)
            affine[:3, axis] *= -1
    other = longest_axial(np.ascontiguousarray(turned), Grid(turned.shape, affine))
    assert other.mm == pytest.approx(longest_axial(mask, grid).mm, abs=1e-6)


def test_diameter_never_crosses_slices():
    """A rod along z is as wide as it is in one slice, however long."""
    mask = np.zeros((30, 9, 9), bool)
    mask[:, 3:6, 3:6] = True
    assert longest_axial(mask, Grid.from_spacing(mask.shape, (2.0, 1.0, 1.0))).mm < 5.0


def test_pieces_are_measured_apart():
    mask = np.zeros((1, 10, 60), bool)
    mask[0, 2:5, 2:8] = True
    mask[0, 2:5, 40:50] = True
    assert 9.0 < longest_axial(mask, Grid.from_spacing(mask.shape, (2.0, 1.0, 1.0))).mm < 12.0


def test_tilted_slices_are_told():
    angle = np.deg2rad(20)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (0, -np.sin(angle), np.cos(angle)), (0, np.cos(angle), np.sin(angle)), (1, 0, 0)
    mask = np.zeros((3, 20, 20), bool)
    mask[1, 5:15, 9:11] = True
    found = longest_axial(mask, Grid(mask.shape, affine))
    assert not found.axial
    assert 9.5 < found.mm < 11.5


def test_one_voxel_is_a_voxel_wide():
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    assert longest_axial(mask, Grid.from_spacing((3, 3, 3), (5.0, 0.8, 0.8))).mm == pytest.approx(0.8)


def test_empty_mask_is_refused():
    with pytest.raises(InputRefused) as error:
        longest_axial(np.zeros((2, 2, 2), bool), Grid.from_spacing((2, 2, 2), (1.0, 1.0, 1.0)))
    assert error.value.code == "REGION-EMPTY"
