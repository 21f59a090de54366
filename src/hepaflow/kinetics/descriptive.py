"""Descriptive: time to peak, mean slope of increase, peak and area, straight from the samples; any unit, no assumption on the tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.model import Direct, DirectModel, Reader, Settings, Values

FloatArray = npt.NDArray[np.float64]


def arrival_s(inputs: Inputs) -> float:
    """When the arterial input first exceeds a tenth of its peak, in seconds from the first pass."""
    above = np.flatnonzero(inputs.dense_arterial > 0.1 * inputs.dense_arterial.max())
    return float(inputs.dense_times_s[above[0]])


def rise(times_s: FloatArray, values: Values, inputs: Inputs, noise: float) -> tuple[FloatArray, FloatArray]:
    """TTP in s from arterial arrival and MSI in HU/s for raw HU ``values`` (samples, voxels), NaN = missing.

    The peak is the largest value of the curve smoothed over three neighbouring passes (1, 2, 1); MSI is the rise from the baseline to
    that peak over the time from arterial arrival to it. A voxel that rises by less than ``noise`` (HU) has neither: NaN.
    """
    ttp, msi, _, _ = _Looked.at(times_s, inputs).look(np.ascontiguousarray(values, float), noise)
    return np.asarray(ttp, float), np.asarray(msi, float)


@numba.njit(cache=True, nogil=True)
def _scan(values, times, smoothing, before, area, top, at, baseline, auc):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Smoothed peak and its time after arrival, mean before it, and weighted sum, for curves (n, v); the outputs (v,) come in as zeros."""
    n, count = values.shape
    for v in range(count):
        top[v] = -np.inf
    seen = np.zeros(count, np.int32)
    smooth = np.empty(count, values.dtype)
    for i in range(n):
        left, middle, right = smoothing[i]
        low, high = max(i - 1, 0), min(i + 1, n - 1)
        share = area[i]
        for v in range(count):
            auc[v] += share * values[i, v]
        if before[i]:
            for v in range(count):
                if np.isfinite(values[i, v]):
                    baseline[v] += values[i, v]
                    seen[v] += 1
        if times[i] <= 0.0:
            continue
        time = times[i]
        if left != 0.0:
            for v in range(count):
                smooth[v] = left * values[low, v] + middle * values[i, v] + right * values[high, v]
        else:
            smooth[:] = values[i]
        for v in range(count):  # chosen without branching, so that it runs in vector registers
            better = smooth[v] > top[v]
            top[v] = smooth[v] if better else top[v]
            at[v] = time if better else at[v]
    for v in range(count):
        baseline[v] /= max(seen[v], 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """Where the samples lie: ``times`` (n,) in s from arrival, ``smoothing`` (n, 3), ``before`` (n,) arrival, weights of the ``area`` (n,)."""

    times: FloatArray
    smoothing: FloatArray
    before: npt.NDArray[np.bool_]
    area: FloatArray

    @classmethod
    def at(cls, times_s: FloatArray, inputs: Inputs) -> _Looked:
        """For times (n,) in s; only the arrival of the arterial input is used."""
        arrival = arrival_s(inputs)
        before = times_s <= arrival
        before[0] = True
        smoothing = np.tile([0.0, 1.0, 0.0], (times_s.size, 1))
        if times_s.size > 2:
            # only where neighbours are near in time: smoothing across the gap would move a late peak
            near = np.diff(times_s) <= 2.0 * np.median(np.diff(times_s))
            smoothing[1:-1][near[:-1] & near[1:]] = (0.25, 0.5, 0.25)
        step = np.diff(times_s)
        return cls(times_s - arrival, smoothing, before, 0.5 * (np.append(step, 0.0) + np.append(0.0, step)))

    @property
    def span(self) -> float:
        """From the first to the last sample, in s."""
        return float(self.times[-1] - self.times[0])

    def look(self, values: Values, noise: float) -> tuple[Values, Values, Values, Values]:
        """TTP, MSI, height and area (v,) of curves (n, v)."""
        kind, count = values.dtype.type, values.shape[1]
        top, at, baseline, auc = (np.zeros(count, kind) for _ in range(4))
        _scan(
            values,
            self.times.astype(kind),
            self.smoothing.astype(kind),
            self.before,
            self.area.astype(kind),
            top,
            at,
            baseline,
            auc,
        )
        height = np.where(np.isfinite(top), top - baseline, kind(np.nan))
        enhanced = (height > noise) & (at > 0)
        ttp = np.where(enhanced, at, kind(np.nan))
        return ttp, height / ttp, height, auc - kind(self.span) * baseline


def _settle(times_s: FloatArray, guide: Values, inputs: Inputs, noise: float) -> Settings:
    return Settings(noise=noise)


def _prepare(times_s: FloatArray, inputs: Inputs, settings: Settings) -> Reader:
    looked = _Looked.at(times_s, inputs)
    weights = looked.area - looked.span * looked.before / looked.before.sum()
    spread = settings.noise * float(np.linalg.norm(weights))

    def read(values: Values) -> Direct:
        ttp, msi, peak, auc = looked.look(np.ascontiguousarray(values), settings.noise)
        bad = ~np.isfinite(auc)
        for quantity in (ttp, msi, peak, auc):
            quantity[bad] = np.nan
        return Direct(
            {"ttp": ttp, "msi": msi, "peak": peak, "auc": auc}, {"auc": np.where(bad, np.nan, spread).astype(values.dtype)}
        )

    return Reader(read)


DESCRIPTIVE = DirectModel(
    key="descriptive",
    name="descriptive curve parameters",
    settle=_settle,
    prepare=_prepare,
    quantities=("ttp", "msi", "peak", "auc"),
    fewest=5,
    formula=(
        "TTP = time from arterial arrival to the peak; peak = smoothed maximum less the baseline; MSI = peak / TTP; "
        "AUC = area between the curve and its baseline over the scan"
    ),
    cannot="It gives no flow, volume or fraction: its numbers depend on injection and heart as much as on the tissue.",
    sources=("Miles KA. Eur J Radiol 1999;30:198",),
)
