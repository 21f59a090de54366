"""How contrast goes round: a small model of the two inputs, for the times at which nobody looked.

Arterial: the injected box through the gamma transit of heart and lungs, then its return, a share through the organs (gamma transit)
and a share slowly through the interstitium (exponential). Portal: the arterial curve through the gamma transit of the gut. Every part
is a smear of the part before it, so nothing narrower than the bolus can appear where there are no samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import gammainc

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Bounds, usual value and how far from it patients lie (None: left to the data)."""

    low: float
    high: float
    start: float
    usual: float | None = None
    spread: float = 2.0


#: Heights are shares of the arterial peak, times are seconds, arrival counts from the first rise.
_ARTERIAL = (
    _Unknown(0.3, 20, 1.3, None, 0.5),  # height
    _Unknown(-15, 10, -3),  # arrival
    _Unknown(1, 40, 9, 9, 4),  # injection
    _Unknown(1.2, 30, 5, 5, 8),  # shape of heart and lungs
    _Unknown(1, 40, 7, 7, 8),  # mean transit of heart and lungs
    _Unknown(0, 1.0, 0.4, 0.4, 0.2),  # share that returns through organs
    _Unknown(4, 30, 14, 14, 7),  # earliest return
    _Unknown(5, 50, 18, 18, 8),  # mean of the return after that
    _Unknown(0, 1.5, 0.4, 0.4, 0.3),  # share that returns slowly
    _Unknown(15, 300, 60, 60, 40),  # how slowly
)
_PORTAL = (
    _Unknown(0.2, 3, 1.0, 1.0, 0.6),  # gain: blood is conserved but for what the gut keeps
    _Unknown(0, 15, 3, 3, 8),  # earliest transit
    _Unknown(2, 40, 12, 12, 20),  # mean transit after that
    _Unknown(1, 20, 3.5, 3.5, 8),  # shape
    _Unknown(0, 0.6, 0.05, 0.05, 0.1),  # share through a slower bed
    _Unknown(1.5, 6, 2.5, 2.5, 1),  # how much slower
)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A fitted curve (m,) in HU on the dense grid and one-sigma changes ``modes`` (q, m) of its unknowns."""

    curve: FloatArray
    modes: FloatArray


def fit_bolus(dense_s: FloatArray, t: FloatArray, y: FloatArray) -> Shape:
    """The arterial shape nearest samples ``y`` (n,) HU at ``t`` (n,) on the uniform grid ``dense_s`` (m,). Deterministic."""
    top, peak = float(y.max()), float(t[y.argmax()])
    rising = t[(y > 0.1 * top) & (t <= peak)]
    onset = float(rising[0]) if rising.size else peak - 5.0

    def curve(dense: FloatArray, theta: FloatArray) -> FloatArray:
        return top * _bolus(dense - onset, theta)

    return _fit(curve, dense_s, t, y, _ARTERIAL, {3: (4.0, 8.0, 3.0), 4: (6.0, 9.0, 4.0)})


def fit_transit(dense_s: FloatArray, arterial: FloatArray, t: FloatArray, y: FloatArray) -> Shape:
    """The portal shape nearest samples ``y`` (n,) HU at ``t`` (n,): ``arterial`` (m,) HU sent through the gut. Deterministic."""

    def curve(dense: FloatArray, theta: FloatArray) -> FloatArray:
        return _through_gut(dense, np.interp(dense, dense_s, arterial), theta)

    return _fit(curve, dense_s, t, y, _PORTAL, {2: (6.0, 12.0, 20.0)})


def _fit(
    curve: Callable[[FloatArray, FloatArray], FloatArray],
    dense_s: FloatArray,
    t: FloatArray,
    y: FloatArray,
    unknowns: tuple[_Unknown, ...],
    starts: dict[int, tuple[float, ...]],
) -> Shape:
    low, high, start = (np.array([getattr(u, name) for u in unknowns], float) for name in ("low", "high", "start"))
    held = np.array([u.usual is not None for u in unknowns])
    usual = np.array([u.usual or 0.0 for u in unknowns])[held]
    spread = np.array([u.spread for u in unknowns])
    coarse = np.arange(dense_s[0], dense_s[-1] + 0.5, 0.5)
    weight = 1.0 / (0.003 * y.max() + 0.015 * np.abs(y))

    def residual(theta: FloatArray) -> FloatArray:
        return np.concatenate([(np.interp(t, coarse, curve(coarse, theta)) - y) * weight, (theta[held] - usual) / spread[held]])

    fits = []
    for n in range(3):
        guess = start.copy()
        for index, values in starts.items():
            guess[index] = values[n]
        fits.append(least_squares(residual, guess, bounds=(low, high), x_scale=spread, max_nfev=60))
    best = min(fits, key=lambda found: float(found.cost))
    modes = []
    for value, vector in zip(*_eigen(best.jac), strict=True):
        step = vector / np.sqrt(max(value, 1e-6))
        ends = [curve(dense_s, np.clip(best.x + sign * step, low, high)) for sign in (1.0, -1.0)]
        modes.append(0.5 * (ends[0] - ends[1]))
    return Shape(curve(dense_s, best.x), np.stack(modes))


def _eigen(jacobian: FloatArray) -> tuple[FloatArray, FloatArray]:
    values, vectors = np.linalg.eigh(jacobian.T @ jacobian)
    return values, vectors.T


def _bolus(since_onset: FloatArray, theta: FloatArray) -> FloatArray:
    height, arrival, width, shape, mean, again, delay, turn, tail, slow = theta
    step = float(since_onset[1] - since_onset[0])
    x = since_onset - arrival
    first = height * (gammainc(shape, np.maximum(x, 0) * shape / mean) - gammainc(shape, np.maximum(x - width, 0) * shape / mean))
    since = np.maximum((np.arange(x.size + 1) - 0.5) * step - delay, 0.0)
    back = again * np.diff(gammainc(2.0, 2.0 * since / turn)) - tail * np.diff(np.exp(-since / slow))
    return np.asarray(first + np.convolve(first, back)[: x.size])


def _through_gut(dense: FloatArray, arterial: FloatArray, theta: FloatArray) -> FloatArray:
    gain, lag, mean, shape, share, ratio = theta
    step = float(dense[1] - dense[0])
    since = np.maximum((np.arange(dense.size + 1) - 0.5) * step - lag, 0.0)
    through = (1 - share) * gammainc(shape, since * shape / mean) + share * gammainc(shape, since * shape / (mean * ratio))
    return np.asarray(gain * np.convolve(arterial, np.diff(through))[: dense.size])
