"""The compiled steps of the exact fit: normal equations of many voxels, and bounded Levenberg-Marquardt steps with an active set.

Flows are linear and kept at zero or above by their closed form (variable projection); the steps move shape and delays only.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from hepaflow.kinetics.response_table import LAG_STEP_S, LOG_RATE_STEP

#: What one of these calls is inlined, for the reason given in ``scan``.
_JIT: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}
_ZERO = np.float32(0.0)
#: Start of the damping, its least value, its factors after a better and a worse step, and where a fit gives up.
DAMPING, LEAST_DAMPING, RELAX, STIFFEN, STUCK = 1e-3, 1e-4, 0.2, 6.0, 1e4
#: A voxel whose misfit falls by less than this share in a step, or would by its normal equations, is done.
SETTLED = 1e-5
FLAT = 1e-4


@numba.njit(forceinline=True, **_JIT)
def _look_up(nodes, rates, lags, first, rate, lag, value, slope, bend):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Response of one term: ``value``, derivative by lag ``slope`` and by rate ``bend``, each (dims,), bilinear between ``nodes``.

    ``nodes`` is (rates x lags x dims,) flat, its first row of rates that of rate 0.
    """
    dims = value.size  # not a constant: a loop of known length is unrolled instead of vectorised
    across = (lag - first[1]) / LAG_STEP_S
    t = min(max(int(across), 0), lags - 2)
    x = np.float32(across - t)
    per_lag = np.float32(1.0 / LAG_STEP_S)
    if rate == _ZERO:
        low = t * dims
        for d in range(dims):
            change = nodes[low + dims + d] - nodes[low + d]
            value[d], slope[d], bend[d] = nodes[low + d] + x * change, change * per_lag, _ZERO
        return
    up = (np.log(rate) - first[0]) / LOG_RATE_STEP
    k = min(max(int(up), 0), rates - 3) + 1
    y = np.float32(up - k + 1)
    per_rate = np.float32(1.0 / LOG_RATE_STEP) / rate
    low = (k * lags + t) * dims
    high = low + lags * dims
    for d in range(dims):
        here, there = nodes[low + dims + d] - nodes[low + d], nodes[high + dims + d] - nodes[high + d]
        one, other = nodes[low + d] + x * here, nodes[high + d] + x * there
        value[d] = one + y * (other - one)
        slope[d] = (here + y * (there - here)) * per_lag
        bend[d] = (other - one) * per_rate


