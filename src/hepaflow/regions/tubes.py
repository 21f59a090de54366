"""Vessels that run along the body: round parts of axial slices, chained from slice to slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.regions.search import Mask, SearchVolume

FloatArray = npt.NDArray[np.float64]

#: Shortest length along z that counts as a tube, mm, and as a share of the coverage.
TUBE_MM, TUBE_SHARE = 40.0, 0.5
#: How far a vessel along the spine may keep from it, wall to bone, mm.
NEAR_MM = 24.0
#: The lumen core: this share of the largest depth below the wall is left out.
WALL_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class _Disc:
    """One connected part of an axial slice: centre (y, x) in mm, weight, label in its slice."""

    slice: int
    y: float
    x: float
    weight: float
    label: int


def lumen_core(volume: SearchVolume, lumen: Mask, *, wall_share: float = WALL_SHARE) -> Mask:
    """The middle of a tube, slice by slice: deeper than ``wall_share`` of the slice's largest depth, free of partial volume."""
    from scipy import ndimage

    core = np.zeros_like(lumen)
    for k in np.flatnonzero(lumen.any((1, 2))):
        depth = ndimage.distance_transform_edt(np.pad(lumen[k], 1), sampling=volume.spacing_mm[1:])[1:-1, 1:-1]
        core[k] = depth > max(wall_share * depth.max(), min(volume.spacing_mm[1:]))
        if not core[k].any():
            core[k] = depth == depth.max()
    return core


def track_tube(
    volume: SearchVolume,
    image: npt.NDArray[np.floating],
    *,
    threshold: float,
    diameter_mm: tuple[float, float],
    near_mm: npt.NDArray[np.floating] | None = None,
) -> Mask | None:
    """The heaviest chain of round parts of axial slices above ``threshold``, or None if it is too short to be a tube.

    Weights are brightness times roundness (times nearness where ``near_mm`` gives the distance from the spine); neighbours in the chain may skip one slice and shift by
    no more than a vessel at 45 degrees would.
    """
    from scipy import ndimage

    dz, dy, dx = volume.spacing_mm
    discs: list[_Disc] = []
    labels = np.zeros(image.shape, np.int32)
    for k in range(image.shape[0]):
        labels[k], count = ndimage.label(image[k] > threshold)
        for number in range(1, count + 1):
            y, x = np.nonzero(labels[k] == number)
            span = _roundness(np.asarray(y * dy, float), np.asarray(x * dx, float), (dy, dx), diameter_mm)
            if span > 0:
                weight = span * float(image[k, y, x].mean()) / threshold
                if near_mm is not None:
                    nearest = float(near_mm[k, y, x].min())
                    if nearest > NEAR_MM:
                        continue
                    weight *= float(np.exp(-((nearest / NEAR_MM) ** 2)))
                discs.append(_Disc(k, float(y.mean() * dy), float(x.mean() * dx), weight, number))
    chain = _heaviest_chain(discs, dz)
    if not chain or (chain[-1].slice - chain[0].slice + 1) * dz < min(TUBE_MM, TUBE_SHARE * image.shape[0] * dz):
        return None
    tube = np.zeros(image.shape, bool)
    for disc in chain:
        tube[disc.slice] |= labels[disc.slice] == disc.label
    return tube


def _roundness(y: FloatArray, x: FloatArray, pixel: tuple[float, float], diameter_mm: tuple[float, float]) -> float:
    """1 for a disc, less for other shapes, 0 when the size is not that of the vessel."""
    area = y.size * pixel[0] * pixel[1]
    diameter = 2.0 * float(np.sqrt(area / np.pi))
    if not diameter_mm[0] <= diameter <= diameter_mm[1] or y.size < 3:
        return 0.0
    spread = np.cov(np.stack([y, x])) + np.diag([pixel[0] ** 2, pixel[1] ** 2]) / 12.0
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 1e-9))
    compact = area / (4.0 * np.pi * minor * major)
    return float(minor / major) * min(1.0, float(compact)) if minor / major > 0.4 else 0.0


def _heaviest_chain(discs: list[_Disc], dz: float) -> list[_Disc]:
    best: dict[int, float] = {}
    came: dict[int, int | None] = {}
    by_slice: dict[int, list[int]] = {}
    for n, disc in enumerate(discs):
        best[n], came[n] = disc.weight, None
        for gap in (1, 2):
            for m in by_slice.get(disc.slice - gap, []):
                shift = float(np.hypot(disc.y - discs[m].y, disc.x - discs[m].x))
                allowed = 4.0 + gap * dz
                if shift <= allowed:
                    total = best[m] + disc.weight * (1.0 - 0.5 * shift / allowed)
                    if total > best[n]:
                        best[n], came[n] = total, m
        by_slice.setdefault(disc.slice, []).append(n)
    if not best:
        return []
    at: int | None = max(best, key=lambda n: best[n])
    chain: list[_Disc] = []
    while at is not None:
        chain.append(discs[at])
        at = came[at]
    return chain[::-1]
