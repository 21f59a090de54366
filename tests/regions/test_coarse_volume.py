"""The coarse volume against its definition, spelled out voxel by voxel, in every orientation of the grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.regions.search import SMOOTHING_MM, SearchVolume, search_volume

SHAPE, SPACING = (5, 14, 17), (3.0, 1.0, 0.8)
TIMES_S = np.arange(6) * 2.0
ORIENTATIONS = [
    (permutation, signs) for permutation in itertools.permutations(range(3)) for signs in ((1, 1, 1), (-1, 1, -1), (1, -1, 1))
]


def study(permutation: tuple[int, ...], signs: tuple[int, ...], kind: type, *, gaps: bool = False) -> DynamicSeries:
    """Random HU; ``permutation`` names the patient axis (x, y, z) along which each array axis runs."""
    shape = tuple(SHAPE[2 - patient] for patient in permutation)
    affine = np.zeros((4, 4))
    for axis, (patient, sign) in enumerate(zip(permutation, signs, strict=True)):
        affine[patient, axis] = sign * SPACING[2 - patient]
    affine[3, 3] = 1.0
    rng = np.random.default_rng(8)
    voxels = rng.integers(-900, 900, (TIMES_S.size, *shape)).astype(kind)
    if gaps:
        voxels += rng.uniform(-0.5, 0.5, voxels.shape).astype(kind)
        voxels[rng.random(voxels.shape) < 0.3] = np.nan
        voxels[2] = np.nan
    return DynamicSeries(voxels, Grid(shape, affine), TIMES_S, Acquisition("synthetic"))


def upright(volume: np.ndarray, found: SearchVolume) -> np.ndarray:
    turned = np.transpose(volume, found.order)
    return np.flip(turned, [axis for axis in range(3) if found.flipped[axis]])


def blocks(volume: np.ndarray, found: SearchVolume) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Every block of the array, in the array's own direction, with its index in the coarse volume."""
    turned = np.transpose(volume, found.order)
    counts = [n // f for n, f in zip(turned.shape, found.factors, strict=True)]
    rows = []
    for at in np.ndindex(*counts):
        part = turned[tuple(slice(a * f, (a + 1) * f) for a, f in zip(at, found.factors, strict=True))]
        where = tuple(n - 1 - a if flip else a for a, n, flip in zip(at, counts, found.flipped, strict=True))
        rows.append((where, part))
    return rows


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("gaps", [False, True])
def test_blocks_are_the_means_of_what_was_measured(permutation: tuple[int, ...], signs: tuple[int, ...], gaps: bool) -> None:
    series = study(permutation, signs, np.float32 if gaps else np.int16, gaps=gaps)
    found = search_volume(series)
    assert found.factors == (1, 3, 4)
    frames = np.full(found.hu.shape, np.nan, np.float32)
    for frame, volume in zip(frames, series.voxels, strict=True):
        for at, part in blocks(volume, found):
            good = np.isfinite(part)
            if 2 * good.sum() >= part.size:
                total = np.float32(0)
                for value in part[good]:
                    total += np.float32(value)
                frame[at] = np.float64(total) / good.sum()
    assert np.array_equal(found.seen, np.isnan(frames).mean(0) < 0.25)
    for sequence in (range(1, len(frames)), range(len(frames) - 2, -1, -1)):
        for i in sequence:
            gap = np.isnan(frames[i])
            frames[i][gap] = frames[i - (1 if sequence.step > 0 else -1)][gap]
    frames[np.isnan(frames)] = -1024.0
    expected = np.stack([ndimage.gaussian_filter(f, [SMOOTHING_MM / s for s in found.spacing_mm], truncate=3.0) for f in frames])
    assert np.array_equal(found.hu, expected)
    assert np.array_equal(found.highest(4.0), expected[2:].max(0))
    assert np.array_equal(found.mean(3.0, 7.0), expected[2:4].mean(0))
    assert np.array_equal(found.mean(4.4, 4.6), expected[2])


@pytest.mark.parametrize(("permutation", "signs"), ORIENTATIONS)
def test_masks_go_to_the_coarse_grid_and_back(permutation: tuple[int, ...], signs: tuple[int, ...]) -> None:
    series = study(permutation, signs, np.int16)
    found = search_volume(series)
    rng = np.random.default_rng(4)
    shape = series.grid.shape
    boxed = np.zeros(shape, bool)
    boxed[1:4, 2:5, 1:4] = rng.random((3, 3, 3)) < 0.7
    last = np.zeros(shape, bool)
    last[-1, -1, -1] = True  # where an axis does not divide, in no whole block
    for mask in (rng.random(shape) < 0.5, boxed, last, np.zeros(shape, bool), np.ones(shape, bool)):
        coarse = found.from_grid(mask)
        expected = np.zeros(found.body.shape, bool)
        for at, part in blocks(mask, found):
            expected[at] = 2 * part.sum() >= part.size
        assert np.array_equal(coarse, expected)
        for smooth in (False, True):
            back = found.to_grid(coarse, smooth=smooth)
            assert back.shape == shape
            assert np.array_equal(back, _spread(coarse, found, smooth=smooth))


def _spread(coarse: np.ndarray, found: SearchVolume, *, smooth: bool) -> np.ndarray:
    """Every voxel of the study from the block (or the two blocks along each axis) that it lies in (or between)."""
    value = np.flip(coarse, [axis for axis in range(3) if found.flipped[axis]]).astype(np.float32)
    for axis in range(3):
        size, n = found.grid.shape[found.order[axis]], value.shape[axis]
        rows = []
        for voxel in range(size):
            at = (voxel + 0.5) / found.factors[axis] - 0.5
            if smooth:
                below = min(max(int(np.floor(at)), 0), n - 1)
                share = np.float32(min(max(at - below, 0.0), 1.0))
                above = min(below + 1, n - 1)
                rows.append(np.take(value, below, axis) * (1 - share) + np.take(value, above, axis) * share)
            else:
                rows.append(np.take(value, min(max(int(np.rint(at + 1e-9)), 0), n - 1), axis))
        value = np.stack(rows, axis)
    return np.transpose(value > 0.5, np.argsort(found.order))
