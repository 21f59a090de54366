"""Compiled kernels: painting shapes on a fine raster, and taking images of that raster through the breathing displacement.

Rasters are [k, j, i] on points ``origin + index * pitch`` in mm LPS (x, y, z order in ``origin`` and ``pitch``). Each raster point holds at
most two tissues: ``top`` covers the share ``cover`` / 255 of it, ``below`` the rest: enough for edges that are smooth under the raster's pitch.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

ELLIPSOID, TUBE, BLEND = 0, 1, 2


@numba.njit(cache=True, nogil=True)
def _ellipsoid(x: float, y: float, z: float, g: Any) -> float:
    """Distance in mm (negative inside; first-order exact near the surface) to an ellipsoid turned about z; g = centre, radii, height below, cos, sin."""
    dx, dy, dz = x - g[0], y - g[1], z - g[2]
    u, v = g[7] * dx + g[8] * dy, -g[8] * dx + g[7] * dy
    rz = g[5] if dz >= 0.0 else g[6]
    a, b, c = u / g[3], v / g[4], dz / rz
    k0 = np.sqrt(a * a + b * b + c * c)
    k1 = np.sqrt(a * a / (g[3] * g[3]) + b * b / (g[4] * g[4]) + c * c / (rz * rz))
    if k1 < 1e-9:
        return float(-min(g[3], g[4], rz))
    return float(k0 * (k0 - 1.0) / k1)


@numba.njit(cache=True, nogil=True)
def _tube(x: float, y: float, z: float, g: Any) -> float:
    """Distance in mm to a round tube with a linear radius; g = start (3), radius, end (3), radius."""
    ex, ey, ez = g[4] - g[0], g[5] - g[1], g[6] - g[2]
    t = ((x - g[0]) * ex + (y - g[1]) * ey + (z - g[2]) * ez) / (ex * ex + ey * ey + ez * ez)
    t = min(max(t, 0.0), 1.0)
    dx, dy, dz = x - g[0] - t * ex, y - g[1] - t * ey, z - g[2] - t * ez
    return float(np.sqrt(dx * dx + dy * dy + dz * dz) - (g[3] + t * (g[7] - g[3])))


@numba.njit(cache=True, nogil=True)
def _blend(x: float, y: float, z: float, parts: Any, round_mm: float) -> float:
    """Distance in mm to ellipsoids joined (last column +1) or carved out (-1) one after the other with rounded seams."""
    d = _ellipsoid(x, y, z, parts[0])
    for n in range(1, parts.shape[0]):
        e = _ellipsoid(x, y, z, parts[n])
        sign = parts[n, 9]
        a, b = sign * d, e
        h = max(round_mm - abs(a - b), 0.0)
        d = sign * (min(a, b) - 0.25 * h * h / round_mm)
    return float(d)


@numba.njit(cache=True, nogil=True)
def paint(top: Any, below: Any, cover: Any, shapes: Any, parts: Any, origin: Any, pitch: Any, round_mm: float) -> None:
    """Paint ``shapes`` (n, 11: kind, tissue, geometry) in order; ``top``, ``below``, ``cover`` (k, j, i) uint8 are changed in place."""
    nk, nj, ni = top.shape
    width = (pitch[0] * pitch[1] * pitch[2]) ** (1.0 / 3.0)
    low, high = np.empty(3), np.empty(3)
    for n in range(shapes.shape[0]):
        kind, tissue, g = int(shapes[n, 0]), np.uint8(shapes[n, 1]), shapes[n, 2:11]
        if kind == ELLIPSOID:
            reach = max(g[3], g[4])
            for axis in range(3):
                size = reach if axis < 2 else max(g[5], g[6])
                low[axis], high[axis] = g[axis] - size, g[axis] + size
        elif kind == TUBE:
            for axis in range(3):
                low[axis] = min(g[axis] - g[3], g[4 + axis] - g[7])
                high[axis] = max(g[axis] + g[3], g[4 + axis] + g[7])
        else:
            low[:], high[:] = -1e9, 1e9
        i0, i1 = max(int((low[0] - width - origin[0]) / pitch[0]), 0), min(int((high[0] + width - origin[0]) / pitch[0]) + 2, ni)
        j0, j1 = max(int((low[1] - width - origin[1]) / pitch[1]), 0), min(int((high[1] + width - origin[1]) / pitch[1]) + 2, nj)
        k0, k1 = max(int((low[2] - width - origin[2]) / pitch[2]), 0), min(int((high[2] + width - origin[2]) / pitch[2]) + 2, nk)
        for k in range(k0, k1):
            z = origin[2] + k * pitch[2]
            for j in range(j0, j1):
                y = origin[1] + j * pitch[1]
                for i in range(i0, i1):
                    x = origin[0] + i * pitch[0]
                    if kind == ELLIPSOID:
                        d = _ellipsoid(x, y, z, g)
                    elif kind == TUBE:
                        d = _tube(x, y, z, g)
                    else:
                        d = _blend(x, y, z, parts, round_mm)
                    share = 0.5 - d / width
                    if share <= 0.0:
                        continue
                    if share >= 1.0:
                        top[k, j, i], cover[k, j, i] = tissue, 255
                        continue
                    level = np.uint8(255.0 * share + 0.5)
                    if top[k, j, i] == tissue:
                        cover[k, j, i] = max(cover[k, j, i], level)
                        continue
                    below[k, j, i] = top[k, j, i] if cover[k, j, i] >= 128 else below[k, j, i]
                    top[k, j, i], cover[k, j, i] = tissue, level


@numba.njit(cache=True, nogil=True)
def material_values(top: Any, below: Any, cover: Any, texture: Any, base: Any, enhancement: Any, textured: Any, out: Any) -> None:
    """HU (k, j, i) of the raster at one time; ``base``, ``enhancement``, ``textured`` are per tissue, ``texture`` a factor around 1."""
    nk, nj, ni = top.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                a, b, share = top[k, j, i], below[k, j, i], cover[k, j, i] / 255.0
                extra = texture[k, j, i] - 1.0
                first = base[a] + enhancement[a] * (1.0 + textured[a] * extra)
                second = base[b] + enhancement[b] * (1.0 + textured[b] * extra)
                out[k, j, i] = share * first + (1.0 - share) * second


@numba.njit(cache=True, nogil=True)
def share_of(top: Any, below: Any, cover: Any, inside: Any, chosen: Any, factors: Any, out: Any) -> None:
    """Share (k, j, i) of each voxel filled by the ``chosen`` (per tissue, 0 or 1) tissues; ``inside`` (j, i) is the cavity's share of each fine column."""
    nk, nj, ni = out.shape
    fk, fj, fi = factors
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                total = 0.0
                for c in range(k * fk, k * fk + fk):
                    for b in range(j * fj, j * fj + fj):
                        for a in range(i * fi, i * fi + fi):
                            share = cover[c, b, a] / 255.0
                            part = share * chosen[top[c, b, a]] + (1.0 - share) * chosen[below[c, b, a]]
                            total += inside[b, a] * part
                out[k, j, i] = total / (fk * fj * fi)


