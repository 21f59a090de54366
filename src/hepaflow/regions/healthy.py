"""The healthy reference: even liver tissue away from lesions, large vessels and the organ's edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepaflow.errors import InputRefused
from hepaflow.regions.search import Mask, SearchVolume, Volume
from hepaflow.regions.vessels import Arterial, soft_tissue

#: Wanted distances in mm from (lesions, large vessels and edge); the second row is taken when the first leaves too little.
MARGINS_MM = ((10.0, 8.0, 8.0), (10.0, 6.0, 6.0), (7.0, 4.0, 4.0))
WANTED_ML = 30.0
ENOUGH_ML = 10.0
LEAST_ML = 2.0
BALL_MM = (6.0, 14.0)
MOST_BALLS = 8
#: Upper share of the liver, by volume, and coverage border left out: there breathing moves most.
DOME_SHARE, BORDER_MM = 0.12, 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Healthy:
    """The proposed region on the search grid and its flags."""

    mask: Mask
    flags: tuple[str, ...]


def large_vessels(volume: SearchVolume, arterial: Arterial, liver: Mask) -> Mask:
    """Voxels near or in the liver that at some time stand clearly above their surroundings and above the liver."""
    from scipy import ndimage

    start = volume.hu[: arterial.baseline].mean(0)
    height = np.asarray(volume.highest(arterial.peak_s) - start, np.float32)
    parenchyma = float(np.median(height[liver]))
    spread = 1.4826 * float(np.median(np.abs(height[liver] - parenchyma)))
    near = ndimage.binary_dilation(liver, volume.ball(6.5)) & soft_tissue(volume)
    bright = near & (height > max(1.35 * parenchyma, parenchyma + 4.0 * spread))
    label, count = ndimage.label(bright)
    big = np.bincount(label.ravel(), minlength=count + 1) * np.prod(volume.spacing_mm) >= 400.0
    big[0] = False
    return np.asarray(big[label]) | arterial.lumen


def propose_healthy(volume: SearchVolume, *, liver: Mask, lesions: Mask, vessels: Mask, late: Volume, base: Volume) -> Healthy:
    """Up to eight balls of the evenest liver, together about 30 mL, at least 10 mm from lesions and 8 mm from vessels and edge.

    Tissue whose density or late enhancement differs from the liver's median counts as a lesion, delineated or not. With too little
    room the distances shrink and the region carries ``healthy-near-border``. Refused: HEALTHY-NOT-FOUND.
    """
    from scipy import ndimage

    room = liver & volume.seen & ~_top_and_bottom(volume, liver)
    to_edge = _distance(volume, liver)
    to_vessel = _distance(volume, ~vessels)
    oddness = _oddness(volume, liver & ~vessels & ~lesions, (late, base))
    odd = ndimage.binary_opening(liver & ~vessels & (oddness > 3.5) & (to_edge > 5.0), volume.ball(3.5))
    to_lesion = _distance(volume, ~(lesions | odd))
    voxel_ml = float(np.prod(volume.spacing_mm)) / 1000.0
    chosen = np.zeros_like(liver)
    flags: tuple[str, ...] = ("healthy-near-border",)
    for row, (lesion_mm, vessel_mm, edge_mm) in enumerate(MARGINS_MM):
        free = room & (to_lesion >= lesion_mm) & (to_vessel >= vessel_mm) & (to_edge >= edge_mm)
        chosen = _balls(volume, free, oddness, voxel_ml)
        if chosen.sum() * voxel_ml >= ENOUGH_ML:
            flags = ("healthy-near-border",) if row == len(MARGINS_MM) - 1 else ()
            break
    amount = chosen.sum() * voxel_ml
    if amount < LEAST_ML:
        raise InputRefused(
            "HEALTHY-NOT-FOUND",
            "no even liver tissue away from lesions and vessels",
            "Give a healthy region (--rois, label 'healthy')",
        )
    return Healthy(chosen, (*flags, "healthy-too-small") if amount < ENOUGH_ML else flags)


def _distance(volume: SearchVolume, mask: Mask) -> Volume:
    from scipy import ndimage

    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(ndimage.distance_transform_edt(mask, sampling=volume.spacing_mm), np.float32)


def _top_and_bottom(volume: SearchVolume, liver: Mask) -> Mask:
    amount = liver.sum((1, 2)).astype(float)
    above = 1.0 - np.cumsum(amount) / max(amount.sum(), 1.0)
    height = np.arange(amount.size) * volume.spacing_mm[0]
    out = (above < DOME_SHARE) | (height < BORDER_MM) | (height > height[-1] - BORDER_MM)
    return np.broadcast_to(out[:, None, None], liver.shape)


def _oddness(volume: SearchVolume, tissue: Mask, images: tuple[Volume, ...]) -> Volume:
    """How many robust deviations smoothed density or enhancement lie from the liver's median (the worse of them)."""
    from scipy import ndimage

    sigma = volume.sizes(4.0)
    weight = np.maximum(ndimage.gaussian_filter(tissue.astype(np.float32), sigma), 1e-3)
    worst = np.zeros(tissue.shape, np.float32)
    for image in images:
        smooth = ndimage.gaussian_filter(np.where(tissue, image, 0.0), sigma) / weight
        middle = float(np.median(smooth[tissue]))
        spread = max(1.4826 * float(np.median(np.abs(smooth[tissue] - middle))), 0.5)
        worst = np.maximum(worst, np.abs(smooth - middle) / spread)
    return np.asarray(worst, np.float32)


def _balls(volume: SearchVolume, free: Mask, oddness: Volume, voxel_ml: float) -> Mask:
    chosen = np.zeros_like(free)
    at = [np.arange(n) * d for n, d in zip(free.shape, volume.spacing_mm, strict=True)]
    left = free.copy()
    for _ in range(MOST_BALLS):
        if not left.any() or chosen.sum() * voxel_ml >= WANTED_ML:
            break
        clearance = _distance(volume, np.pad(left, 1))[1:-1, 1:-1, 1:-1]
        score = np.where(left, np.minimum(clearance, BALL_MM[1]) - 4.0 * np.minimum(oddness, 3.0), -np.inf)
        k, j, i = np.unravel_index(int(score.argmax()), score.shape)
        radius = float(np.clip(clearance[k, j, i], *BALL_MM))
        distance = (at[0] - at[0][k])[:, None, None] ** 2 + (at[1] - at[1][j])[None, :, None] ** 2 + (at[2] - at[2][i]) ** 2
        ball = left & (distance <= radius**2)
        chosen |= ball
        left &= ~ball
    return chosen
