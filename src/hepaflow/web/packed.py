"""Masks as pages get them and as memory holds them: the bits of a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.regions.shells import SURROUND_MM

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A mask as the ``bits`` (as of ``numpy.packbits``, C order) of its ``box`` (k0, k1, j0, j1, i0, i1)."""

    box: tuple[int, int, int, int, int, int]
    bits: bytes

    @classmethod
    def of(cls, mask: Mask, *, within: tuple[slice, slice, slice] = (slice(None),) * 3) -> Packed:
        """Packs what a mask holds ``within`` a window; without a voxel its box is empty."""
        local = mask[within]
        spans = [np.flatnonzero(local.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
        edges = [(int(hit[0]), int(hit[-1]) + 1) if hit.size else (0, 0) for hit in spans]
        inside = local[tuple(slice(low, high) for low, high in edges)]
        (k0, k1), (j0, j1), (i0, i1) = (
            (low + (s.start or 0), high + (s.start or 0)) for (low, high), s in zip(edges, within, strict=True)
        )
        return cls((k0, k1, j0, j1, i0, i1), np.packbits(inside).tobytes())

    @property
    def content(self) -> tuple[tuple[int, ...], bytes]:
        """What tells it from every other mask of its grid."""
        return self.box, self.bits

    @property
    def count(self) -> int:
        """Number of voxels."""
        return int(np.unpackbits(np.frombuffer(self.bits, np.uint8)).sum())

    def mask(self, shape: tuple[int, int, int]) -> Mask:
        """The mask on its grid."""
        k0, k1, j0, j1, i0, i1 = self.box
        inner = (k1 - k0, j1 - j0, i1 - i0)
        found = np.zeros(shape, bool)
        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=int(np.prod(inner)))
        found[k0:k1, j0:j1, i0:i1] = bits.reshape(inner).astype(bool)
        return found


def around(mask: Mask, spacing_mm: tuple[float, float, float]) -> tuple[slice, slice, slice]:
    """The window that holds a lesion with all that counts as around it."""
    k = np.flatnonzero(mask.any(axis=(1, 2)))
    slab = mask[k[0] : k[-1] + 1]
    hits = (k, np.flatnonzero(slab.any(axis=(0, 2))), np.flatnonzero(slab.any(axis=(0, 1))))
    reach = [int(np.ceil((SURROUND_MM + 2.0) / step)) + 1 for step in spacing_mm]
    first, second, third = (
        slice(max(int(hit[0]) - more, 0), min(int(hit[-1]) + more + 1, size))
        for hit, more, size in zip(hits, reach, mask.shape, strict=True)
    )
    return first, second, third
