"""Breathing has few degrees of freedom: the displacement of all passes is a few shapes (modes) with one amplitude each a pass.

Sharing the shapes uses all passes against the noise, and gives passes without contrast in the liver, which show little, the shapes the others found.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: More shapes than this are no breathing.
MOST = 3
#: A shape counts when its singular value is this many times the median one, which is noise (compare Gavish and Donoho 2014) ...
ABOVE_NOISE = 4.0
#: ... and it holds this share of the largest one's energy: what is smaller follows contrast rather than breath.
LEAST_ENERGY = 0.01


def split(fields: npt.NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Amplitudes (passes, r) and shapes (r, nodes, 3), one to three of them, whose sum is nearest to the fields (passes, nodes, 3).

    The displacement of the reference is 0 by definition, so that the shapes pass through the origin: no mean is taken off.
    """
    passes = fields.shape[0]
    table = fields.reshape(passes, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.einsum("pn,qn->pq", table, table))  # no BLAS: its sums depend on the number of threads
    order = np.argsort(values)[::-1]
    count = supported(np.sqrt(np.maximum(values[order], 0.0)))
    chosen = vectors[:, order[:count]]
    return chosen, np.einsum("pr,pn->rn", chosen, table).reshape(count, *fields.shape[1:])


def shared(fields: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The fields (passes, nodes, 3) as sums of the shapes they share; fewer than four fields are given back."""
    if fields.shape[0] < 4 or not fields.any():
        return fields
    amplitudes, shapes = split(fields)
    return np.asarray(np.einsum("pr,rnc->pnc", amplitudes, shapes), np.float32)


def supported(singular: FloatArray) -> int:
    """How many of the singular values (descending) are breathing and not noise: 1 to ``MOST``.

    >>> supported(np.array([3400.0, 500.0, 300.0, 100.0, 100.0, 90.0, 85.0, 80.0, 75.0, 70.0]))
    2
    """
    above = (singular > ABOVE_NOISE * np.median(singular)) & (singular**2 > LEAST_ENERGY * singular[0] ** 2)
    return int(np.clip(np.cumprod(above).sum(), 1, MOST))
