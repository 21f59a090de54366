"""Mean curves of regions with their standard error, the unenhanced baseline, and enhancement maps for the region finders."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from hepaflow.curves.shifts import ShiftsMm, Vector, moved
from hepaflow.domain.boxes import Box, box_of
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

THREADS = 2
#: A pass in which less of the region was measured than this share gives no sample.
LEAST_VALID = 0.5
#: Noise is taken to be uncorrelated beyond this distance (iterative reconstruction correlates over 2 to 6 mm).
CORRELATION_REACH_MM = 15.0
#: Temporal patterns shared by neighbouring tissues; what they do not explain is noise.
SHARED_PATTERNS = 4
#: Voxels (slices, rows, columns) of the neighbourhood in which noise is looked at.
NEIGHBOURHOOD = (24, 48, 48)
#: Blood above this before any rise already holds contrast (unenhanced blood is 35 to 65 HU at 70 to 140 kV).
UNENHANCED_BLOOD_HU = 95.0
#: Baseline passes that differ by more than this share of the rise are no zero: drift, motion, or contrast from before.
UNSTEADY = 0.10
#: A first step this near to the steepest one is no beginning: a bolus needs a second or two to gather.
ALREADY = 0.9
#: A sample that lies above those before it by less than this share of the rise has not risen: their mean is then right to half of that.
LEAST_RISE = 0.003
#: Probability at which a sample is too high to be one more of those before it.
SAME_LEVEL = 0.99
#: A bolus steepens at its start: a sample that has risen by more than this share of what the next one has is part of the rise.
FIRST_STEP = 0.1


def region_curve(series: DynamicSeries, mask: Mask, *, name: str, shifts: ShiftsMm | None = None) -> TimeCurve:
    """Mean HU of ``mask`` (slices, rows, columns) in every pass, not baseline-corrected; NaN where the pass gives no sample.

    A pass has no sample when it is excluded, when less than half of the region is valid, or when ``shifts`` (mm in LPS, by pass, to the
    nearest voxel) move part of the region out of the volume. ``sd`` is the standard error of the mean
    under spatially correlated noise: with noise covariance C(d) at voxel offset d and M(d) the number of pairs of region voxels d
    apart, var = sum over d of M(d) C(d) / N². C is the autocorrelation, in a box around the region, of what the few temporal patterns
    shared in that box leave unexplained; it is cut at 15 mm. There is no ``sd`` where too little tissue is left to tell. Where slices have
    times of their own, a sample is at the mean time of the region's voxels. Refused: an empty mask or one of another shape.
    """
    if mask.shape != series.grid.shape:
        raise InputRefused("REGION-GRID", f"region {name!r} is not on the study's grid", "Resample the region to the study first")
    index = np.flatnonzero(mask)
    if index.size == 0:
        raise InputRefused("REGION-EMPTY", f"region {name!r} holds no voxel", "Draw the region inside the scanned volume")
    values = np.full(series.passes, np.nan)
    counts = np.zeros(series.passes)
    for i, volume in enumerate(series.voxels):
        if i in series.excluded:
            continue
        place, share = (index, 1.0) if not shifts or i not in shifts else _place(mask, series.grid, shifts[i])
        if share < 1.0:
            continue
        sample = volume.reshape(-1)[place].astype(np.float64)
        good = np.isfinite(sample)
        counts[i] = good.sum()
        if counts[i] >= LEAST_VALID * index.size:
            values[i] = sample[good].mean()
    error = standard_error(series, mask)
    if not np.isfinite(error):
        return TimeCurve(name, region_times_s(series, mask), values)
    with np.errstate(divide="ignore"):
        sd = np.where(np.isfinite(values), error * np.sqrt(index.size / counts), np.nan)
    return TimeCurve(name, region_times_s(series, mask), values, sd)


def region_times_s(series: DynamicSeries, mask: Mask) -> FloatArray:
    """When each pass imaged ``mask`` (slices, rows, columns), in s: the mean over its voxels of the times of their slices."""
    if series.slice_times_s is None:
        return series.times_s
    voxels = mask.sum(axis=(1, 2))
    return np.asarray(series.slice_times_s[:, voxels > 0] @ voxels[voxels > 0] / voxels.sum(), dtype=np.float64)


def _place(mask: Mask, grid: Grid, by_mm: Vector) -> tuple[npt.NDArray[np.intp], float]:
    place, share = moved(mask, grid, by_mm)
    return np.flatnonzero(place), share


def standard_error(series: DynamicSeries, mask: Mask) -> float:
    """Standard error in HU of one pass's mean over ``mask`` when all of it is valid; see :func:`region_curve`."""
    held = box_of(mask)
    box = _box(mask[held], held, series.grid.shape)
    passes = [i for i in range(series.passes) if i not in series.excluded]
    block = np.stack([series.voxels[i][box] for i in passes]).astype(np.float32)
    covariance = noise_covariance(block, series.grid.spacing_mm)
    if covariance is None:
        return float("nan")
    return float(np.sqrt(_mean_variance(mask[held], covariance)))