@numba.njit(forceinline=True, **_JIT)
def _dot(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover
    total = _ZERO
    for d in range(a.size):
        total += a[d] * b[d]
    return total


@numba.njit(**_JIT)
def normal_equations(data, terms, changes, delays, nodes, first, flows, energy, normal, gradient):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Flows, misfit and normal equations of every voxel.

    ``data`` (v, dims); ``terms`` (v, m, 3) and ``changes`` (v, p, m, 3), their derivatives by the shape; ``delays`` (v, inputs). Fills
    ``flows`` (v, inputs) >= 0, ``energy`` (v,) the sum of squares left, ``normal`` (v, q, q) and ``gradient`` (v, q) for the unknowns shape,
    delays, flows in this order.
    """
    inputs, shape, dims = delays.shape[1], changes.shape[1], data.shape[1]
    unknowns = shape + 2 * inputs
    rates, lags = nodes.shape[1:3]
    value, slope, bend = np.empty(dims, np.float32), np.empty(dims, np.float32), np.empty(dims, np.float32)
    atoms, slopes = np.empty((2, dims), np.float32), np.empty((2, dims), np.float32)
    bends, columns = np.empty((2, shape, dims), np.float32), np.empty((unknowns, dims), np.float32)
    left = np.empty(dims, np.float32)
    for v in range(data.shape[0]):
        for i in range(inputs):
            atoms[i] = _ZERO
            slopes[i] = _ZERO
            bends[i] = _ZERO
            for m in range(terms.shape[1]):
                amplitude, start, rate = terms[v, m, 0], terms[v, m, 1], terms[v, m, 2]
                _look_up(nodes[i].ravel(), rates, lags, first, rate, start + delays[v, i], value, slope, bend)
                for d in range(dims):
                    atoms[i, d] += amplitude * value[d]
                    slopes[i, d] += amplitude * slope[d]
                for j in range(shape):
                    a, s, r = changes[v, j, m, 0], amplitude * changes[v, j, m, 1], amplitude * changes[v, j, m, 2]
                    for d in range(dims):
                        bends[i, j, d] += a * value[d] + s * slope[d] + r * bend[d]
        fa, fp = _flows(data[v], atoms, inputs)
        flows[v, 0] = fa
        if inputs == 2:
            flows[v, 1] = fp
        for d in range(dims):
            left[d] = data[v, d] - fa * atoms[0, d] - (fp * atoms[1, d] if inputs == 2 else _ZERO)
        for j in range(shape):
            for d in range(dims):
                columns[j, d] = fa * bends[0, j, d] + (fp * bends[1, j, d] if inputs == 2 else _ZERO)
        for i in range(inputs):
            flow = fa if i == 0 else fp
            for d in range(dims):
                columns[shape + i, d] = flow * slopes[i, d]
                columns[shape + inputs + i, d] = atoms[i, d]
        energy[v] = _dot(left, left)
        for i in range(unknowns):
            gradient[v, i] = _dot(columns[i], left)
            for j in range(i + 1):
                normal[v, i, j] = normal[v, j, i] = _dot(columns[i], columns[j])


@numba.njit(inline="always", **_JIT)
def _flows(y, atoms, inputs):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Non-negative least squares of one or two atoms, in closed form."""
    aa, ya = _dot(atoms[0], atoms[0]), _dot(atoms[0], y)
    alone_a = max(ya / aa, _ZERO) if aa > _ZERO else _ZERO
    if inputs == 1:
        return alone_a, _ZERO
    pp, yp, ap = _dot(atoms[1], atoms[1]), _dot(atoms[1], y), _dot(atoms[0], atoms[1])
    determinant = aa * pp - ap * ap
    if determinant > np.float32(1e-6) * aa * pp:
        fa, fp = (pp * ya - ap * yp) / determinant, (aa * yp - ap * ya) / determinant
        if fa > _ZERO and fp > _ZERO:
            return fa, fp
    alone_p = max(yp / pp, _ZERO) if pp > _ZERO else _ZERO
    if alone_a * ya >= alone_p * yp:
        return alone_a, _ZERO
    return _ZERO, alone_p


@numba.njit(**_JIT)
def step(rows, state, lower, upper, damping, move, worth):  # type: ignore[no-untyped-def]  # pragma: no cover
    """One damped step of shape and delays for the voxels ``rows`` (r,) into ``move`` (r, n), kept within bounds; ``worth`` (r,) says where
    the misfit would fall by enough to take it. ``state`` is (unknown, flows, energy, normal, gradient) of all voxels.

    An unknown at a bound that wants to leave, the delay of an input without flow, and a flow of zero take no part in the step.
    """
    unknown, flows, energy, normal, gradient = state
    count = unknown.shape[1]
    inputs = flows.shape[1]
    shape = count - inputs
    every = count + inputs
    free = np.empty(every, np.int64)
    matrix, right = np.empty((every, every)), np.empty(every)
    for place in range(rows.size):
        v = rows[place]
        n = 0
        for j in range(every):
            if j < count:
                stuck = (unknown[v, j] <= lower[j] and gradient[v, j] < 0) or (unknown[v, j] >= upper[j] and gradient[v, j] > 0)
                idle = j >= shape and flows[v, j - shape] == 0
                taken = not (stuck or idle) and normal[v, j, j] > 0
            else:
                taken = flows[v, j - count] > 0
            if taken:
                free[n] = j
                n += 1
        for i in range(n):
            right[i] = gradient[v, free[i]]
            for j in range(n):
                matrix[i, j] = normal[v, free[i], free[j]]
            if free[i] < count:
                matrix[i, i] *= 1.0 + damping[v]
        _solve(matrix, right, n)
        fall = 0.0
        for i in range(n):
            fall += right[i] * gradient[v, free[i]]
        worth[place] = fall > SETTLED * energy[v]
        for j in range(count):
            move[place, j] = unknown[v, j]
        for i in range(n):
            j = free[i]
            if j < count:
                move[place, j] = min(max(unknown[v, j] + right[i], lower[j]), upper[j])


@numba.njit(**_JIT)
def accept(rows, move, flows, energy, normal, gradient, state, damping, going):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Keep the trial of the voxels ``rows`` where it lowers the misfit; ``going`` (r,) says where another step is worth while.

    ``state`` is (unknown, flows, energy, normal, gradient) of all voxels.
    """
    unknown_now, flows_now, energy_now, normal_now, gradient_now = state
    for place in range(rows.size):
        v = rows[place]
        fall = energy_now[v] - energy[place]
        if fall > _ZERO:
            going[place] = fall > SETTLED * energy_now[v]
            unknown_now[v], flows_now[v], energy_now[v] = move[place], flows[place], energy[place]
            normal_now[v], gradient_now[v] = normal[place], gradient[place]
            damping[v] = max(damping[v] * RELAX, LEAST_DAMPING)
        else:
            damping[v] *= STIFFEN
            going[place] = damping[v] < STUCK and -fall > FLAT * energy_now[v]


@numba.njit(inline="always", **_JIT)
def _solve(matrix, right, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Cholesky solution in place; a direction without information is not moved."""
    for i in range(n):
        for j in range(i):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = total * matrix[j, j]
        own = matrix[i, i]
        total = own
        for k in range(i):
            total -= matrix[i, k] * matrix[i, k]
        matrix[i, i] = 1.0 / np.sqrt(total) if total > 1e-7 * own else 0.0  # inverse of the diagonal
    for i in range(n):
        total = right[i]
        for k in range(i):
            total -= matrix[i, k] * right[k]
        right[i] = total * matrix[i, i]
    for i in range(n - 1, -1, -1):
        total = right[i]
        for k in range(i + 1, n):
            total -= matrix[k, i] * right[k]
        right[i] = total * matrix[i, i]
