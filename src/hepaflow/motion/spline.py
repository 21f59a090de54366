"""Smooth fields over the nodes: cubic B-splines on a coarser lattice, kept smooth by their bending energy.

Bending leaves shifts, stretches and tilts free, which breathing consists of; a penalty on slopes would pull them towards one shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Nodes from one knot to the next.
STEP = 4
#: Gradient steps that a solution takes at most, and the share of the first residual at which it ends.
_MOST, _ENOUGH = 60, 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Splines:
    """A basis over nodes (k, j, i): along each axis the first of four knots (n,) and their weights (n, 4); ``knots`` (3) and their spacing in mm."""

    first: tuple[npt.NDArray[np.int64], ...]
    weights: tuple[FloatArray, ...]
    knots: tuple[int, int, int]
    spacing_mm: FloatArray

    @classmethod
    def over(cls, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], *, step: int = STEP) -> Splines:
        """The basis with a knot every ``step`` nodes."""
        count = [-(-(n - 1) // step) + 3 for n in shape]
        first, weights = [], []
        for n, m in zip(shape, count, strict=True):
            place = np.arange(n) / step
            low = np.minimum(place.astype(np.int64), m - 4) if m > 3 else np.zeros(n, np.int64)
            t = place - low
            first.append(low)
            weights.append(np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], -1) / 6.0)
        return cls(tuple(first), tuple(weights), (count[0], count[1], count[2]), step * np.array(spacing_mm))

    def field(self, knots: FloatArray) -> FloatArray:
        """Values at the nodes (k, j, i, q) of coefficients at the knots (.., q)."""
        for axis in range(3):
            knots = _along(_spread, knots, axis, self.first[axis], self.weights[axis], self.first[axis].size)
        return knots

    def gathered(self, nodes: FloatArray, *, squared: bool = False) -> FloatArray:
        """The transpose of :meth:`field` on values at the nodes (k, j, i, q); ``squared`` with the weights squared."""
        for axis in range(3):
            weights = self.weights[axis] ** 2 if squared else self.weights[axis]
            nodes = _along(_gather, nodes, axis, self.first[axis], weights, self.knots[axis])
        return nodes

    def bending(self, knots: FloatArray) -> FloatArray:
        """Half the slope of the bending energy, in the unit of the values, mm3 / mm4, at coefficients (.., q)."""
        total = np.zeros_like(knots)
        volume = float(np.prod(self.spacing_mm))
        for a in range(3):
            total += _undone(np.diff(knots, n=2, axis=a), a, 2, knots.shape) * (volume / self.spacing_mm[a] ** 4)
            for b in range(a + 1, 3):
                inner = np.diff(np.diff(knots, axis=a), axis=b)
                half = list(knots.shape)
                half[a] -= 1
                back = _undone(_undone(inner, b, 1, tuple(half)), a, 1, knots.shape)
                total += back * (2.0 * volume / (self.spacing_mm[a] * self.spacing_mm[b]) ** 2)
        return total

    @property
    def stiffness(self) -> float:
        """The diagonal of :meth:`bending` far from the border."""
        volume, h = float(np.prod(self.spacing_mm)), self.spacing_mm
        straight = sum(6.0 * volume / h[a] ** 4 for a in range(3))
        return float(straight + sum(8.0 * volume / (h[a] * h[b]) ** 2 for a in range(3) for b in range(a + 1, 3)))

    def solve(self, matrices: FloatArray, right: FloatArray, stiffness: FloatArray, start: FloatArray) -> FloatArray:
        """Coefficients c (.., q) of the least of ``f'Mf / 2 - f'r`` summed over nodes, f the field of c, plus bending times ``stiffness`` (q,) / 2.

        ``matrices`` M (k, j, i, q, q), ``right`` r (k, j, i, q). Conjugate gradients from ``start``, each knot's own block inverted.
        """
        q = right.shape[-1]
        blocks = self.gathered(matrices.reshape(*right.shape[:3], q * q), squared=True).reshape(-1, q, q)
        own = np.diag(self.stiffness * stiffness + 1e-6 * (1.0 + float(stiffness.max())))
        inverse = np.linalg.inv(blocks + own)

        def slope(knots: FloatArray) -> FloatArray:
            return self.gathered(_times(matrices, self.field(knots))) + self.bending(knots) * stiffness + 1e-6 * knots

        def eased(residual: FloatArray) -> FloatArray:
            return np.asarray(np.einsum("ncd,nd->nc", inverse, residual.reshape(-1, q))).reshape(residual.shape)

        found = start.copy()
        residual = self.gathered(right) - slope(found)
        towards = eased(residual)
        size, least = float((residual * towards).sum()), _ENOUGH**2 * float((residual**2).sum())
        for _ in range(_MOST):
            if not float((residual**2).sum()) > least:
                break
            pushed = slope(towards)
            length = size / float((towards * pushed).sum())
            found += length * towards
            residual -= length * pushed
            step = eased(residual)
            before, size = size, float((residual * step).sum())
            towards = step + (size / before) * towards
        return found


def _along(kernel: Any, values: FloatArray, axis: int, first: Any, weights: FloatArray, size: int) -> FloatArray:
    """``kernel`` on one axis of ``values``, the axes before and after it run together."""
    shape = values.shape
    flat = values.reshape(int(np.prod(shape[:axis])), shape[axis], -1)
    out = np.zeros((flat.shape[0], size, flat.shape[2]))
    kernel(np.ascontiguousarray(flat), first, weights, out)
    return out.reshape(*shape[:axis], size, *shape[axis + 1 :])


@numba.njit(cache=True, nogil=True)
def _spread(values: Any, first: Any, weights: Any, out: Any) -> None:
    for a in range(out.shape[0]):
        for n in range(out.shape[1]):
            for tap in range(4):
                w, m = weights[n, tap], first[n] + tap
                for q in range(out.shape[2]):
                    out[a, n, q] += w * values[a, m, q]


@numba.njit(cache=True, nogil=True)
def _gather(values: Any, first: Any, weights: Any, out: Any) -> None:
    for a in range(values.shape[0]):
        for n in range(values.shape[1]):
            for tap in range(4):
                w, m = weights[n, tap], first[n] + tap
                for q in range(values.shape[2]):
                    out[a, m, q] += w * values[a, n, q]


@numba.njit(cache=True, nogil=True)
def _times(matrices: Any, values: Any) -> Any:
    """Every node's matrix (k, j, i, q, q) times its values (k, j, i, q)."""
    out = np.zeros_like(values)
    nk, nj, ni, q = values.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                for c in range(q):
                    total = 0.0
                    for d in range(q):
                        total += matrices[k, j, i, c, d] * values[k, j, i, d]
                    out[k, j, i, c] = total
    return out


def _undone(difference: FloatArray, axis: int, order: int, shape: tuple[int, ...]) -> FloatArray:
    """The transpose of ``np.diff`` of that order along ``axis``, to values of ``shape``."""
    out = np.zeros(shape)
    here = np.moveaxis(out, axis, 0)
    from_ = np.moveaxis(difference, axis, 0)
    n = from_.shape[0]
    for place, factor in enumerate((-1.0, 1.0) if order == 1 else (1.0, -2.0, 1.0)):
        here[place : place + n] += factor * from_
    return out
