"""The largest of what several linear operators read from each curve, block by block, so that nothing in between goes to memory."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.model import Values

FloatArray = npt.NDArray[np.float64]

#: Curves of one matrix product: what it gives stays in the processor's cache.
BLOCK = 512


@numba.njit(cache=True, nogil=True)
def _scan(found, start, stop, top, which):  # type: ignore[no-untyped-def]  # pragma: no cover
    for v in range(top.size):
        top[v] = 0.0
        which[v] = start
    fours = start + (stop - start) // 4 * 4
    for k in range(start, fours, 4):  # four rows a pass, chosen without branching: both are what lets it run in vector registers
        for v in range(top.size):
            best, row = top[v], which[v]
            for j in range(4):
                better = found[k + j, v] > best
                best = found[k + j, v] if better else best
                row = np.int32(k + j) if better else row
            top[v] = best
            which[v] = row
    for k in range(fours, stop):
        for v in range(top.size):
            better = found[k, v] > top[v]
            top[v] = found[k, v] if better else top[v]
            which[v] = np.int32(k) if better else which[v]


def largest(rows: FloatArray, parts: tuple[slice, ...], values: Values) -> tuple[Values, npt.NDArray[np.int32], Values]:
    """For curves (n, v) read by ``rows`` (m, n): the largest reading of each part of the rows and its row, (parts, v), and the last row's own
    reading (v,). Readings below zero count as zero, found in the part's first row. A curve that is not finite is NaN throughout.
    """
    kind, count = values.dtype.type, values.shape[1]
    operator = rows.astype(kind)
    tops, which = np.empty((len(parts), count), kind), np.empty((len(parts), count), np.int32)
    last = np.empty(count, kind)
    block = np.empty((len(rows), min(BLOCK, count)), kind)
    for i in range(0, count, BLOCK):
        here = slice(i, min(i + BLOCK, count))
        found = np.matmul(operator, values[:, here], out=block[:, : here.stop - i])
        last[here] = found[-1]
        for q, part in enumerate(parts):
            _scan(found, part.start, part.stop, tops[q, here], which[q, here])
    bad = ~np.isfinite(last)
    last[bad] = np.nan
    tops[:, bad] = np.nan
    return tops, which, last
