"""Exact convolution of a piecewise-linear input with the residues of this room, at any times.

A residue is a sum of terms ``amplitude * exp(-rate * (t - start)) for t >= start``; rate 0 is a plateau, and a box is a plateau less a
later one. Each convolves with a piecewise-linear input in closed form, so sampling times may be as uneven as they like and the result
is a continuous function of every parameter: a plateau taken on a grid would make the objective piecewise constant in the transit time
and stop any local search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: Below this product of rate and time the decay is a series of eleven terms, the first one left out below 1e-16 of the sum.
SERIES_BELOW = 0.25
_SHARES = tuple(1.0 / n for n in range(12, 2, -1))


@dataclass(frozen=True, slots=True, eq=False)
class DenseInput:
    """One input on a uniform grid: ``start_s``, ``step_s``, ``values`` (m,) and their running ``integral`` (m,).

    Zero before the grid, constant at its last value after it.
    """

    start_s: float
    step_s: float
    values: FloatArray
    integral: FloatArray

    @classmethod
    def of(cls, times_s: FloatArray, values: FloatArray) -> DenseInput:
        """From a uniform time grid (m,) and values (m,)."""
        step = float(times_s[1] - times_s[0])
        values = np.ascontiguousarray(values, float)
        integral = np.concatenate(([0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * step)))
        return cls(float(times_s[0]), step, values, integral)


@dataclass(frozen=True, slots=True, eq=False)
class Residues:
    """A batch of residue functions: ``terms`` (s, m, 3), rows (amplitude, start in s, rate in 1/s; rate 0 for a plateau)."""

    terms: FloatArray

    @classmethod
    def of(cls, *terms: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]) -> Residues:
        """From one (amplitude, start, rate) a term, each a number or (s,)."""
        rows = np.empty((max(np.size(x) for term in terms for x in term), len(terms), 3))
        for m, term in enumerate(terms):
            for i, x in enumerate(term):
                rows[:, m, i] = x
        return cls(rows)

    def at(self, lag_s: FloatArray) -> FloatArray:
        """The residue functions themselves (s, n) at lags (n,) in s."""
        amplitude, start, rate = (self.terms[:, :, i, None] for i in range(3))
        since = lag_s - start
        return np.asarray(np.where(since >= 0, amplitude * np.exp(-rate * np.maximum(since, 0.0)), 0.0).sum(1))


@numba.njit(cache=True, nogil=True, fastmath=False)
def _integral_at(x, start, step, values, integral):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Integral of the input up to time x."""
    position = (x - start) / step
    if position <= 0.0:
        return 0.0
    last = values.size - 1
    if position >= last:
        return integral[last] + values[last] * (x - start - last * step)
    n = int(position)
    part = (position - n) * step
    slope = (values[n + 1] - values[n]) / step
    return integral[n] + part * (values[n] + 0.5 * slope * part)


@numba.njit(cache=True, nogil=True, fastmath=False)
def _decayed(first, slope, rate, part):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Integral over ``part`` seconds of a linear input, each moment decayed to the end of the part."""
    x = rate * part
    if x < SERIES_BELOW:  # the closed form loses digits where the rate vanishes
        second = 1.0
        for share in _SHARES:
            second = 1.0 - second * x * share
        second *= 0.5
        mean = 1.0 - x * second
    else:
        mean = -np.expm1(-x) / x
        second = (1.0 - mean) / x
    return part * (first * mean + slope * part * second)


@numba.njit(cache=True, nogil=True, fastmath=False)
def _respond(times, start, step, values, integral, terms, delays, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill ``out`` (s, n) with the response of unit flow of each residue to the input delayed by ``delays`` (s,)."""
    m = values.size
    states = np.empty(m)
    for s in range(out.shape[0]):
        for i in range(times.size):
            out[s, i] = 0.0
        for e in range(terms.shape[1]):
            amplitude, begin, rate = terms[s, e, 0], terms[s, e, 1], terms[s, e, 2]
            if rate == 0.0:
                for i in range(times.size):
                    out[s, i] += amplitude * _integral_at(times[i] - delays[s] - begin, start, step, values, integral)
                continue
            keep = np.exp(-rate * step)
            unit_first = _decayed(1.0, 0.0, rate, step)
            unit_slope = _decayed(0.0, 1.0, rate, step) / step
            states[0] = 0.0
            for n in range(1, m):
                states[n] = states[n - 1] * keep + values[n - 1] * unit_first + (values[n] - values[n - 1]) * unit_slope
            for i in range(times.size):
                position = (times[i] - delays[s] - begin - start) / step
                if position <= 0.0:
                    continue
                n = min(int(position), m - 1)
                part = (position - n) * step
                slope = (values[n + 1] - values[n]) / step if n < m - 1 else 0.0
                out[s, i] += amplitude * (states[n] * np.exp(-rate * part) + _decayed(values[n], slope, rate, part))


def respond(times_s: FloatArray, source: DenseInput, residues: Residues, delays_s: FloatArray) -> FloatArray:
    """Response (s, n) at ``times_s`` (n,) to ``source`` delayed by ``delays_s`` (s,), for unit flow (1/s), one row a residue.

    With the input in HU the result is HU per (mL/s/mL).
    """
    out = np.empty((delays_s.size, times_s.size))
    _respond(
        np.ascontiguousarray(times_s, float),
        source.start_s,
        source.step_s,
        source.values,
        source.integral,
        residues.terms,
        np.ascontiguousarray(delays_s, float),
        out,
    )
    return out
