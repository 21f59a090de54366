"""Liver and spleen masks, proposed from unenhanced density and from when the organs enhance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.errors import InputRefused
from hepaflow.regions.search import Mask, SearchVolume, Volume
from hepaflow.regions.vessels import Arterial, soft_tissue

GIVE_LIVER = "Give the liver as a region (--rois), or check coverage and contrast of the study"
#: Smallest part of a liver worth analysing, mL.
LEAST_LIVER_ML = 120.0
LEAST_SPLEEN_ML = 25.0


def find_liver(volume: SearchVolume, arterial: Arterial, *, lesions: Mask | None = None) -> Mask:
    """The large organ on the right that enhances with the portal vein; holes (vessels, lesions) are part of it.

    Seed: the biggest eroded connected part of tissue that enhances late rather than early; its density and enhancement then set the
    limits for growing. ``lesions`` (given) are joined. Refused: LIVER-NOT-FOUND.
    """
    from scipy import ndimage

    soft = soft_tissue(volume)
    sharp = organ_images(volume, arterial)
    base, early, late = (np.asarray(ndimage.gaussian_filter(image, volume.sizes(2.5))) for image in sharp)
    seed, split = _seed(volume, arterial, soft, early, late)
    limits = [_limits(image[seed], least) for image, least in ((base, 12.0), (late, 8.0))]
    tissue = soft & ~arterial.lumen & (late > split)
    for image, (low, high) in zip((base, late), limits, strict=True):
        tissue &= (image > low) & (image < high)
    tissue &= early < np.maximum(0.75 * late, float(np.percentile(early[seed], 99)) + 5.0)
    if lesions is not None:
        tissue |= lesions
    opened = _keep(ndimage.binary_opening(tissue, volume.ball(6.5)), seed)
    grown = tissue & ndimage.binary_dilation(opened, volume.ball(6.5))
    mask = _keep(ndimage.binary_opening(grown, volume.ball(3.2)), seed)
    mask = ndimage.binary_closing(np.pad(mask, 6, mode="edge"), volume.ball(9.5))[6:-6, 6:-6, 6:-6]
    mask &= soft & ~ndimage.binary_dilation(arterial.lumen)
    mask = np.stack([ndimage.binary_fill_holes(s) for s in mask])
    mask = _to_border(volume, mask, (sharp[0], sharp[2]), limits) & ~arterial.lumen
    mask = np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), volume.sizes(2.5)) > 0.5) & volume.body
    if lesions is not None:
        mask |= lesions
    if float(mask.sum()) * float(np.prod(volume.spacing_mm)) / 1000.0 < LEAST_LIVER_ML:
        raise InputRefused("LIVER-NOT-FOUND", "no large organ with portal enhancement on the right side", GIVE_LIVER)
    return mask


def organ_images(volume: SearchVolume, arterial: Arterial) -> tuple[Volume, Volume, Volume]:
    """Unenhanced HU, and enhancement around the arterial peak and from 12 s after it, each (z, y, x)."""
    base = volume.hu[: arterial.baseline].mean(0)
    early = volume.mean(arterial.peak_s - 2.1, arterial.peak_s + 2.1) - base
    late = volume.mean(arterial.peak_s + 12.0, arterial.peak_s + 160.0) - base
    return base, early, late


def _seed(volume: SearchVolume, arterial: Arterial, soft: Mask, early: Volume, late: Volume) -> tuple[Mask, float]:
    """The core of the liver, largest eroded part of the tissue above the split between muscle and organs, and that split in HU."""
    from scipy import ndimage

    level = late[soft]
    split = max(_otsu(level[(level > -10.0) & (level < 120.0)]), 5.0)
    tissue = soft & (late > split) & (early < 0.6 * late)
    core = ndimage.binary_erosion(tissue, volume.ball(6.5))
    label, count = ndimage.label(core)
    if count == 0:
        raise InputRefused("LIVER-NOT-FOUND", "no large organ with portal enhancement", GIVE_LIVER)
    x = np.arange(core.shape[2]) * volume.spacing_mm[2]
    rightness = np.broadcast_to(np.where(x < arterial.centre_mm[2], 1.0, 0.25), core.shape)
    weight = np.bincount(label.ravel(), weights=rightness.ravel())[1:]
    return np.asarray(label == 1 + int(weight.argmax())), split


def _to_border(volume: SearchVolume, mask: Mask, images: tuple[Volume, Volume], limits: list[tuple[float, float]]) -> Mask:
    """Move the border out to where the blurred image is half liver: up to 6 mm, not into brighter neighbours."""
    from scipy import ndimage

    base, late = images
    (base_low, base_high), (late_low, late_high) = limits
    half_base, half_late = 0.5 * (base_low + base_high) - 60.0, 0.25 * (late_low + late_high)
    edge = (base > half_base) & (base < base_high) & (late > half_late) & (late < late_high)
    return np.asarray(mask | (edge & ndimage.binary_dilation(mask, volume.ball(6.0))))


def _limits(values: npt.NDArray[np.floating], least: float) -> tuple[float, float]:
    """Median plus and minus four robust deviations, at least ``least`` HU."""
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    reach = max(4.0 * spread, least)
    return middle - reach, middle + reach


def _otsu(values: npt.NDArray[np.floating]) -> float:
    """The value that splits a sample into its two most distinct halves (Otsu 1979)."""
    if values.size < 10:
        return 0.0
    counts, edges = np.histogram(values, 128)
    centres = 0.5 * (edges[:-1] + edges[1:])
    below = np.cumsum(counts).astype(float)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    between = np.zeros(counts.size)
    ok = (below > 0) & (above > 0)
    between[ok] = below[ok] * above[ok] * (sums[ok] / below[ok] - (sums[-1] - sums[ok]) / above[ok]) ** 2
    return float(centres[between.argmax()])


def _keep(mask: Mask, seed: Mask) -> Mask:
    """The connected parts that hold most of the seed."""
    from scipy import ndimage

    label, _ = ndimage.label(mask)
    inside = np.bincount(label[seed & mask], minlength=1)
    inside[0] = 0
    return np.asarray(label == inside.argmax()) if inside.any() else seed


def find_spleen(volume: SearchVolume, arterial: Arterial, *, liver: Mask) -> Mask | None:
    """The even organ at the left side and back that enhances early and more than the liver; None when none stands out.

    The left kidney enhances early too, but lies nearer to the spine: the centre of a spleen is more than half-way to the left skin.
    """
    from scipy import ndimage

    base, early, _ = organ_images(volume, arterial)
    middle = volume.mean(arterial.peak_s + 2.0, arterial.peak_s + 24.0) - base
    x = np.arange(base.shape[2]) * volume.spacing_mm[2]
    y = np.arange(base.shape[1]) * volume.spacing_mm[1]
    side = (x > arterial.centre_mm[2] + 25.0)[None, None, :] & (y > arterial.centre_mm[1] - 60.0)[None, :, None]
    organ = float(np.median(middle[liver]))
    tissue = soft_tissue(volume) & side & ~liver & (middle > max(1.3 * organ, 20.0)) & (early > 0.2 * middle) & (base < 90.0)
    label, count = ndimage.label(ndimage.binary_erosion(tissue, volume.ball(6.0)))
    voxel_ml = float(np.prod(volume.spacing_mm)) / 1000.0
    skin = float(np.flatnonzero(volume.body.any((0, 1)))[-1] * volume.spacing_mm[2])
    best, found = 0.0, None
    for number in range(1, count + 1):
        core = label == number
        amount = float(core.sum()) * voxel_ml
        lateral = (float(x[np.nonzero(core)[2]].mean()) - arterial.centre_mm[2]) / max(skin - arterial.centre_mm[2], 1.0)
        uneven = float(np.std(middle[core]) / max(float(np.mean(middle[core])), 1.0))
        if amount < 0.15 * LEAST_SPLEEN_ML or uneven > 0.35 or lateral < 0.5:
            continue
        score = float(np.sqrt(amount)) * (1.0 - uneven)
        if score > best:
            best, found = score, core
    if found is None:
        return None
    low, high = _limits(middle[found], 15.0)
    level = float(np.median(middle[found]))
    grown = ndimage.binary_opening(tissue & (middle > min(low, 0.6 * level)) & (middle < high), volume.ball(3.2))
    mask = _keep(grown & ndimage.binary_dilation(found, volume.ball(9.5)), found)
    return mask if mask.sum() * voxel_ml >= LEAST_SPLEEN_ML else None
