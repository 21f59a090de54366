"""How noisy a study is, and how noise of neighbours goes together: what two profiles of one tissue may differ by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import noise_covariance
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Voxels (slices, rows, columns) of the tiles in which noise is looked at, how many tiles at most, and the share of the best one's tissue that a tile needs.
TILE = (24, 48, 48)
MOST_TILES = 9
LEAST_TISSUE = 0.5
#: Less noise than this is none: the rounding of HU to whole numbers alone has an SD of 0.29 HU.
FLOOR_HU = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """Noise of one voxel in one pass: ``covariance`` in HU² by voxel offset, centred (2r+1, 2s+1, 2t+1)."""

    covariance: FloatArray

    @property
    def sd_hu(self) -> float:
        """Standard deviation of one voxel."""
        return float(np.sqrt(max(self.covariance[tuple(n // 2 for n in self.covariance.shape)], FLOOR_HU**2)))

    def expected_square(self, offsets: npt.NDArray[np.int64]) -> FloatArray:
        """Expected squared difference in HU² of two voxels of one tissue, ``offsets`` (m, 3) apart: 2 (C(0) - C(d)), 2 C(0) beyond its reach."""
        middle = np.array([n // 2 for n in self.covariance.shape])
        inside = np.asarray((np.abs(offsets) <= middle).all(1))
        at = middle + np.where(inside[:, None], offsets, 0)
        between = np.where(inside, self.covariance[tuple(at.T)], 0.0)
        return np.asarray(np.maximum(2.0 * (self.sd_hu**2 - between), 2.0 * FLOOR_HU**2))


def estimate(series: DynamicSeries, mask: Mask) -> Noise:
    """Noise inside ``mask`` (slices, rows, columns): that of the tile of the organ whose variance is the median of all tiles.

    In a tile the temporal patterns that neighbouring tissues share are taken out; what is left is noise (see
    :func:`hepaflow.curves.enhancement.noise_covariance`). Refused: too little tissue to tell.
    """
    kept = [i for i in range(series.passes) if i not in series.excluded]
    found = []
    for tile in _tiles(mask):
        block = np.stack([series.voxels[i][tile] for i in kept]).astype(np.float32)
        block[:, ~mask[tile]] = np.nan
        covariance = noise_covariance(block, series.grid.spacing_mm)
        if covariance is not None:
            found.append(Noise(covariance))
    if not found:
        raise InputRefused(
            "DENOISE-NO-TISSUE", "too little liver was seen in every pass to tell its noise", "Analyse without denoising"
        )
    return sorted(found, key=lambda noise: noise.sd_hu)[len(found) // 2]


def _tiles(mask: Mask) -> list[tuple[slice, slice, slice]]:
    """Up to MOST_TILES tiles evenly spread over those that are well filled."""
    starts = [range(0, max(n - size // 2, 1), size) for n, size in zip(mask.shape, TILE, strict=True)]
    tiles = [
        (slice(k, k + TILE[0]), slice(j, j + TILE[1]), slice(i, i + TILE[2]))
        for k in starts[0]
        for j in starts[1]
        for i in starts[2]
    ]
    filled = np.array([int(mask[tile].sum()) for tile in tiles])
    good = np.flatnonzero(filled >= LEAST_TISSUE * max(int(filled.max()), 1))
    chosen = good[np.unique(np.linspace(0, good.size - 1, min(MOST_TILES, good.size)).round().astype(int))]
    return [tiles[n] for n in chosen]
