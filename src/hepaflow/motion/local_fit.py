"""Compiled kernels of the registration: how well the images agree in each block, which shift would improve it, and the smooth field that follows.

In each window the pass, sampled where the field says, is regressed on the reference: ``M(x + u) = a F(x) + b + d . grad F(x)``. Gain ``a`` and
offset ``b`` absorb the contrast that arrived in between; the wanted change of the field is ``-d / a`` (inverse-compositional Lucas-Kanade,
Baker and Matthews 2004, with local gain and offset).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from hepaflow.motion.resample import catmull_rom

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
                a0, a1, a2 = min(int(p0), max(nk - 2, 0)), min(int(p1), max(nj - 2, 0)), min(int(p2), max(ni - 2, 0))
                catmull_rom(p0 - a0, w0)
                catmull_rom(p1 - a1, w1)
                catmull_rom(p2 - a2, w2)
                m = 0.0
                for c in range(4):
                    if w0[c] == 0.0:
                        continue
                    kk = min(max(a0 + c - 1, 0), nk - 1)
                    plane = 0.0
                    for b in range(4):
                        if w1[b] == 0.0:
                            continue
                        jj = min(max(a1 + b - 1, 0), nj - 1)
                        row = 0.0
                        for a in range(4):
                            if w2[a] != 0.0:
                                row += w2[a] * moving[kk, jj, min(max(a2 + a - 1, 0), ni - 1)]
                        plane += w1[b] * row
                    m += w0[c] * plane
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
