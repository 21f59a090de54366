"""A dictionary and voxels in the few dimensions that the dictionary spans, the baseline projected out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.kinetics.dictionary import Dictionary
from hepaflow.kinetics.scan import LANES

FloatArray = npt.NDArray[np.float64]

#: Directions that carry less than this share of the dictionary's energy are left out.
NEGLIGIBLE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Atoms ``arterial`` (S, A, r) and ``portal`` (S, P, r) in the orthonormal ``basis`` (n, r), which is orthogonal to a constant.

    Inner products of atoms and of atoms with data are those of the centred curves; r is at most n - 1.
    """

    basis: FloatArray
    arterial: FloatArray
    portal: FloatArray

    @classmethod
    def of(cls, dictionary: Dictionary, *, most: int | None = None) -> Projected:
        """Of every atom of the dictionary, all of equal weight, in at most ``most`` dimensions."""
        n = dictionary.arterial.shape[-1]
        atoms = [x - x.mean(-1, keepdims=True) for x in (dictionary.arterial, dictionary.portal)]
        flat = np.concatenate([x.reshape(-1, n) for x in atoms])
        lengths = np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
        values, vectors = np.linalg.eigh((flat / lengths).T @ (flat / lengths))
        basis = vectors[:, values > NEGLIGIBLE * values.sum()][:, ::-1][:, :most]
        return cls(np.ascontiguousarray(basis), *(x @ basis for x in atoms))

    def inner(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Inner products of arterial atoms with themselves (S, A), portal with themselves (S, P) and arterial with portal (S, A, P)."""
        return (
            np.einsum("sar,sar->sa", self.arterial, self.arterial),
            np.einsum("spr,spr->sp", self.portal, self.portal),
            np.einsum("sar,spr->sap", self.arterial, self.portal),
        )


def project(basis: npt.NDArray[np.float32], data: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Voxels (n, v) in a basis (r, n), as (r, v), by products of one size: what a voxel becomes depends on its place in a block at most, not on how many there are."""
    samples, voxels = data.shape
    found = np.empty((basis.shape[0], voxels), np.float32)
    block, out = np.zeros((samples, LANES), np.float32), np.empty((basis.shape[0], LANES), np.float32)
    for start in range(0, voxels, LANES):
        n = min(LANES, voxels - start)
        block[:, :n] = data[:, start : start + n]
        np.matmul(basis, block, out=out)
        found[:, start : start + n] = out[:, :n]
    return found
