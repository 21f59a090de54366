"""Compiled kernels of the registration: how well the images agree in each block, which shift would improve it, and the smooth field that follows.

In each window the pass, sampled where the field says, is regressed on the reference: ``M(x + u) = a F(x) + b + d . grad F(x)``. Gain ``a`` and
offset ``b`` absorb the contrast that arrived in between; the wanted change of the field is ``-d / a`` (inverse-compositional Lucas-Kanade,
Baker and Matthews 2004, with local gain and offset).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from hepaflow.motion.resample import cubic_at

#: Columns of the sums: 1, F, M, FF, FM, MM, grad F (3), F grad F (3), M grad F (3), grad F grad F (00 01 02 11 12 22).
SUMS = 21
#: What a window that counts in full weighs, whatever its number of voxels, and the least weight that is believed.
FULL, _LEAST = 4.0, 1.0
#: Share of a window's unexplained variance that weakens it: little, as displaced edges are unexplained until they lie right.
_DOUBT = 0.4
#: Least variance of the reference in a window, in units of the floor, for a gain.
_RIDGE = 0.01


@numba.njit(cache=True, nogil=True)
def accumulate(fixed: Any, slopes: Any, moving: Any, field: Any, spacing: Any, block: Any, window: Any, sums: Any) -> None:
    """Add up products of reference, its slopes (per mm) and the displaced pass by block into ``sums`` (nodes k, j, i, 21).

    ``field`` (nodes k, j, i, 3) is in mm along the working axes. A voxel counts where the reference is a number and so are the 64 values
    about the point it is displaced to. The kernel is that of the final resampling: a linear one would blur the pass more than the reference,
    which looks like motion along every curved border.
    """
    nk, nj, ni = fixed.shape
    w0, w1, w2 = np.empty(4), np.empty(4), np.empty(4)
    ck, cj, ci = field.shape[0], field.shape[1], field.shape[2]
    sums[...] = 0.0
    for k in range(ck * block[0]):
        tk = min(max((k - (block[0] - 1) * 0.5) / block[0], 0.0), ck - 1.0)
        k0 = min(int(tk), max(ck - 2, 0))
        wk, k1 = tk - k0, min(k0 + 1, ck - 1)
        for j in range(cj * block[1]):
            tj = min(max((j - (block[1] - 1) * 0.5) / block[1], 0.0), cj - 1.0)
            j0 = min(int(tj), max(cj - 2, 0))
            wj, j1 = tj - j0, min(j0 + 1, cj - 1)
            for i in range(ci * block[2]):
                if not np.isfinite(fixed[k, j, i]):
                    continue
                ti = min(max((i - (block[2] - 1) * 0.5) / block[2], 0.0), ci - 1.0)
                i0 = min(int(ti), max(ci - 2, 0))
                wi, i1 = ti - i0, min(i0 + 1, ci - 1)
                w00, w01, w10, w11 = (1 - wk) * (1 - wj), (1 - wk) * wj, wk * (1 - wj), wk * wj
                p0, p1, p2 = float(k), float(j), float(i)
                for axis in range(3):
                    near = w00 * field[k0, j0, i0, axis] + w01 * field[k0, j1, i0, axis]
                    near += w10 * field[k1, j0, i0, axis] + w11 * field[k1, j1, i0, axis]
                    far = w00 * field[k0, j0, i1, axis] + w01 * field[k0, j1, i1, axis]
                    far += w10 * field[k1, j0, i1, axis] + w11 * field[k1, j1, i1, axis]
                    shift = ((1 - wi) * near + wi * far) / spacing[axis]
                    if axis == 0:
                        p0 += shift
                    elif axis == 1:
                        p1 += shift
                    else:
                        p2 += shift
                if p0 < 0 or p1 < 0 or p2 < 0 or p0 > nk - 1 or p1 > nj - 1 or p2 > ni - 1:
                    continue
                if not np.isfinite(moving[int(p0 + 0.5), int(p1 + 0.5), int(p2 + 0.5)]):
                    continue
                m = cubic_at(moving, p0, p1, p2, w0, w1, w2)
                if not np.isfinite(m):
                    continue
                m = min(max(m, window[0]), window[1])
                f = fixed[k, j, i]
                g0, g1, g2 = slopes[0, k, j, i], slopes[1, k, j, i], slopes[2, k, j, i]
                s = sums[k // block[0], j // block[1], i // block[2]]
                s[0] += 1.0
                s[1] += f
                s[2] += m
                s[3] += f * f
                s[4] += f * m
                s[5] += m * m
                s[6] += g0
                s[7] += g1
                s[8] += g2
                s[9] += f * g0
                s[10] += f * g1
                s[11] += f * g2
                s[12] += m * g0
                s[13] += m * g1
                s[14] += m * g2
                s[15] += g0 * g0
                s[16] += g0 * g1
                s[17] += g0 * g2
                s[18] += g1 * g1
                s[19] += g1 * g2
                s[20] += g2 * g2


@numba.njit(cache=True, nogil=True)
def normal_equations(sums: Any, floor_hu2: float, hessian: Any, gradient: Any, residual: Any) -> None:
    """Per node from its window's ``sums``: information (.., 6) per mm2 and gradient (.., 3) per mm, both over the window's unexplained variance.

    ``floor_hu2`` is the least variance, so that a window that agrees by chance does not outweigh all others; ``residual`` (..) is that
    variance without the floor, NaN where too few voxels count.
    """
    ck, cj, ci = residual.shape
    for k in range(ck):
        for j in range(cj):
            for i in range(ci):
                s = sums[k, j, i]
                hessian[k, j, i, :] = 0.0
                gradient[k, j, i, :] = 0.0
                residual[k, j, i] = np.nan
                n = s[0]
                if n < _LEAST:
                    continue
                ff = s[3] - s[1] * s[1] / n
                fm = s[4] - s[1] * s[2] / n
                mm = max(s[5] - s[2] * s[2] / n, 0.0)
                ridge = ff + _RIDGE * n * floor_hu2
                gain = min(max(fm / ridge, 0.0), 2.0)
                left = max(mm - 2.0 * gain * fm + gain * gain * ff, 0.0) / n
                residual[k, j, i] = left
                scale = 1.0 / (_DOUBT * left + floor_hu2)
                c = np.empty(3)
                for axis in range(3):
                    c[axis] = s[9 + axis] - s[1] * s[6 + axis] / n
                    d = s[12 + axis] - s[2] * s[6 + axis] / n - gain * c[axis]
                    gradient[k, j, i, axis] = gain * d * scale
                column = 0
                for p in range(3):
                    for q in range(p, 3):
                        value = s[15 + column] - s[6 + p] * s[6 + q] / n - c[p] * c[q] / ridge
                        hessian[k, j, i, column] = gain * gain * value * scale
                        column += 1


@numba.njit(cache=True, nogil=True)
def smooth_step(hessian: Any, gradient: Any, active: Any, field: Any, stiffness: Any, sweeps: int) -> Any:
    """The field (nodes k, j, i, 3) after one Gauss-Newton step: it minimises data misfit + stiffness x squared differences between neighbours, by over-relaxed Gauss-Seidel from ``field``. Nodes that are not ``active`` stay, and nobody follows them."""
    ck, cj, ci = active.shape
    new = field.copy()
    b = np.empty(3)
    for _ in range(sweeps):
        for k in range(ck):
            for j in range(cj):
                for i in range(ci):
                    if not active[k, j, i]:
                        continue
                    h = hessian[k, j, i]
                    u = field[k, j, i]
                    weight = 1e-9
                    for axis in range(3):
                        b[axis] = 1e-9 * u[axis] - gradient[k, j, i, axis]
                    b[0] += h[0] * u[0] + h[1] * u[1] + h[2] * u[2]
                    b[1] += h[1] * u[0] + h[3] * u[1] + h[4] * u[2]
                    b[2] += h[2] * u[0] + h[4] * u[1] + h[5] * u[2]
                    for side in range(6):
                        dk = (side == 0) - (side == 1)
                        dj = (side == 2) - (side == 3)
                        di = (side == 4) - (side == 5)
                        nk, nj, ni = k + dk, j + dj, i + di
                        if nk < 0 or nj < 0 or ni < 0 or nk >= ck or nj >= cj or ni >= ci or not active[nk, nj, ni]:
                            continue
                        stiff = stiffness[side // 2]
                        weight += stiff
                        for axis in range(3):
                            b[axis] += stiff * new[nk, nj, ni, axis]
                    a00, a01, a02 = h[0] + weight, h[1], h[2]
                    a11, a12, a22 = h[3] + weight, h[4], h[5] + weight
                    m00, m01, m02 = a11 * a22 - a12 * a12, a02 * a12 - a01 * a22, a01 * a12 - a02 * a11
                    m11, m12, m22 = a00 * a22 - a02 * a02, a01 * a02 - a00 * a12, a00 * a11 - a01 * a01
                    det = a00 * m00 + a01 * m01 + a02 * m02
                    if not det > 0.0:
                        continue
                    x0 = (m00 * b[0] + m01 * b[1] + m02 * b[2]) / det
                    x1 = (m01 * b[0] + m11 * b[1] + m12 * b[2]) / det
                    x2 = (m02 * b[0] + m12 * b[1] + m22 * b[2]) / det
                    new[k, j, i, 0] += 1.5 * (x0 - new[k, j, i, 0])
                    new[k, j, i, 1] += 1.5 * (x1 - new[k, j, i, 1])
                    new[k, j, i, 2] += 1.5 * (x2 - new[k, j, i, 2])
    return new


@numba.njit(cache=True, nogil=True)
def toward_amplitudes(hessian: Any, gradient: Any, shapes: Any, matrix: Any, slope: Any) -> None:
    """Information ``matrix`` (r, r) and ``slope`` (r,) of one pass about the amplitudes of ``shapes`` (n, r, 3), summed over nodes."""
    count = shapes.shape[1]
    matrix[...] = 0.0
    slope[...] = 0.0
    for n in range(shapes.shape[0]):
        h, g = hessian[n], gradient[n]
        for r in range(count):
            u0, u1, u2 = shapes[n, r, 0], shapes[n, r, 1], shapes[n, r, 2]
            slope[r] += g[0] * u0 + g[1] * u1 + g[2] * u2
            b0 = h[0] * u0 + h[1] * u1 + h[2] * u2
            b1 = h[1] * u0 + h[3] * u1 + h[4] * u2
            b2 = h[2] * u0 + h[4] * u1 + h[5] * u2
            for s in range(count):
                matrix[r, s] += b0 * shapes[n, s, 0] + b1 * shapes[n, s, 1] + b2 * shapes[n, s, 2]


@numba.njit(cache=True, nogil=True)
def toward_shapes(hessian: Any, gradient: Any, now: Any, amplitudes: Any, matrices: Any, right: Any) -> None:
    """Add what one pass, now displaced by ``now`` (n, 3), says of the shapes to ``matrices`` (n, 3 r, 3 r) and ``right`` (n, 3 r)."""
    count = amplitudes.size
    full = np.empty((3, 3))
    for n in range(now.shape[0]):
        h = hessian[n]
        full[0, 0], full[1, 1], full[2, 2] = h[0], h[3], h[5]
        full[0, 1] = full[1, 0] = h[1]
        full[0, 2] = full[2, 0] = h[2]
        full[1, 2] = full[2, 1] = h[4]
        for c in range(3):
            target = full[c, 0] * now[n, 0] + full[c, 1] * now[n, 1] + full[c, 2] * now[n, 2] - gradient[n, c]
            for r in range(count):
                right[n, 3 * r + c] += amplitudes[r] * target
                for s in range(count):
                    weight = amplitudes[r] * amplitudes[s]
                    for d in range(3):
                        matrices[n, 3 * r + c, 3 * s + d] += weight * full[c, d]


@numba.njit(cache=True, nogil=True)
def products(rows: Any) -> Any:
    """Every row (p, n) times every row: (p, p)."""
    p, n = rows.shape
    out = np.empty((p, p))
    for a in range(p):
        for b in range(a + 1):
            total = 0.0
            for i in range(n):
                total += rows[a, i] * rows[b, i]
            out[a, b] = out[b, a] = total
    return out
