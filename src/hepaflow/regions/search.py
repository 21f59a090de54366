"""The volume that the finders look at: about 3 mm voxels, patient axes, a little smoothed, and the way back to the study's grid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.boxes import box_of
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.regions.blocks import add_blocks

Volume = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

SEARCH_MM = 3.0
SMOOTHING_MM = 2.5
AIR_HU = -1024.0
THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class SearchVolume:
    """Every kept pass on a coarse grid along patient axes: ``hu`` (passes, z, y, x), z to superior, y to posterior, x to left.

    ``spacing_mm`` (z, y, x); ``low``, ``high`` (z, y, x) are the extremes over time; ``seen`` marks voxels measured in most passes.
    """

    hu: Volume
    times_s: npt.NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    low: Volume
    high: Volume
    seen: Mask
    body: Mask
    grid: Grid
    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    factors: tuple[int, int, int]

    def sizes(self, radius_mm: float) -> tuple[float, float, float]:
        """A length in mm as voxels along (z, y, x)."""
        return tuple(radius_mm / s for s in self.spacing_mm)  # type: ignore[return-value]

    def ball(self, radius_mm: float) -> Mask:
        """A ball as a structuring element, at least one voxel."""
        reach = [int(radius_mm // s) for s in self.spacing_mm]
        offsets = np.meshgrid(*(np.arange(-r, r + 1) * s for r, s in zip(reach, self.spacing_mm, strict=True)), indexing="ij")
        return np.asarray(sum(o**2 for o in offsets) <= radius_mm**2 + 1e-6)

    def mean(self, start_s: float, end_s: float) -> Volume:
        """Mean over the passes from ``start_s`` to ``end_s``; the nearest pass when there is none between."""
        inside = (self.times_s >= start_s) & (self.times_s <= end_s)
        if not inside.any():
            inside[np.abs(self.times_s - 0.5 * (start_s + end_s)).argmin()] = True
        first, last = np.flatnonzero(inside)[[0, -1]]
        return np.asarray(self.hu[first : last + 1].mean(0), np.float32)

    def highest(self, start_s: float) -> Volume:
        """The largest value from ``start_s`` on. Refused (ValueError): no pass so late."""
        return np.asarray(self.hu[np.searchsorted(self.times_s, start_s) :].max(0))

    def to_grid(self, mask: Mask, *, smooth: bool = False) -> Mask:
        """A coarse mask on the study's grid; ``smooth`` draws the border by interpolation instead of by blocks."""
        value, spans = _flipped(mask.astype(np.float32), self.flipped), []
        box = box_of(value)
        for axis in range(3):
            size = self.grid.shape[self.order[axis]]
            value, span = _stretch(value, axis, self.factors[axis], size, held=box[axis], smooth=smooth)
            spans.append(span)
        out = np.zeros(self.grid.shape, bool)
        np.transpose(out, self.order)[tuple(spans)] = value > 0.5
        return out

    def from_grid(self, mask: Mask) -> Mask:
        """A mask of the study's grid on the coarse grid: at least half of the voxel, or the whole of a thin structure's middle."""
        moved = np.transpose(mask, self.order)
        blocks = [max(n // f, 1) for n, f in zip(moved.shape, self.factors, strict=True)]
        within = [min(f, n) for f, n in zip(self.factors, moved.shape, strict=True)]
        held = [
            slice(min(span.start // w, n), min(-(-span.stop // w), n))
            for span, w, n in zip(box_of(moved), within, blocks, strict=True)
        ]
        inside = moved[tuple(slice(span.start * w, span.stop * w) for span, w in zip(held, within, strict=True))]
        result = np.zeros(blocks, bool)
        result[tuple(held)] = 2 * _counted(inside, within) >= np.prod(within)
        return np.ascontiguousarray(_flipped(result, self.flipped))


def search_volume(series: DynamicSeries, *, coarse_mm: float = SEARCH_MM, thin: int = 1) -> SearchVolume:
    """Coarse volume of all passes not excluded, one pass at a time; missing samples take the value of the nearest pass in time.

    ``thin`` averages only every so many voxels of a block along each axis: faster, noisier.
    """
    from scipy import ndimage

    order, flipped = patient_axes(series.grid)
    factors: tuple[int, int, int] = tuple(max(1, round(coarse_mm / series.grid.spacing_mm[a])) for a in order)  # type: ignore[assignment]
    spacing: tuple[float, float, float] = tuple(series.grid.spacing_mm[a] * f for a, f in zip(order, factors, strict=True))  # type: ignore[assignment]
    kept = [i for i in range(series.passes) if i not in series.excluded]
    # passes one by one are independent, and the array functions give way to each other
    with ThreadPoolExecutor(THREADS) as pool:
        hu = np.stack(list(pool.map(lambda i: _coarse(series.voxels[i], order, flipped, factors, thin=thin), kept)))
    missing = ~np.isfinite(hu)
    seen = np.asarray(missing.mean(0) < 0.25)
    if missing.any():
        _carry(hu)
    sigma = [SMOOTHING_MM / s for s in spacing]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda frame: ndimage.gaussian_filter(frame, sigma, output=frame, truncate=3.0), hu))
    low, high = hu.min(0), hu.max(0)
    return SearchVolume(hu, series.times_s[kept], spacing, low, high, seen, _body(high), series.grid, order, flipped, factors)


def patient_axes(grid: Grid) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """For superior, posterior and left: which array axis lies closest, and whether it runs the other way."""
    cosines = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    patient = cosines[[2, 1, 0]]
    left = set(range(3))
    chosen = [0, 0, 0]
    for row in np.argsort(-np.abs(patient).max(1), kind="stable"):
        best = max(left, key=lambda a: abs(float(patient[row, a])))
        chosen[row] = best
        left.remove(best)
    flips = [bool(patient[row, axis] < 0) for row, axis in enumerate(chosen)]
    return (chosen[0], chosen[1], chosen[2]), (flips[0], flips[1], flips[2])


def _coarse(
    volume: npt.NDArray[np.generic],
    order: tuple[int, int, int],
    flipped: tuple[bool, bool, bool],
    factors: tuple[int, int, int],
    *,
    thin: int = 1,
) -> Volume:
    """Block means along patient axes; a block is NaN when less than half of it was measured. A last, partial block is left out."""
    moved = np.transpose(volume, order)
    blocks = [max(n // f, 1) for n, f in zip(moved.shape, factors, strict=True)]
    within = tuple(min(f, n) for f, n in zip(factors, moved.shape, strict=True))
    total = np.zeros(blocks, np.float32)
    count = np.zeros(blocks, np.int32)
    add_blocks(moved, within, thin, total, count)
    result = np.divide(
        total, count, out=np.full(blocks, np.nan, np.float32), where=2 * count >= np.prod([-(-f // thin) for f in within])
    )
    return np.ascontiguousarray(_flipped(result, flipped), np.float32)


def _flipped(value: Array, flipped: tuple[bool, bool, bool]) -> Array:
    k, j, i = (slice(None, None, -1 if flip else 1) for flip in flipped)
    return value[k, j, i]


def _carry(hu: Volume) -> None:
    """Fill missing samples from the pass before, else from the pass after, else with air."""
    for sequence in (range(1, len(hu)), range(len(hu) - 2, -1, -1)):
        step = 1 if sequence.step > 0 else -1
        for i in sequence:
            gap = ~np.isfinite(hu[i])
            hu[i][gap] = hu[i - step][gap]
    hu[~np.isfinite(hu)] = AIR_HU


def _body(high: Volume) -> Mask:
    """The patient without table and air: the largest connected part above -250 HU, holes filled slice by slice."""
    from scipy import ndimage

    solid = ndimage.binary_opening(high > -250.0, iterations=1)
    label, count = ndimage.label(solid)
    if count == 0:
        return np.zeros(high.shape, bool)
    largest = label == 1 + int(np.argmax(np.bincount(label.ravel())[1:]))
    return np.asarray(np.stack([ndimage.binary_fill_holes(s) for s in largest]))


def _counted(mask: Mask, within: list[int]) -> npt.NDArray[np.int32]:
    """How many voxels of each block of ``within`` voxels are True."""
    count = mask.astype(np.int32)
    for axis, factor in enumerate(within):
        at: list[slice] = [slice(None)] * 3
        total = np.zeros([n // factor if a == axis else n for a, n in enumerate(count.shape)], np.int32)
        for start in range(factor):
            at[axis] = slice(start, None, factor)
            total += count[tuple(at)]
        count = total
    return count


def _stretch(value: Volume, axis: int, factor: int, size: int, *, held: slice, smooth: bool) -> tuple[Volume, slice]:
    """Values of blocks at the voxels, of ``size``, that they stand for along ``axis``, and where these lie; beyond, all are 0.

    Only the blocks ``held`` are not 0. Voxels past the last whole block take its value. ``smooth`` interpolates linearly between the blocks' centres.
    """
    at = (np.arange(size) + 0.5) / factor - 0.5
    n = value.shape[axis]
    if not smooth:
        below = above = np.clip(np.rint(at + 1e-9), 0, n - 1).astype(int)
    else:
        below = np.clip(np.floor(at).astype(int), 0, n - 1)
        above = np.clip(below + 1, 0, n - 1)
    # both rise along the axis
    span = slice(int(np.searchsorted(above, held.start)), int(np.searchsorted(below, held.stop)))
    below, above = below[span], above[span]
    if not smooth:
        return np.take(value, below, axis), span
    share = np.clip(at[span] - below, 0.0, 1.0).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = below.size
    share = share.reshape(shape)
    return np.asarray(np.take(value, below, axis) * (1 - share) + np.take(value, above, axis) * share, np.float32), span
