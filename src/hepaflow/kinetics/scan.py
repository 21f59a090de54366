"""The compiled scan of a dictionary over voxels: posterior mean and spread of every quantity in one pass.

For each voxel and each dictionary row the flows are linear with a normal prior, so their posterior and the row's evidence are closed
forms of two dot products. Rows are visited in the outer loop and voxels in the inner one, so that the inner loop is a vector
instruction and a block of voxels stays in the nearest cache.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

#: Voxels a block: rows x block x 4 bytes x 3 tables stay in the second-level cache.
BLOCK = 128
#: Evidence below the best by more than this is nothing.
FAR = 16.0


@numba.njit(cache=True, nogil=True, fastmath=True, inline="always")
def _exp(x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """exp(x) for -16 <= x <= 0 within 1e-4: a form that compiles to vector instructions."""
    y = x * np.float32(1.0 / 64.0)
    e = np.float32(1.0) + y * (
        np.float32(1.0)
        + y * (np.float32(0.5) + y * (np.float32(1.0 / 6.0) + y * (np.float32(1.0 / 24.0) + y * np.float32(1.0 / 120.0))))
    )
    for _ in range(6):
        e = e * e
    return e


@numba.njit(cache=True, nogil=True, fastmath=True)
def _scan(dots_a, dots_p, flow, arterial, evidence, pair, alone_a, alone_p, prior):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Evidence and flows of every row for one block, in place.

    ``dots_*`` (rows, block): atom times data over the noise variance. ``pair`` (rows, 4): posterior covariance aa, ap, pp and log
    weight with both inputs; ``alone_*`` (rows, 2): posterior variance and log weight with one input. ``prior`` (2,): precision times
    mean of each flow. A negative flow is not allowed: the row then keeps the better single input.
    """
    rows, block = dots_a.shape
    zero = np.float32(0.0)
    half = np.float32(0.5)
    best = np.full(block, np.float32(-1e30))
    for c in range(rows):
        aa, ap, pp, weight = pair[c, 0], pair[c, 1], pair[c, 2], pair[c, 3]
        va, wa = alone_a[c, 0], alone_a[c, 1]
        vp, wp = alone_p[c, 0], alone_p[c, 1]
        for v in range(block):
            ba = dots_a[c, v] + prior[0]
            bp = dots_p[c, v] + prior[1]
            fa = aa * ba + ap * bp
            fp = ap * ba + pp * bp
            both = half * (ba * fa + bp * fp) + weight
            sa = max(va * ba, zero)
            sp = max(vp * bp, zero)
            ea = half * sa * ba + wa
            ep = half * sp * bp + wp
            inside = (fa > zero) and (fp > zero)
            first = ea > ep
            single = ea if first else ep
            evidence[c, v] = both if inside else single
            arterial[c, v] = fa if inside else (sa if first else zero)
            flow[c, v] = fa + fp if inside else (sa if first else sp)
            best[v] = max(best[v], evidence[c, v])
    return best


@numba.njit(cache=True, nogil=True, fastmath=True)
def _gather(evidence, best, flow, arterial, spread, loads, shapes, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Posterior moments of one block into ``out`` (quantities, 2, block), unnormalised weights summed first.

    ``spread`` (rows, 2): posterior variance of total and arterial flow. ``loads`` (nl, rows): factors of quantities proportional to
    flow; ``shapes`` (ns, rows): values of quantities of the residue alone. Order of ``out``: total weight, squared weight, arterial
    flow, portal flow, fraction, then loads, then shapes.
    """
    rows, block = evidence.shape
    nl, ns = loads.shape[0], shapes.shape[0]
    tiny = np.float32(1e-9)
    far = np.float32(-FAR)
    for c in range(rows):
        vf, va = spread[c, 0], spread[c, 1]
        for v in range(block):
            w = _exp(max(evidence[c, v] - best[v], far))
            f, a = flow[c, v], arterial[c, v]
            p = f - a
            h = a / max(f, tiny)
            out[0, 0, v] += w
            out[0, 1, v] += w * w
            out[1, 0, v] += w * a
            out[1, 1, v] += w * (a * a + va)
            out[2, 0, v] += w * p
            out[2, 1, v] += w * (p * p + max(vf - va, np.float32(0.0)))
            out[3, 0, v] += w * h
            out[3, 1, v] += w * h * h
            evidence[c, v] = w
        for q in range(nl):
            load = loads[q, c]
            for v in range(block):
                x = flow[c, v] * load
                out[4 + q, 0, v] += evidence[c, v] * x
                out[4 + q, 1, v] += evidence[c, v] * (x * x + vf * load * load)
        for q in range(ns):
            value = shapes[q, c]
            for v in range(block):
                x = evidence[c, v] * value
                out[4 + nl + q, 0, v] += x
                out[4 + nl + q, 1, v] += x * value


def posterior_moments(
    data: FloatArray,
    atoms_a: FloatArray,
    atoms_p: FloatArray,
    constants: tuple[FloatArray, ...],
    loads: FloatArray,
    shapes: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean and SD (4 - 1 + loads + shapes, voxels) and effective rows (voxels,) for ``data`` (samples, voxels), baseline projected out.

    ``atoms_*`` (rows, samples) are divided by the noise variance; ``constants`` are pair, alone_a, alone_p, prior and spread of
    :func:`_scan` and :func:`_gather`.
    """
    pair, alone_a, alone_p, prior, spread = constants
    voxels = data.shape[1]
    count = 4 + loads.shape[0] + shapes.shape[0]
    mean = np.empty((count - 1, voxels), np.float32)
    sd = np.empty_like(mean)
    effective = np.empty(voxels, np.float32)
    flow = np.empty((atoms_a.shape[0], BLOCK), np.float32)
    arterial, evidence = np.empty_like(flow), np.empty_like(flow)
    block = np.zeros((data.shape[0], BLOCK), np.float32)
    for start in range(0, voxels, BLOCK):
        n = min(BLOCK, voxels - start)
        block[:, :n] = data[:, start : start + n]
        block[:, n:] = 0.0
        best = _scan(atoms_a @ block, atoms_p @ block, flow, arterial, evidence, pair, alone_a, alone_p, prior)
        out = np.zeros((count, 2, BLOCK), np.float32)
        _gather(evidence, best, flow, arterial, spread, loads, shapes, out)
        total = out[0, 0]
        moments = out[1:, :, :n] / total[:n]
        mean[:, start : start + n] = moments[:, 0]
        sd[:, start : start + n] = np.sqrt(np.maximum(moments[:, 1] - moments[:, 0] ** 2, 0.0))
        effective[start : start + n] = (total**2 / out[0, 1])[:n]
    return mean, sd, effective