def noise_covariance(block: npt.NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> FloatArray | None:
    """Noise covariance in HU² by voxel offset, centred array (2r+1, 2s+1, 2t+1), from ``block`` (passes, k, j, i); None if too little data.

    Per voxel, the first few temporal principal patterns of 3 x 3 x 3 means (where noise is low and signal is not) are projected out.
    """
    from scipy import ndimage

    passes = block.shape[0]
    weight = np.isfinite(block).all(0) & (block.min(0) > -200.0)
    if passes < 4 or weight.sum() < 60:
        return None
    values = np.where(weight, block, 0.0)
    kernel = [1 if n < 3 else 3 for n in block.shape[1:]]
    share = ndimage.uniform_filter(weight.astype(np.float32), kernel)
    means = np.stack([ndimage.uniform_filter(v, kernel) for v in values])[:, weight & (share > 0.5)]
    means -= means.mean(0)
    patterns = min(SHARED_PATTERNS, max(1, passes // 4))
    basis = np.linalg.eigh(means @ means.T)[1][:, -patterns:]
    basis = np.linalg.qr(np.column_stack([np.ones(passes, np.float32), basis]))[0]
    flat = values.reshape(passes, -1)
    residual = (flat - basis @ (basis.T @ flat)).reshape(values.shape)
    residual *= np.sqrt(passes / (passes - basis.shape[1]))
    spread = np.median(np.abs(residual[:, weight])) / 0.6745
    weight &= (np.abs(residual) < 6.0 * max(float(spread), 1e-6)).all(0)
    return _autocovariance(np.where(weight, residual, 0.0), weight, spacing_mm)


def _autocovariance(residual: FloatArray, weight: Mask, spacing_mm: tuple[float, float, float]) -> FloatArray:
    reach = [min(int(CORRELATION_REACH_MM // s), n - 1) for s, n in zip(spacing_mm, weight.shape, strict=True)]
    padded = [n + r for n, r in zip(weight.shape, reach, strict=True)]
    axes = (0, 1, 2)
    power = np.zeros([*padded[:2], padded[2] // 2 + 1])
    with ThreadPoolExecutor(THREADS) as pool:  # added up in the order of passes
        for one in pool.map(lambda frame: np.abs(np.fft.rfftn(frame, padded, axes=axes)) ** 2, residual):
            power += one
    pairs = np.fft.irfftn(np.abs(np.fft.rfftn(weight, padded, axes=axes)) ** 2, padded, axes=axes)
    raw = np.fft.irfftn(power, padded, axes=axes) / len(residual)
    ratio = np.where(pairs > 20, raw / np.maximum(pairs, 1), 0.0)
    centred = np.fft.fftshift(ratio)
    middle = [n // 2 for n in padded]
    cut = centred[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))]
    offsets = np.meshgrid(*(np.arange(-r, r + 1) * s for r, s in zip(reach, spacing_mm, strict=True)), indexing="ij")
    distance = np.sqrt(sum(o**2 for o in offsets))
    # A cosine edge keeps the far, purely random offsets from adding up.
    taper = np.where(distance < CORRELATION_REACH_MM, 0.5 + 0.5 * np.cos(np.pi * distance / CORRELATION_REACH_MM), 0.0)
    return np.asarray(cut * taper, np.float64)


def _mean_variance(crop: Mask, covariance: FloatArray) -> float:
    count = int(crop.sum())
    reach = [n // 2 for n in covariance.shape]
    centre = float(covariance[tuple(reach)])
    if crop.size > 400_000:
        # A large region: edge effects on the number of pairs are negligible.
        return max(float(covariance.sum()) / count, centre / count)
    padded = [n + r for n, r in zip(crop.shape, reach, strict=True)]
    axes = (0, 1, 2)
    pairs = np.fft.irfftn(np.abs(np.fft.rfftn(crop.astype(np.float64), padded, axes=axes)) ** 2, padded, axes=axes)
    offsets = np.meshgrid(*(np.arange(-r, r + 1) % n for r, n in zip(reach, padded, strict=True)), indexing="ij")
    return max(float((pairs[tuple(offsets)] * covariance).sum()) / count**2, centre / count)


def _box(crop: Mask, held: Box, shape: tuple[int, int, int]) -> Box:
    """A box of at most NEIGHBOURHOOD voxels around the middle voxel of a region, which is ``crop`` in the box ``held``."""
    slices = []
    for axis, (n, size) in enumerate(zip(NEIGHBOURHOOD, shape, strict=True)):
        profile = np.flatnonzero(crop.any(tuple(a for a in range(3) if a != axis)))
        middle = held[axis].start + int(profile[profile.size // 2])
        start = int(np.clip(middle - n // 2, 0, max(size - n, 0)))
        slices.append(slice(start, min(start + n, size)))
    return slices[0], slices[1], slices[2]


def baseline_passes(times_s: npt.ArrayLike, arterial_hu: npt.ArrayLike) -> int:
    """Number of initial passes before contrast reaches the artery, at least 1, from the arterial curve (n,) in HU; NaN samples are skipped.

    The baseline ends with the last sample, going back from the peak, that fits to those before it: it lies above their level by no more
    than a normal sample would (99 % one-sided, their own scatter), and in any case by less than 4 % of the rise and a tenth of
    what the next sample has risen. With no sample before arrival the answer is still 1: see :func:`baseline_flags`.
    """
    times, values = np.asarray(times_s, float), np.asarray(arterial_hu, float)
    if times.shape != values.shape or times.ndim != 1:
        raise InputRefused("CURVE-SHAPE", "the arterial curve and its times differ in length", "Give one value a time")
    valid = np.flatnonzero(np.isfinite(values))
    if valid.size < 3:
        raise InputRefused("INPUT-TOO-SHORT", "the arterial curve has fewer than 3 valid samples", "Check the excluded passes")
    y = values[valid]
    peak = int(y.argmax())
    rise = y[: peak + 1] - y[: peak + 1].min()
    last = int(np.flatnonzero(rise <= 0.15 * rise.max())[-1])
    for end in range(last, -1, -1):
        before = y[: max(end, 1)]
        level = float(np.median(before))
        if y[end] - level <= _unrisen(before, float(y[min(end + 1, peak)]) - level, float(y[peak]) - level):
            return int(valid[end]) + 1
    return int(valid[0]) + 1


def _unrisen(before: FloatArray, following: float, rise: float) -> float:
    """How far above the level of the samples ``before`` it (n,) a sample may lie and still be baseline, when the next one is ``following``
    above that level and the peak is ``rise`` above it.
    """
    from scipy.special import stdtrit

    n = before.size
    scatter = 1.4826 * float(np.median(np.abs(before - np.median(before)))) if n > 2 else 0.0
    most = max(min(0.04 * rise, FIRST_STEP * following), 3.0 * scatter)
    if n < 2:
        return most
    # samples that the rise has already lifted widen this bound, which is why `most` stands beside it
    normal = float(stdtrit(n - 1, SAME_LEVEL) * before.std(ddof=1) * np.sqrt(1.0 + 1.0 / n))
    return min(max(normal, LEAST_RISE * rise), most)


def baseline_flags(times_s: npt.ArrayLike, arterial_hu: npt.ArrayLike, passes: int, *, hu: bool = True) -> tuple[str, ...]:
    """Flag codes of the baseline found by :func:`baseline_passes`, from the arterial curve (n,) and its times (n,) in s.

    ``baseline-missing``: no valid sample, blood brighter than unenhanced blood can be (with ``hu``), or a rise that was under way at the
    first pass. ``baseline-short``: one pass. ``baseline-unsteady``: the passes differ by more than a tenth of the rise.
    """
    times, values = np.asarray(times_s, float), np.asarray(arterial_hu, float)
    head = values[:passes]
    head = head[np.isfinite(head)]
    if head.size == 0 or (hu and float(np.median(head)) > UNENHANCED_BLOOD_HU) or _under_way(times, values):
        return ("baseline-missing",)
    if head.size < 2:
        return ("baseline-short",)
    return ("baseline-unsteady",) if np.ptp(head) > UNSTEADY * (np.nanmax(values) - head.mean()) else ()


def _under_way(times_s: FloatArray, values: FloatArray) -> bool:
    """True when the arterial rise, drawn back along its steepest step, began before the first pass."""
    valid = np.isfinite(values)
    t, y = times_s[valid], values[valid]
    top = int(y.argmax())
    if top == 0:
        return True
    slopes = np.diff(y[: top + 1]) / np.diff(t[: top + 1])
    steepest = int(slopes.argmax())
    return bool(t[steepest] - (y[steepest] - y[0]) / slopes[steepest] <= t[0] and slopes[0] > ALREADY * slopes[steepest])


def mean_of_passes(series: DynamicSeries, passes: Sequence[int]) -> npt.NDArray[np.float32]:
    """Mean HU (slices, rows, columns) over some passes, NaN samples skipped; one float32 volume and one count are all it holds.

    Refused: no pass.
    """
    chosen = [i for i in passes if i not in series.excluded]
    if not chosen:
        raise InputRefused("SERIES-NO-PASS", "no usable pass in the asked time window", "Check the excluded passes")
    total = np.zeros(series.grid.shape, np.float32)
    if series.voxels.dtype.kind in "iu":
        for i in chosen:
            total += series.voxels[i]
        return total / np.float32(len(chosen))
    count = np.zeros(series.grid.shape, np.float32)
    for i in chosen:
        good = np.isfinite(series.voxels[i])
        np.add(total, series.voxels[i], out=total, where=good)
        count += good
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
