"""Descriptive: time to peak, mean slope of increase, peak and area, straight from the samples; any unit, no assumption on the tissue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.model import Direct, DirectModel

FloatArray = npt.NDArray[np.float64]


def arrival_s(inputs: Inputs) -> float:
    """When the arterial input first exceeds a tenth of its peak, in seconds from the first pass."""
    above = np.flatnonzero(inputs.dense_arterial > 0.1 * inputs.dense_arterial.max())
    return float(inputs.dense_times_s[above[0]])


def rise(times_s: FloatArray, values: npt.NDArray[np.floating], inputs: Inputs, noise: float) -> tuple[FloatArray, FloatArray]:
    """TTP in s from arterial arrival and MSI in HU/s for raw HU ``values`` (samples, voxels), NaN = missing.

    The peak is the largest value of the curve smoothed over three neighbouring passes (1, 2, 1); MSI is the rise from the baseline to
    that peak over the time from arterial arrival to it. A voxel that rises by less than ``noise`` (HU) has neither: NaN.
    """
    x = np.asarray(values, float)
    arrival = arrival_s(inputs)
    before = times_s <= arrival
    before[0] = True
    with np.errstate(invalid="ignore"):
        head = np.where(np.isfinite(x[before]), x[before], 0.0)
        baseline = head.sum(0) / np.maximum(np.isfinite(x[before]).sum(0), 1)
        smooth = x.copy()
        # only where neighbours are near in time: smoothing across the gap would move a late peak
        near = np.diff(times_s) <= 2.0 * np.median(np.diff(times_s))
        for i in range(1, len(times_s) - 1):
            if near[i - 1] and near[i]:
                smooth[i] = 0.25 * x[i - 1] + 0.5 * x[i] + 0.25 * x[i + 1]
    smooth = np.where(np.isfinite(smooth), smooth, -np.inf)
    smooth[times_s <= arrival] = -np.inf
    top = smooth.argmax(0)
    height = smooth[top, np.arange(x.shape[1])] - baseline
    ttp = times_s[top] - arrival
    enhanced = np.isfinite(height) & (height > noise) & (ttp > 0)
    safe = np.where(enhanced, ttp, 1.0)
    return np.where(enhanced, ttp, np.nan), np.where(enhanced, height / safe, np.nan)


def _estimate(times_s: FloatArray, values: npt.NDArray[np.floating], inputs: Inputs, noise: float) -> Direct:
    ttp, msi = rise(times_s, values, inputs, noise)
    return Direct({"ttp": ttp, "msi": msi}, {})


DESCRIPTIVE = DirectModel(
    key="descriptive",
    name="descriptive curve parameters",
    estimate=_estimate,
    quantities=("ttp", "msi"),
    fewest=5,
    formula="TTP = time from arterial arrival to the peak; MSI = rise from the baseline to the peak / TTP",
    cannot="It gives no flow, volume or fraction: its numbers depend on injection and heart as much as on the tissue.",
    sources=("Miles KA. Eur J Radiol 1999;30:198",),
)
