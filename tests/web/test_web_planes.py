from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.domain.geometry import Grid
from hepaflow.web.planes import NOT_MEASURED, PLANES, Plane, float_octets, hu_octets, mean_cut

SHAPE = (3, 4, 5)
ORIENTATIONS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1.0, -1.0), repeat=3)))


def grid(permutation: tuple[int, ...], signs: tuple[float, ...], turn_deg: float = 0.0) -> Grid:
    """A grid whose array axes run along the given patient axes (x, y, z), perhaps turned about two of them."""
    a, b = np.radians(turn_deg), np.radians(0.6 * turn_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = 0.0
    for axis, (patient, sign, step) in enumerate(zip(permutation, signs, (3.0, 0.8, 0.7), strict=True)):
        affine[patient, axis] = sign * step
    affine[:3, :3] = about_x @ about_z @ affine[:3, :3]
    affine[:3, 3] = (-101.25, 33.125, 250.5)
    return Grid(SHAPE, affine)


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("key", PLANES)
def test_a_pixel_is_the_voxel_that_its_plane_says(permutation: tuple[int, ...], signs: tuple[float, ...], key: str) -> None:
    where = grid(permutation, signs, 17.0)
    volume = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    plane = Plane.of(where, key)
    seen = []
    for index in range(plane.shape[0]):
        picture = plane.cut(volume, index)
        assert picture.shape == plane.shape[1:]
        for row, column in np.ndindex(*picture.shape):
            k, j, i, _ = (plane.to_voxel @ [index, row, column, 1]).astype(int)
            assert volume[k, j, i] == picture[row, column]
            assert np.abs((plane.to_mm @ [index, row, column, 1])[:3] - where.to_mm((k, j, i))).max() < 1e-6
        seen.append(picture.ravel())
    assert sorted(np.concatenate(seen)) == list(range(volume.size))


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("turn_deg", [0.0, 17.0])
def test_the_patient_is_shown_as_radiologists_look(permutation: tuple[int, ...], signs: tuple[float, ...], turn_deg: float) -> None:
    """Right on the left, front on top of axial pictures and left of sagittal ones, head on top of the others."""
    where = grid(permutation, signs, turn_deg)
    left, posterior, superior = np.eye(3)
    for key, down, across in (
        ("axial", posterior, left),
        ("coronal", -superior, left),
        ("sagittal", -superior, posterior),
    ):
        plane = Plane.of(where, key)
        assert plane.to_mm[:3, 1] @ down > 0.8 * plane.spacing_mm[1]
        assert plane.to_mm[:3, 2] @ across > 0.8 * plane.spacing_mm[2]
        assert plane.oblique == (turn_deg > 0)
        for place in range(3):
            assert np.linalg.norm(plane.to_mm[:3, place]) == pytest.approx(plane.spacing_mm[place], abs=1e-9)


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
def test_a_bright_corner_is_where_it_belongs(permutation: tuple[int, ...], signs: tuple[float, ...]) -> None:
    """The voxel farthest to the right, front and head of the patient lies in the top left corner of axial and coronal pictures."""
    where = grid(permutation, signs)
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(where.to_mm(indices), -1, 0)
    corner = np.unravel_index(int((z - x - y).argmax()), SHAPE)
    volume = np.zeros(SHAPE, np.int16)
    volume[corner] = 900
    for key in PLANES:
        plane = Plane.of(where, key)
        picture = plane.cut(volume, int(corner[plane.axes[0]]))
        assert picture[0, 0] == 900
        assert picture.sum() == 900


def test_an_axial_study_keeps_the_numbers_of_its_slices() -> None:
    plane = Plane.of(Grid.from_spacing(SHAPE, (3.0, 0.8, 0.7)), "axial")
    assert np.array_equal(plane.to_voxel, np.eye(4))
    assert (plane.told()["step_mm"], plane.told()["row_mm"], plane.told()["column_mm"]) == pytest.approx((3.0, 0.8, 0.7))


@pytest.mark.parametrize("key", PLANES)
@pytest.mark.parametrize("signs", [(1.0, 1.0, 1.0), (-1.0, 1.0, -1.0)])
def test_a_section_in_the_arrays_order_is_turned_like_the_cut(key: str, signs: tuple[float, ...]) -> None:
    for permutation in itertools.permutations(range(3)):
        plane = Plane.of(grid(permutation, signs), key)
        volume = np.random.default_rng(1).normal(size=SHAPE)
        assert np.array_equal(plane.turned(np.take(volume, 1, axis=plane.axes[0])), plane.cut(volume, 1))


def test_octets_are_those_of_the_array() -> None:
    picture = np.arange(-6, 6, dtype=np.int16).reshape(3, 4)
    back = np.frombuffer(hu_octets(picture[::-1, ::-1]), "<i2").reshape(3, 4)
    assert np.array_equal(back, picture[::-1, ::-1])
    values = np.array([[1.5, np.nan], [-0.25, 3e9]], np.float32)
    assert np.array_equal(np.frombuffer(float_octets(values.T), "<f4").reshape(2, 2), values.T, equal_nan=True)


@given(st.lists(st.floats(width=32, allow_infinity=True) | st.just(float("nan")), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_what_was_not_measured_is_told_apart(values: list[float]) -> None:
    shown = np.frombuffer(hu_octets(np.array([values], np.float32)), "<i2")
    for value, there in zip(values, shown, strict=True):
        if np.isfinite(value):
            assert there == np.clip(np.rint(np.float32(value)), NOT_MEASURED + 1, 32767)
        else:
            assert there == NOT_MEASURED


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_the_mean_is_over_the_named_passes(kind: type) -> None:
    voxels = np.random.default_rng(2).integers(-900, 900, (5, *SHAPE)).astype(kind)
    if kind is np.float32:
        voxels[1, 0] = np.nan
        voxels[:, 2, 1, 3] = np.nan
    for key in PLANES:
        plane = Plane.of(Grid.from_spacing(SHAPE, (3.0, 0.8, 0.7)), key)
        for index in range(plane.shape[0]):
            found = mean_cut(plane, voxels, index, passes=[1, 3, 4])
            cuts = plane.cut(voxels[[1, 3, 4]].astype(float), index)
            count = np.isfinite(cuts).sum(0)
            expected = np.where(count > 0, np.nansum(cuts, 0) / np.maximum(count, 1), np.nan)
            assert np.allclose(found, expected, rtol=1e-6, equal_nan=True)  # sums of small whole numbers in float32
