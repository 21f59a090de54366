"""What is wrong with a pair of inputs: samples that the scanner clipped, peaks that nobody saw, vessels that were taken for each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.curves.reconstruct import Joined
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.series import DynamicSeries

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Largest and smallest HU of 12 bits with the usual intercept of -1024.
CEILING_HU, FLOOR_HU = 3071.0, -1024.0
#: A pass is clipped when this share of the vessel's voxels, and no fewer than three, stand at the ceiling.
CLIPPED_SHARE = 0.05
#: Values given in steps coarser than this share of the rise are rounded: equal samples are then no wonder.
COARSE = 5e-4
#: A rounded flat top is a ceiling only where both of its sides are this many rounding steps high: beside three equal samples of a
#: round (parabolic) top the next one lies at most four steps lower, and one more by its own rounding.
FLANK = 6.0
#: An interval this many times the usual one is a gap.
GAP = 2.0
#: Curves correlated above this are one curve: the arterial and portal curves of simulated and phantom livers stay below 0.9.
SAME = 0.995


def flat_top(values: FloatArray) -> Mask:
    """Samples (n,) of a curve in any unit, NaN = missing, that stand at a common ceiling: the largest ones, equal and in a row.

    Measured means are never equal, so two are enough; of values that were rounded, three are needed, with steep sides: a round top
    looks flat when it is rounded.
    """
    flat = np.zeros(values.size, bool)
    valid = np.flatnonzero(np.isfinite(values))
    y = values[valid]
    if y.size < 5 or not np.ptp(y) > 0:
        return flat
    rise = float(np.ptp(y))
    at = np.flatnonzero(y >= y.max() - 1e-9 * rise)
    if at.size < 2 or at[-1] - at[0] != at.size - 1:
        return flat
    step = _step(y, rise)
    if step >= COARSE * rise:
        inside = at[0] > 0 and at[-1] < y.size - 1
        if at.size < 3 or not inside or min(y[at[0]] - y[at[0] - 1], y[at[-1]] - y[at[-1] + 1]) < FLANK * step:
            return flat
    flat[valid[at]] = True
    return flat


def _step(y: FloatArray, rise: float) -> float:
    """The largest step of which all differences of the values (n,) are whole multiples: what they were rounded to, or nearly nothing."""
    step = rise
    for difference in np.diff(np.unique(y)):
        rest = float(difference)
        while rest > 1e-6 * rise:  # Euclid's algorithm, with what rounding leaves taken as nothing
            step, rest = rest, min(step % rest, rest - step % rest)
    return step


def clipped_passes(series: DynamicSeries, mask: Mask) -> Mask:
    """Passes (n,) in which at least 5 % of the region's voxels stand at the top of 12 bits, at its floor, or at a maximum that they
    share in several passes. A mean over such voxels is too low (or too high), by an amount that nobody knows.
    """
    index = np.flatnonzero(mask)
    rows = np.stack([volume.reshape(-1)[index].astype(np.float32) for volume in series.voxels])
    needed = max(CLIPPED_SHARE * index.size, 3.0)
    at_limit = ((rows >= CEILING_HU) | (rows <= FLOOR_HU)).sum(1) >= needed
    shared = (rows == np.nanmax(rows)).sum(1) >= needed if np.isfinite(rows).any() else at_limit
    return np.asarray(at_limit | (shared if shared.sum() > 1 else False))


def peak_flags(name: str, curve: TimeCurve, joined: Joined, dense_s: FloatArray) -> list[str]:
    """``NAME-peak-not-seen`` when the largest sample is the first or last, ``NAME-peak-in-gap`` when the top may lie in an interval more
    than twice the usual one: the largest sample borders it and the reconstruction, within one sigma, goes higher inside it.
    """
    usable = np.isfinite(curve.values)
    t, y = curve.times_s[usable], curve.values[usable]
    top = int(y.argmax())
    if top in (0, t.size - 1):
        return [f"{name}-peak-not-seen"]
    steps = np.diff(t)
    wide = steps > GAP * float(np.median(steps[: max(top, 3)]))
    if joined.trusted:
        edge = np.clip(np.searchsorted(t, dense_s, side="right") - 1, 0, steps.size - 1)
        inside = wide[edge] & (dense_s <= t[-1])
        if not inside.any():
            return []
        seen = float(joined.curve[~inside & (dense_s <= t[-1])].max())
        in_gap = float((joined.curve + joined.sd)[inside].max()) > seen
    else:
        in_gap = bool(wide[top - 1] or wide[top])
    return [f"{name}-peak-in-gap"] if in_gap else []


def order_flags(arterial: TimeCurve, portal: TimeCurve) -> list[str]:
    """``inputs-swapped`` when the portal curve behaves like an artery beside the other, ``inputs-identical`` when they are one curve.

    An artery fills earlier, peaks earlier, higher, and for a shorter time; the vote needs two of four, one of them about time.
    """
    (ta, ya), (tp, yp) = (_valid(c) for c in (arterial, portal))
    if np.corrcoef(np.interp(ta, tp, yp), ya)[0, 1] > SAME:
        return ["inputs-identical"]
    (fill_a, peak_a, wide_a), (fill_p, peak_p, wide_p) = _timing(ta, ya), _timing(tp, yp)
    timing = int(fill_p < fill_a) + int(peak_p < peak_a)
    votes = timing + int(yp.max() > ya.max()) + int(wide_p < wide_a)
    return ["inputs-swapped"] if timing and votes >= 2 else []


def _valid(curve: TimeCurve) -> tuple[FloatArray, FloatArray]:
    usable = np.isfinite(curve.values)
    return curve.times_s[usable], curve.values[usable]


def _timing(t: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """When a curve first reaches half of its height, when it peaks, and how long it stays above half, in s; joined by straight lines."""
    fine = np.arange(t[0], t[-1], 0.25)
    above = np.interp(fine, t, y) >= 0.5 * y.max()
    top = int(np.interp(fine, t, y).argmax())
    before, after = np.flatnonzero(~above[:top]), np.flatnonzero(~above[top:])
    first = int(before[-1]) + 1 if before.size else 0
    last = top + int(after[0]) if after.size else fine.size - 1
    return float(fine[first]), float(t[y.argmax()]), float(fine[last] - fine[first])
