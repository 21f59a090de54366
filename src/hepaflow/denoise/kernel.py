"""The compiled filter of one slice: every voxel becomes a weighted mean of the neighbours whose time profiles are like its own.

Work goes row by row; the innermost loops run along a row, so that they compile to vector instructions. Nothing is summed across threads.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _compare(there, here, difference, square, common):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Difference of one sample of two rows (0 where either is missing), its square and the count of common samples added up."""
    for i in range(here.size):
        d = there[i] - here[i]
        seen = abs(d) < np.float32(1e15)
        d = d if seen else np.float32(0.0)
        difference[i] = d
        square[i] += d * d
        common[i] += np.float32(1.0) if seen else np.float32(0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _weigh(square, common, bounds, least, weight):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Weights of one neighbour along a row, and the largest; ``bounds``: spatial weight, expected squared difference, strength."""
    zero, one, two = np.float32(0.0), np.float32(1.0), np.float32(2.0)
    spatial, expected, strength = bounds
    some = zero
    for i in range(weight.size):
        n = max(common[i], one)
        beyond = (square[i] / n - expected) / (strength * expected * np.sqrt(two / n))
        beyond = min(max(beyond, zero), one)
        like = one - beyond * beyond
        weight[i] = spatial * like * like if common[i] >= least else zero
        some = max(some, weight[i])
    return some


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add(weight, difference, there, change, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """One sample of one neighbour into the sums of a row."""
    for i in range(weight.size):
        change[i] += weight[i] * difference[i]
        total[i] += weight[i] if abs(there[i]) < np.float32(1e15) else np.float32(0.0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def filter_slice(slab, spans, offsets, spatial, expected, strength, least, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The middle slice of ``slab`` into ``out`` (samples, rows, columns), in the columns ``spans`` (rows, 2) of each row.

    ``slab`` (slices, rows, samples, columns) holds HU with margins all round as wide as the ``offsets`` (m, 3; the centre is not among
    them) reach, NaN = no sample. ``spatial`` and ``expected`` (m,): weight of the distance, and squared difference in HU² that noise
    alone gives. Fewer than ``least`` common samples give no weight.
    """
    slices, rows, samples, columns = slab.shape
    deep, high, wide = slices // 2, (rows - out.shape[1]) // 2, (columns - out.shape[2]) // 2
    for j in range(out.shape[1]):
        first, width = spans[j, 0], spans[j, 1] - spans[j, 0]
        if width <= 0:
            continue
        a = wide + first
        difference = np.empty((samples, width), np.float32)
        change, total = np.zeros((samples, width), np.float32), np.ones((samples, width), np.float32)
        square, common, weight = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
        here = slab[deep, high + j]
        for o in range(offsets.shape[0]):
            there = slab[deep + offsets[o, 0], high + j + offsets[o, 1]]
            b = a + offsets[o, 2]
            square[:] = np.float32(0.0)
            common[:] = np.float32(0.0)
            for t in range(samples):
                _compare(there[t, b : b + width], here[t, a : a + width], difference[t], square, common)
            if _weigh(square, common, (spatial[o], expected[o], strength), least, weight) > np.float32(0.0):
                for t in range(samples):
                    _add(weight, difference[t], there[t, b : b + width], change[t], total[t])
        for t in range(samples):
            for i in range(width):
                out[t, j, first + i] = here[t, a + i] + change[t, i] / total[t, i]
