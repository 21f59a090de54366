"""Denoising by the likeness of time profiles: a mean over neighbours that enhance alike, so that noise falls and borders stay."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hepaflow.denoise.kernel import filter_slice
from hepaflow.denoise.noise import Noise, estimate
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

Mask = npt.NDArray[np.bool_]
Box = tuple[slice, slice, slice]
Progress = Callable[[str, int, int], None] | None

#: The spatial weight is a Gaussian that is cut off at this many SDs.
CUT = 2.0
#: Two profiles are compared only over at least this share of the passes.
LEAST_COMMON = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Denoised:
    """A denoised series in the ``box`` of the liver (``series`` is on the grid of the box), with the noise that was found."""

    series: DynamicSeries
    box: Box
    noise: Noise


def denoise(
    aligned: DynamicSeries, mask: Mask, *, radius_mm: float, strength: float, threads: int = 2, progress: Progress = None
) -> Denoised:
    """The voxels of ``mask`` (slices, rows, columns), each a weighted mean over neighbours within ``radius_mm``; time is not smoothed.

    With the mean squared difference s of two profiles over their n common samples, its expectation e under noise alone (what two
    voxels that far apart differ by, see :meth:`Noise.expected_square`) and z = (s - e) / (e sqrt(2 / n)), the weight is

        exp(-d² / 2 (radius / 2)²) (1 - (max(z, 0) / strength)²)², and 0 where z >= strength.

    Noise that is expected is subtracted, so a voxel is not favoured for being like itself. Neighbours outside the mask count like
    any other. A missing sample stays missing and gives no weight; excluded passes take no part and are NaN. The result depends on nothing but its
    input. Refused: an empty mask, too little tissue to tell the noise. After Mendrik et al., Phys Med Biol 2011;56:3857, with a weight
    that ends and with noise taken as it is correlated.
    """
    if not mask.any():
        raise InputRefused("DENOISE-NO-VOXELS", "the liver mask is empty", "Give a liver region or check the proposal")
    noise = estimate(aligned, mask)
    box = _box(mask)
    inside = mask[box]
    offsets, spatial = neighbours(aligned.grid.spacing_mm, radius_mm)
    expected = noise.expected_square(offsets).astype(np.float32)
    kept = [i for i in range(aligned.passes) if i not in aligned.excluded]
    least = np.float32(LEAST_COMMON * len(kept))
    reach = np.abs(offsets).max(0, initial=0)
    out = np.full((aligned.passes, *inside.shape), np.nan, np.float32)

    def work(k: int) -> None:
        slab = _slab(aligned, kept, box, k=k, reach=reach)
        middle = np.ascontiguousarray(_middle(slab, reach).transpose(1, 0, 2))
        clean = middle.copy()
        filter_slice(slab, _spans(inside[k]), offsets, spatial, expected, np.float32(strength), least, clean)
        out[kept, k] = np.where(inside[k], clean, middle)

    with ThreadPoolExecutor(threads) as pool:
        for done, _ in enumerate(pool.map(work, range(inside.shape[0])), 1):
            if progress:
                progress("denoise", done, inside.shape[0])
    slice_times = None if aligned.slice_times_s is None else aligned.slice_times_s[:, box[0]]
    series = replace(aligned, voxels=out, grid=_grid(aligned.grid, box), slice_times_s=slice_times)
    return Denoised(series, box, noise)


def denoised_mask(regions: Regions) -> Mask:
    """Where maps are computed: liver, healthy region, lesions."""
    every = [regions.liver.mask, regions.healthy.mask, *(lesion.shells["whole"].mask for lesion in regions.lesions)]
    return np.asarray(np.logical_or.reduce(every))


def neighbours(spacing_mm: tuple[float, float, float], radius_mm: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Offsets (m, 3) of voxels within ``radius_mm`` and their spatial weights (m,), in mm whatever the voxels; the centre left out."""
    spans = [np.arange(-int(radius_mm // s), int(radius_mm // s) + 1) for s in spacing_mm]
    offsets = np.stack(np.meshgrid(*spans, indexing="ij"), -1).reshape(-1, 3).astype(np.int64)
    distance = np.linalg.norm(offsets * np.array(spacing_mm), axis=1)
    near = (distance > 0.0) & (distance <= radius_mm)
    return offsets[near], np.exp(-0.5 * (CUT * distance[near] / radius_mm) ** 2).astype(np.float32)


def _slab(aligned: DynamicSeries, kept: list[int], box: Box, *, k: int, reach: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Slice ``k`` of the box with its neighbours (slices, rows, samples, columns), NaN beyond the images."""
    starts = [box[0].start + k - reach[0], box[1].start - reach[1], box[2].start - reach[2]]
    stops = [box[0].start + k + 1 + reach[0], box[1].stop + reach[1], box[2].stop + reach[2]]
    sizes = [int(b - a) for a, b in zip(starts, stops, strict=True)]
    slab = np.full((sizes[0], sizes[1], len(kept), sizes[2]), np.nan, np.float32)
    source = tuple(slice(max(a, 0), min(b, n)) for a, b, n in zip(starts, stops, aligned.grid.shape, strict=True))
    target = tuple(slice(s.start - a, s.stop - a) for s, a in zip(source, starts, strict=True))
    for t, index in enumerate(kept):
        slab[target[0], target[1], t, target[2]] = aligned.voxels[index][source]
    return slab


def _middle(slab: npt.NDArray[np.float32], reach: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The slice itself (rows, samples, columns) without margins."""
    rows, columns = slab.shape[1], slab.shape[3]
    return slab[reach[0], reach[1] : rows - reach[1], :, reach[2] : columns - reach[2]]


def _spans(inside: Mask) -> npt.NDArray[np.int64]:
    """First and one past the last column of the mask in each row; equal where there is none."""
    some = inside.any(1)
    first, last = inside.argmax(1), inside.shape[1] - inside[:, ::-1].argmax(1)
    return np.stack([np.where(some, first, 0), np.where(some, last, 0)], 1).astype(np.int64)


def _box(mask: Mask) -> Box:
    sides = []
    for axis in range(3):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        sides.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return sides[0], sides[1], sides[2]


def _grid(grid: Grid, box: Box) -> Grid:
    affine = np.array(grid.affine)
    affine[:3, 3] = grid.to_mm([s.start for s in box])
    shape = (box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start)
    return Grid(shape, affine, grid.frame_of_reference_uid)