@numba.njit(cache=True, nogil=True)
def _ramp(value: float) -> float:
    t = min(max(value, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@numba.njit(cache=True, nogil=True)
def _displacement(x: float, y: float, z: float, a1: float, a2: float, m: Any) -> tuple[float, float]:
    """Displacement (y, z) in mm of the reference's point; m = the numbers of :data:`hepaflow.phantom.liver.MOTION`."""
    dx, dy = x - m[0], y - m[1]
    free = _ramp((np.sqrt(dx * dx + dy * dy) - m[2]) / m[3])
    height = m[4] + (1.0 - m[4]) * _ramp((z - m[5]) / m[6])
    front = _ramp((m[7] - y) / m[8])
    u, v = abs(x - m[9]) / m[11], abs(y - m[10]) / m[12]
    wall = _ramp((1.0 - u * u * u - v * v * v) / 0.6)
    down = (a1 + a2 * front) * free * height
    return -m[13] * wall * down, -down


@numba.njit(cache=True, nogil=True)
def take_image(
    values: Any, inside: Any, origin: Any, pitch: Any, factors: Any, margin: int, a1: float, a2: float, motion: Any, out: Any
) -> None:
    """What the cavity adds to the image of one pass: ``out`` (k, j, i; the canvas's window) in HU, weighted with the cavity's share.

    ``values`` is the raster's HU at that time, in the reference's breathing state; each fine point x of the image is traced back to the
    point X with X + u(X) = x by fixed-point iteration and interpolated there in y and z (nothing moves in x).
    """
    nk, nj, ni = out.shape
    mk, mj = values.shape[0], values.shape[1]
    fk, fj, fi = factors
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                total = 0.0
                for b in range(j * fj, j * fj + fj):
                    y = origin[1] + b * pitch[1]
                    for a in range(i * fi, i * fi + fi):
                        weight = inside[b, a]
                        if weight <= 0.0:
                            continue
                        x = origin[0] + a * pitch[0]
                        for c in range(margin + k * fk, margin + k * fk + fk):
                            z = origin[2] + c * pitch[2]
                            uy, uz = 0.0, 0.0
                            for _ in range(40):
                                vy, vz = _displacement(x, y - uy, z - uz, a1, a2, motion)
                                change = max(abs(vy - uy), abs(vz - uz))
                                uy, uz = vy, vz
                                if change < 0.01:
                                    break
                            fy = min(max(b - uy / pitch[1], 0.0), mj - 1.001)
                            fz = min(max(c - uz / pitch[2], 0.0), mk - 1.001)
                            q, r = int(fy), int(fz)
                            ty, tz = fy - q, fz - r
                            near = (1.0 - ty) * values[r, q, a] + ty * values[r, q + 1, a]
                            far = (1.0 - ty) * values[r + 1, q, a] + ty * values[r + 1, q + 1, a]
                            total += weight * ((1.0 - tz) * near + tz * far)
                out[k, j, i] = total / (fk * fj * fi)


@numba.njit(cache=True, nogil=True)
def displacement_field(xs: Any, ys: Any, zs: Any, inside: Any, a1: float, a2: float, motion: Any, out: Any) -> None:
    """Displacement (k, j, i, 3) mm LPS at the points of the axes; zero where ``inside`` (j, i) is False."""
    for k in range(zs.size):
        for j in range(ys.size):
            for i in range(xs.size):
                if inside[j, i]:
                    uy, uz = _displacement(xs[i], ys[j], zs[k], a1, a2, motion)
                    out[k, j, i, 1], out[k, j, i, 2] = uy, uz
