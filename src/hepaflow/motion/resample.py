"""Taking an image through a displacement field: every value of the study interpolated exactly once."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid

FloatArray = npt.NDArray[np.float64]

#: A point this far (voxels) beyond the outermost centres still lies in what the outermost voxels measured.
_COVERED = 0.5


@numba.njit(cache=True, nogil=True)
def catmull_rom(t: float, w: Any) -> None:
    """Weights ``w`` (4,) of the values before and after a point that lies ``t`` (0 to 1) beyond the second of them."""
    w[0] = 0.5 * t * (-1.0 + t * (2.0 - t))
    w[1] = 0.5 * (2.0 + t * t * (3.0 * t - 5.0))
    w[2] = 0.5 * t * (1.0 + t * (4.0 - 3.0 * t))
    w[3] = 0.5 * t * t * (t - 1.0)


@numba.njit(cache=True, nogil=True)
def cubic_at(volume: Any, p0: float, p1: float, p2: float, w0: Any, w1: Any, w2: Any) -> float:
    """The volume (k, j, i) at a point inside it, in voxels, by 64 taps, those beyond the border taken on it; ``w0`` to ``w2`` (4,) are scratch."""
    nk, nj, ni = volume.shape
    a0, a1, a2 = int(p0), int(p1), int(p2)
    catmull_rom(p0 - a0, w0)
    catmull_rom(p1 - a1, w1)
    catmull_rom(p2 - a2, w2)
    total = 0.0
    if 0 < a2 < ni - 2 and w2[0] != 0.0:
        x0, x1, x2, x3 = w2[0], w2[1], w2[2], w2[3]
        for c in range(4):
            if w0[c] == 0.0:
                continue
            kk = min(max(a0 + c - 1, 0), nk - 1)
            for b in range(4):
                if w1[b] != 0.0:
                    row = volume[kk, min(max(a1 + b - 1, 0), nj - 1)]
                    total += w0[c] * w1[b] * (x0 * row[a2 - 1] + x1 * row[a2] + x2 * row[a2 + 1] + x3 * row[a2 + 2])
        return total
    for c in range(4):
        if w0[c] == 0.0:
            continue
        kk = min(max(a0 + c - 1, 0), nk - 1)
        for b in range(4):
            if w1[b] == 0.0:
                continue
            jj = min(max(a1 + b - 1, 0), nj - 1)
            for a in range(4):
                if w2[a] != 0.0:
                    total += w0[c] * w1[b] * w2[a] * volume[kk, jj, min(max(a2 + a - 1, 0), ni - 1)]
    return total


@numba.njit(cache=True, nogil=True)
def _shift_at(field: Any, p0: float, p1: float, p2: float, shift: Any) -> bool:
    """Trilinear displacement (3,) at a position in node units, the outermost nodes continued; False where all eight nodes are 0."""
    n0, n1, n2 = field.shape[0], field.shape[1], field.shape[2]
    p0, p1, p2 = min(max(p0, 0.0), n0 - 1.0), min(max(p1, 0.0), n1 - 1.0), min(max(p2, 0.0), n2 - 1.0)
    a0, a1, a2 = int(p0), int(p1), int(p2)
    b0, b1, b2 = min(a0 + 1, n0 - 1), min(a1 + 1, n1 - 1), min(a2 + 1, n2 - 1)
    t0, t1, t2 = p0 - a0, p1 - a1, p2 - a2
    any_shift = False
    for axis in range(3):
        near = (1 - t1) * ((1 - t2) * field[a0, a1, a2, axis] + t2 * field[a0, a1, b2, axis])
        near += t1 * ((1 - t2) * field[a0, b1, a2, axis] + t2 * field[a0, b1, b2, axis])
        far = (1 - t1) * ((1 - t2) * field[b0, a1, a2, axis] + t2 * field[b0, a1, b2, axis])
        far += t1 * ((1 - t2) * field[b0, b1, a2, axis] + t2 * field[b0, b1, b2, axis])
        shift[axis] = (1 - t0) * near + t0 * far
        any_shift = any_shift or shift[axis] != 0.0
    return any_shift


@numba.njit(cache=True, nogil=True)
def _upsample(field: Any, to_node: Any, out: Any) -> None:
    shift = np.empty(3)
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                p0 = to_node[0, 0] * k + to_node[0, 1] * j + to_node[0, 2] * i + to_node[0, 3]
                p1 = to_node[1, 0] * k + to_node[1, 1] * j + to_node[1, 2] * i + to_node[1, 3]
                p2 = to_node[2, 0] * k + to_node[2, 1] * j + to_node[2, 2] * i + to_node[2, 3]
                _shift_at(field, p0, p1, p2, shift)
                out[k, j, i, 0], out[k, j, i, 1], out[k, j, i, 2] = shift[0], shift[1], shift[2]


@numba.njit(cache=True, nogil=True)
def _pull(volume: Any, field: Any, to_node: Any, to_voxel: Any, out: Any) -> None:
    """``out`` (k, j, i) = cubic interpolation of ``volume`` at the displaced points; voxels that do not move are copied."""
    nk, nj, ni = out.shape
    shift, w0, w1, w2 = np.empty(3), np.empty(4), np.empty(4), np.empty(4)
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                q0 = to_node[0, 0] * k + to_node[0, 1] * j + to_node[0, 2] * i + to_node[0, 3]
                q1 = to_node[1, 0] * k + to_node[1, 1] * j + to_node[1, 2] * i + to_node[1, 3]
                q2 = to_node[2, 0] * k + to_node[2, 1] * j + to_node[2, 2] * i + to_node[2, 3]
                if not _shift_at(field, q0, q1, q2, shift):
                    out[k, j, i] = volume[k, j, i]
                    continue
                p0 = k + to_voxel[0, 0] * shift[0] + to_voxel[0, 1] * shift[1] + to_voxel[0, 2] * shift[2]
                p1 = j + to_voxel[1, 0] * shift[0] + to_voxel[1, 1] * shift[1] + to_voxel[1, 2] * shift[2]
                p2 = i + to_voxel[2, 0] * shift[0] + to_voxel[2, 1] * shift[1] + to_voxel[2, 2] * shift[2]
                if (
                    p0 < -_COVERED or p1 < -_COVERED or p2 < -_COVERED
                    or p0 > nk - 1 + _COVERED or p1 > nj - 1 + _COVERED or p2 > ni - 1 + _COVERED
                ):  # fmt: skip
                    out[k, j, i] = np.nan
                    continue
                p0, p1, p2 = min(max(p0, 0.0), nk - 1.0), min(max(p1, 0.0), nj - 1.0), min(max(p2, 0.0), ni - 1.0)
                if not np.isfinite(volume[int(p0 + 0.5), int(p1 + 0.5), int(p2 + 0.5)]):
                    out[k, j, i] = np.nan  # the nearest tap always counts
                    continue
                out[k, j, i] = cubic_at(volume, p0, p1, p2, w0, w1, w2)


def _to_nodes(grid: Grid, nodes: Grid) -> FloatArray:
    """The affine (3, 4) from an index of ``grid`` to one of ``nodes``."""
    return np.asarray((np.linalg.inv(nodes.affine) @ grid.affine)[:3])


def upsample(field: npt.NDArray[np.float32], nodes: Grid, grid: Grid) -> npt.NDArray[np.float32]:
    """The field (nodes k, j, i, 3) at the voxels of ``grid``: (k, j, i, 3) float32, trilinear, the outermost nodes continued outwards."""
    out = np.empty((*grid.shape, 3), np.float32)
    _upsample(np.ascontiguousarray(field, np.float32), _to_nodes(grid, nodes), out)
    return out


def pull_back(
    volume: npt.NDArray[np.generic], grid: Grid, *, field: npt.NDArray[np.float32], nodes: Grid, out: npt.NDArray[np.float32]
) -> None:
    """Sample ``volume`` (k, j, i) where the field (mm LPS on ``nodes``) says, into ``out``: Catmull-Rom cubic, a NaN tap or a point outside
    the measured slab gives NaN, a voxel whose displacement is exactly 0 keeps its value.
    """
    inverse = np.linalg.inv(grid.affine[:3, :3])
    _pull(np.ascontiguousarray(volume, np.float32), np.ascontiguousarray(field, np.float32), _to_nodes(grid, nodes), inverse, out)
