"""What a lesion looks like in numbers, beside the morphology group that a reader gives: support for reading, never a group.

Chun's groups rest on attenuation (homogeneous or not), on the border with the liver (sharp or not) and on a rim; one number stands for each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid

FloatArray = npt.NDArray[np.float64]

#: The border is looked at this far to both sides (mm); the rim is the outermost part of the lesion of this width; the core lies deeper.
_BESIDE_MM, _RIM_MM = 10.0, 3.0
#: Width of a bin of attenuation for the entropy (HU), fewest voxels that say something, and points of the profile.
_BIN_HU, _FEWEST, _STEP_MM = 10.0, 30, 1.0
#: From the nearest center of a voxel of the other kind to a border of any slope, in voxels.
_TO_BORDER = 0.4
#: From 10 % to 90 % of an edge whose blur is a normal distribution, in its standard deviations.
_TEN_TO_NINETY = 2.5631


@dataclass(frozen=True, slots=True)
class Appearance:
    """``spread_hu`` and ``entropy_bits`` (bins of 10 HU) of the core; ``rim_hu``: outermost 3 mm minus core; ``border_mm``: width of the edge between lesion and liver from
    10 to 90 %, never finer than ``finest_mm``, the resolution of the voxels. None where too few voxels say it.
    """

    spread_hu: float | None
    entropy_bits: float | None
    rim_hu: float | None
    border_mm: float | None
    finest_mm: float


def appearance(
    image: npt.NDArray[np.float32], lesion: npt.NDArray[np.bool_], liver: npt.NDArray[np.bool_], *, grid: Grid
) -> Appearance:
    """Of one lesion on a picture in HU (k, j, i; NaN unknown); ``liver`` is where its surroundings count, other lesions not among them."""
    from scipy.ndimage import distance_transform_edt

    box = _around(lesion, grid)
    values, inside, around = image[box], lesion[box], liver[box] & ~lesion[box]
    half = _TO_BORDER * float(np.prod(grid.spacing_mm)) ** (1.0 / 3.0)
    deep, away = (distance_transform_edt(part, sampling=grid.spacing_mm) for part in (inside, ~inside))
    depth = np.where(inside, deep - half, half - away)
    known = np.isfinite(values)
    core, rim = values[known & (depth > _RIM_MM)], values[known & inside & (depth <= _RIM_MM)]
    enough = core.size >= _FEWEST
    return Appearance(
        float(core.std()) if enough else None,
        _entropy(core) if enough else None,
        float(rim.mean() - core.mean()) if enough and rim.size >= _FEWEST else None,
        _border(depth[known & (inside | around)], values[known & (inside | around)]),
        float(np.linalg.norm(grid.spacing_mm)),
    )


def _around(lesion: npt.NDArray[np.bool_], grid: Grid) -> tuple[slice, ...]:
    """The lesion with what lies beside it."""
    at = np.argwhere(lesion)
    margin = np.ceil(_BESIDE_MM / np.array(grid.spacing_mm)).astype(int) + 1
    low, high = np.maximum(at.min(axis=0) - margin, 0), np.minimum(at.max(axis=0) + margin + 1, lesion.shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _entropy(values: npt.NDArray[np.float32]) -> float:
    counts = np.unique(np.floor(values / _BIN_HU), return_counts=True)[1]
    share = counts / counts.sum()
    return float(-(share * np.log2(share)).sum())


def _border(depth: FloatArray, values: npt.NDArray[np.float32]) -> float | None:
    """Width of the edge by a fit of a blurred step to the mean attenuation at each depth."""
    from scipy.optimize import curve_fit
    from scipy.special import ndtr

    centers, means = [], []
    for low in np.arange(-_BESIDE_MM, _BESIDE_MM, _STEP_MM):
        part = values[(depth >= low) & (depth < low + _STEP_MM)]
        if part.size >= _FEWEST // 3:
            centers.append(low + 0.5 * _STEP_MM)
            means.append(float(part.mean()))
    if len(centers) < 8 or min(centers) > -4.0 or max(centers) < 3.0:
        return None

    def edge(x: FloatArray, outside: float, step: float, at: float, log_blur: float) -> FloatArray:
        return np.asarray(outside + step * ndtr((x - at) / math.exp(log_blur)))

    x, y = np.array(centers), np.array(means)
    try:
        found, _ = curve_fit(edge, x, y, p0=(y[0], y[-1] - y[0], 0.0, 0.5), maxfev=2000)
    except RuntimeError:
        return None
    width = _TEN_TO_NINETY * math.exp(float(found[3]))
    return width if width < 2.0 * _BESIDE_MM and abs(found[2]) < 0.5 * _BESIDE_MM else None
