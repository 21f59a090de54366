"""Shift of one pass: a robust search by masked correlation, refined by local least squares over the whole cavity."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.motion.deformable import Field, Fixed, Mask, evidence, picture
from hepaflow.motion.lattice import Scene

FloatArray = npt.NDArray[np.float64]

#: Largest shift looked for along (z, y, x) in mm: quiet breathing moves the liver up to 25 mm, a gasp 40.
REACH_MM = (45.0, 14.0, 10.0)
#: Smoothing of the images for the search.
SEARCH_MM = 6.0


@numba.njit(cache=True, nogil=True)
def _scores(fixed: Any, moving: Any, mask: Any, points: Any, shifts: Any, scores: Any) -> None:
    """Correlation of the reference at ``points`` (n, 3) with the pass at ``points + shift``, for whole-voxel shifts (m, 3)."""
    nk, nj, ni = fixed.shape
    for m in range(shifts.shape[0]):
        n, sf, sm, sff, sfm, smm = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for p in range(points.shape[0]):
            k, j, i = points[p, 0], points[p, 1], points[p, 2]
            q, r, t = k + shifts[m, 0], j + shifts[m, 1], i + shifts[m, 2]
            if q < 0 or r < 0 or t < 0 or q >= nk or r >= nj or t >= ni or not mask[q, r, t]:
                continue
            f, g = fixed[k, j, i], moving[q, r, t]
            if not (np.isfinite(f) and np.isfinite(g)):
                continue
            n += 1.0
            sf += f
            sm += g
            sff += f * f
            sfm += f * g
            smm += g * g
        scores[m] = -1.0
        if n > 0.4 * points.shape[0]:
            vf, vm = sff - sf * sf / n, smm - sm * sm / n
            if vf > 0.0 and vm > 0.0:
                scores[m] = (sfm - sf * sm / n) / np.sqrt(vf * vm)


def search(scene: Scene, fixed: Fixed, index: int, mask: Mask) -> FloatArray:
    """The whole-voxel shift (3,) in mm along the working axes with the best masked correlation on a thinned grid."""
    spacing = scene.grid.spacing_mm
    moving = picture(scene, index, mask, SEARCH_MM)
    points = np.argwhere(mask)
    points = points[:: max(1, len(points) // 4000)]
    ranges = [np.arange(-int(r / s), int(r / s) + 1) for r, s in zip(REACH_MM, spacing, strict=True)]
    best = np.zeros(3, int)
    for stride in (3, 1):
        near = [axis[::stride] - axis[::stride][len(axis[::stride]) // 2] if stride > 1 else np.arange(-2, 3) for axis in ranges]
        shifts = np.stack(np.meshgrid(*near, indexing="ij"), axis=-1).reshape(-1, 3) + best
        shifts = shifts[np.argsort(np.abs(shifts * spacing).sum(axis=1), kind="stable")]
        scores = np.empty(len(shifts))
        _scores(fixed.values, moving, mask, points, shifts, scores)
        best = shifts[int(np.argmax(scores))]
    return np.asarray(best * np.array(spacing))


def full(hessian: FloatArray) -> FloatArray:
    """Symmetric matrices (.., 3, 3) from their six upper entries (.., 6)."""
    return np.asarray(hessian[..., [[0, 1, 2], [1, 3, 4], [2, 4, 5]]])


def refine(scene: Scene, fixed: Fixed, index: int, mask: Mask, shift_mm: FloatArray, *, image_mm: float, steps: int) -> FloatArray:
    """Gauss-Newton on one common shift, windows weighted by their information."""
    moving = picture(scene, index, mask, image_mm)
    shift = shift_mm.copy()
    for _ in range(steps):
        found = evidence(fixed, moving, constant(scene, shift), scene, window_nodes=1.0)
        matrix = full(found.hessian).sum(axis=(0, 1, 2)) + 1e-6 * np.eye(3)
        change = -np.linalg.solve(matrix, found.gradient.sum(axis=(0, 1, 2)))
        shift = shift + np.clip(change, -5.0, 5.0)
        if np.abs(change).max() < 0.02:
            break
    return shift


def constant(scene: Scene, shift_mm: FloatArray) -> Field:
    """A field that is one shift everywhere."""
    return np.broadcast_to(shift_mm.astype(np.float32), (*scene.nodes.shape, 3)).copy()
