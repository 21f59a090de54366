"""Image noise correlated as an iterative reconstruction leaves it: smoothed white noise, brought back to the wanted SD."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid

#: Full width at half maximum of the noise's smoothing kernel in mm and the SD in HU of one voxel, by phantom size: the same dose seen through small and large voxels.
NOISE_FWHM_MM = {"small": 3.0, "full": 2.0}
NOISE_HU = {"small": 4.0, "full": 10.0}


def kernel_1d(fwhm_mm: float, spacing_mm: float) -> npt.NDArray[np.float64]:
    """A Gaussian smoothing kernel sampled on the voxels of one axis, unit energy (so that white noise keeps its SD)."""
    sigma = fwhm_mm / spacing_mm / 2.3548
    reach = int(np.ceil(3.0 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(weights / np.sqrt((weights**2).sum()))


def correlated_noise(generator: np.random.Generator, grid: Grid, *, sd_hu: float, fwhm_mm: float) -> npt.NDArray[np.float32]:
    """One pass of noise (slices, rows, columns) in HU with SD ``sd_hu`` in every voxel, smoothed within slices (``fwhm_mm``)."""
    from scipy.ndimage import correlate1d

    noise = generator.standard_normal(grid.shape, dtype=np.float32)
    for axis in (1, 2):
        weights = kernel_1d(fwhm_mm, grid.spacing_mm[axis])
        noise = correlate1d(noise, weights, axis=axis, mode="wrap")
    noise *= np.float32(sd_hu)
    return np.asarray(noise)
