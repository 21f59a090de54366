"""Which lesion of one examination is which of another: proposed from where the first one's lesions lie in the second, for a reader to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

#: A carried center this far from a lesion's own, or half its diameter if that is more, may still be the same lesion.
NEAR_MM = 15.0


@dataclass(frozen=True, slots=True)
class Place:
    """Center of a lesion (mm LPS) and its longest axial diameter in mm."""

    center_mm: tuple[float, float, float]
    diameter_mm: float


@dataclass(frozen=True, slots=True)
class Link:
    """One lesion of each examination, how far the carried center lies from the other's in mm, and diameter over diameter."""

    first: str
    second: str
    distance_mm: float
    size_ratio: float


@dataclass(frozen=True, slots=True)
class Links:
    """Proposed pairs, and what is left of either examination: gone or not drawn, and new or not drawn before."""

    pairs: tuple[Link, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def propose(carried: Mapping[str, Place], found: Mapping[str, Place]) -> Links:
    """Pairs of the lesions of the first examination, ``carried`` into the second, and those ``found`` there: the smallest sum of distances, no pair too far apart.

    >>> a, b = Place((0.0, 0.0, 0.0), 20.0), Place((3.0, 4.0, 0.0), 10.0)
    >>> propose({"lesion-1": a}, {"lesion-2": b}).pairs[0].distance_mm
    5.0
    """
    from scipy.optimize import linear_sum_assignment

    names, others = list(carried), list(found)
    if not names or not others:
        return Links((), tuple(names), tuple(others))
    here = np.array([carried[name].center_mm for name in names])
    there = np.array([found[name].center_mm for name in others])
    apart = np.linalg.norm(here[:, None] - there[None], axis=2)
    reach = np.array([[_reach(carried[a], found[b]) for b in others] for a in names])
    far = 1.0 + apart.size * max(float(apart.max()), float(reach.max()))
    rows, columns = linear_sum_assignment(np.where(apart <= reach, apart, far))
    pairs = tuple(
        Link(names[r], others[c], float(apart[r, c]), found[others[c]].diameter_mm / carried[names[r]].diameter_mm)
        for r, c in zip(rows, columns, strict=True)
        if apart[r, c] <= reach[r, c]
    )
    first, second = {pair.first for pair in pairs}, {pair.second for pair in pairs}
    return Links(pairs, tuple(n for n in names if n not in first), tuple(n for n in others if n not in second))


def _reach(one: Place, other: Place) -> float:
    return max(NEAR_MM, 0.5 * max(one.diameter_mm, other.diameter_mm))
