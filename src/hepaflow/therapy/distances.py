"""How far a lesion lies from the hilum or a vessel: between surfaces, finer than voxels."""

from __future__ import annotations

from dataclasses import dataclass

from hepaflow.domain.geometry import Grid
from hepaflow.therapy.surface import Mask, depth_mm, evened, surface_of

#: Less than for a margin: both surfaces bend away from each other.
_EVENED = 0.5


@dataclass(frozen=True, slots=True)
class Gap:
    """Shortest way in mm from surface to surface (0 where the two touch or overlap), and where on the lesion it starts (mm LPS).

    Flags: ``masks-overlap``; ``mask-truncated`` where one of the two reaches the edge of the image, so that a shorter way may lie beyond.
    """

    mm: float
    at_mm: tuple[float, float, float]
    flags: tuple[str, ...] = ()


def gap(lesion: Mask, other: Mask, *, grid: Grid, what: str = "the other structure") -> Gap:
    """The gap between a lesion and another structure, both masks (k, j, i) on ``grid``. Refused: masks that are empty or not on the grid."""
    one, far = surface_of(lesion, grid, what="the lesion"), surface_of(other, grid, what=what)
    away = evened(-depth_mm(one.points_mm, far), one, diagonals=_EVENED)
    nearest = int(away.argmin())
    overlap = bool((lesion & other).any())
    x, y, z = (float(c) for c in one.points_mm[nearest])
    flags = (*(("masks-overlap",) if overlap else ()), *(("mask-truncated",) if one.truncated or far.truncated else ()))
    return Gap(0.0 if overlap else max(float(away[nearest]), 0.0), (x, y, z), flags)
