"""Aorta and portal vein, proposed from the way they enhance; the cava is tracked only to keep it out of the portal region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import baseline_passes
from hepaflow.errors import InputRefused
from hepaflow.regions.search import Mask, SearchVolume, Volume
from hepaflow.regions.tubes import lumen_core, track_tube

FloatArray = npt.NDArray[np.float64]

GIVE_ROIS = "Give the vessel as a region (--rois), or check coverage, timing and contrast of the study"
#: Plausible diameters of a lumen in an axial slice, mm (the aorta may be dilated; the coarse grid adds a little).
AORTA_MM = (8.0, 45.0)
#: The aorta lies within this of the body's middle, left or right.
MIDLINE_MM = 60.0
CAVA_MM = (8.0, 45.0)
#: A portal vein rises this many times as high as the liver, and its core is no smaller than this; as many places are tried.
LIKE_PORTAL, LEAST_VESSEL_MM3, SEEDS = 1.6, 450.0, 5


@dataclass(frozen=True, slots=True, eq=False)
class Arterial:
    """The aorta on the search grid: ``core`` and ``lumen`` masks, ``curve`` (passes,) in HU, number of unenhanced passes, peak time."""

    core: Mask
    lumen: Mask
    curve: FloatArray
    baseline: int
    peak_s: float
    centre_mm: FloatArray

    def half_rise_s(self, times_s: FloatArray) -> float:
        """When the curve reaches half of its rise."""
        return float(half_rise(times_s, self.curve[:, None] - self.curve[: self.baseline].mean())[0])


def find_aorta(volume: SearchVolume) -> Arterial:
    """The longest, brightest early-enhancing tube near the spine. Refused: AORTA-NOT-FOUND."""
    soft = soft_tissue(volume)
    early = _early_image(volume, soft)
    zone = soft & _near_midline(volume, MIDLINE_MM)
    if not zone.any():
        raise InputRefused("AORTA-NOT-FOUND", "no enhancing tissue near the midline", GIVE_ROIS)
    top = float(np.sort(early[zone])[-max(20, int(0.0005 * zone.sum())) :].mean())
    if top < 40.0:
        raise InputRefused("AORTA-NOT-FOUND", "nothing enhances early enough to be an artery", GIVE_ROIS)
    bone = _spine_distance(volume)
    lumen = track_tube(volume, np.where(zone, early, 0.0), threshold=0.45 * top, diameter_mm=AORTA_MM, near_mm=bone)
    if lumen is None:
        raise InputRefused("AORTA-NOT-FOUND", "no early-enhancing tube along the spine", GIVE_ROIS)
    core = lumen_core(volume, lumen)
    curve = volume.hu[:, core].mean(1).astype(float)
    baseline = baseline_passes(volume.times_s, curve)
    z, y, x = np.nonzero(core)
    centre = np.array([z.mean(), y.mean(), x.mean()]) * volume.spacing_mm
    return Arterial(core, lumen, curve, baseline, float(volume.times_s[curve.argmax()]), centre)


def arterial_from(volume: SearchVolume, mask: Mask) -> Arterial:
    """The same from a given region on the search grid. Refused: a region that does not enhance."""
    curve = volume.hu[:, mask].mean(1).astype(float)
    baseline = baseline_passes(volume.times_s, curve)
    z, y, x = np.nonzero(mask)
    centre = np.array([z.mean(), y.mean(), x.mean()]) * volume.spacing_mm
    return Arterial(mask, mask, curve, baseline, float(volume.times_s[curve.argmax()]), centre)


def soft_tissue(volume: SearchVolume) -> Mask:
    """Inside the body, never air or fat at any time (so no moving lung border), and not bone, which is bright without changing."""
    change = volume.high - volume.low
    bone = (volume.low > 130.0) & (change < 90.0)
    return np.asarray(volume.body & volume.seen & (volume.low > -40.0) & ~bone)


def half_rise(times_s: FloatArray, rise: npt.NDArray[np.floating]) -> FloatArray:
    """Time (n,) at which enhancement curves (passes, n) first reach half of their maximum, linear between passes."""
    half = 0.5 * rise.max(0)
    above = rise >= half
    first = above.argmax(0)
    columns = np.arange(rise.shape[1])
    before = np.maximum(first - 1, 0)
    low, high = rise[before, columns], rise[first, columns]
    share = np.where(first > 0, (half - low) / np.maximum(high - low, 1e-6), 0.0)
    return np.asarray(times_s[before] + np.clip(share, 0, 1) * (times_s[first] - times_s[before]), float)


def _early_image(volume: SearchVolume, soft: Mask) -> Volume:
    """Enhancement around the arterial peak; arteries are the first tissue to change much."""
    change = np.where(soft, volume.high - volume.low, 0.0)
    zone = soft & _near_midline(volume, MIDLINE_MM)
    if not zone.any():
        return np.zeros_like(volume.low)
    limit = float(np.sort(change[zone])[-min(int(zone.sum()), max(20, int(0.002 * zone.sum())))])
    strongest = zone & (change >= limit)
    curve = np.median(volume.hu[:, strongest], axis=1)
    peak_s = float(volume.times_s[curve.argmax()])
    before = volume.hu[: max(1, baseline_passes(volume.times_s, curve))].mean(0)
    # Without an unenhanced pass the lowest value of each voxel stands in for it.
    start = np.minimum(before, volume.low + 30.0)
    return np.asarray(volume.mean(peak_s - 3.1, peak_s + 3.1) - start, np.float32)


def _near_midline(volume: SearchVolume, reach_mm: float) -> Mask:
    """Within ``reach_mm`` of the body's middle, left to right."""
    columns = volume.body.sum((0, 1)).astype(float)
    middle = float((columns * np.arange(columns.size)).sum() / max(columns.sum(), 1.0))
    near = np.abs(np.arange(columns.size) - middle) * volume.spacing_mm[2] <= reach_mm
    return np.asarray(np.broadcast_to(near, volume.body.shape))


def _spine_distance(volume: SearchVolume) -> npt.NDArray[np.floating] | None:
    """Distance in mm from the vertebral bodies (bone near the midline, behind the middle of the body), or None without bone."""
    from scipy import ndimage

    bone = volume.body & (volume.low > 130.0) & (volume.high - volume.low < 90.0) & _near_midline(volume, 45.0)
    rows = volume.body.sum((0, 2)).astype(float)
    middle = (rows * np.arange(rows.size)).sum() / max(rows.sum(), 1.0)
    bone[:, : int(middle)] = False
    if bone.sum() < 50:
        return None
    return np.asarray(ndimage.distance_transform_edt(~bone, sampling=volume.spacing_mm))


def find_cava(volume: SearchVolume, arterial: Arterial, *, soft: Mask) -> Mask:
    """A venous tube along the spine, right of the aorta, spanning much of the coverage; empty when none stands out."""
    from scipy import ndimage

    venous = venous_image(volume, arterial)
    right = np.arange(venous.shape[2]) * volume.spacing_mm[2]
    rows = np.arange(venous.shape[1]) * volume.spacing_mm[1]
    _, y0, x0 = arterial.centre_mm
    zone = soft & ((right < x0 + 3.0) & (right > x0 - 75.0)) & ((rows > y0 - 55.0) & (rows < y0 + 25.0))[:, None]
    zone &= ~ndimage.binary_dilation(arterial.lumen, volume.ball(4.0))
    nothing = np.zeros(soft.shape, bool)
    if not zone.any():
        return nothing
    image = np.where(zone, venous - _surroundings(volume, venous), 0.0)
    top = float(np.sort(image[zone])[-max(20, int(0.01 * zone.sum())) :].mean())
    tube = track_tube(volume, image, threshold=0.4 * top, diameter_mm=CAVA_MM)
    if tube is None:
        return nothing
    slices = np.flatnonzero(tube.any((1, 2)))
    length = (slices[-1] - slices[0] + 1) * volume.spacing_mm[0]
    return tube if length >= min(75.0, 0.6 * tube.shape[0] * volume.spacing_mm[0]) else nothing


def venous_image(volume: SearchVolume, arterial: Arterial) -> Volume:
    """Mean enhancement from 6 s after the arterial peak to 60 s after it."""
    start = volume.hu[: arterial.baseline].mean(0)
    return np.asarray(volume.mean(arterial.peak_s + 6.0, arterial.peak_s + 60.0) - start, np.float32)


def _surroundings(volume: SearchVolume, image: Volume, *, radius_mm: float = 16.0) -> Volume:
    """The image without anything thinner than a large vessel (grey opening): what remains of it are vessels."""
    from scipy import ndimage

    disc = volume.ball(radius_mm)
    middle = disc.shape[0] // 2
    flat = disc[middle : middle + 1]
    return np.asarray(ndimage.grey_opening(image, footprint=flat), np.float32)


def find_portal(volume: SearchVolume, arterial: Arterial, *, liver: Mask) -> Mask:
    """Core of the portal vein: the strongest vessel at the hilum that rises after the aorta and before the hepatic veins.

    Refused: PORTAL-NOT-FOUND when no vessel is 1.6 times as bright as the liver, rises 2 to 22 s after the aorta and not after the
    liver, and lies in front and to the right of the aorta beside the liver.
    """
    from scipy import ndimage

    soft = soft_tissue(volume)
    start = volume.hu[: arterial.baseline].mean(0)
    height = np.where(soft, volume.highest(arterial.peak_s + 3.0) - start, 0.0)
    parenchyma = float(np.median(height[liver]))
    contrast = height - _surroundings(volume, np.asarray(height, np.float32))
    cava = ndimage.binary_dilation(find_cava(volume, arterial, soft=soft), volume.ball(3.5))
    keep_off = cava | ndimage.binary_dilation(arterial.lumen, volume.ball(6.0))
    dy, dx = volume.spacing_mm[1:]
    ahead = arterial.centre_mm[1] - np.arange(soft.shape[1]) * dy
    right = arterial.centre_mm[2] - np.arange(soft.shape[2]) * dx
    place = _ramp(ahead, 2.0, 20.0)[:, None] * (_ramp(right, -12.0, 8.0) * _ramp(-right, -120.0, -70.0))[None, :]
    hilum = (
        np.exp(-((ndimage.distance_transform_edt(~liver, sampling=volume.spacing_mm) / 15.0) ** 2)) * _level(liver)[:, None, None]
    )
    candidate = (
        soft
        & ~keep_off
        & (height > max(1.35 * parenchyma, parenchyma + 20.0))
        & (contrast > 0.3 * parenchyma)
        & (place > 0)
        & (hilum > 0.05)
    )
    if not candidate.any():
        raise InputRefused("PORTAL-NOT-FOUND", "no vessel at the liver hilum enhances above the liver", GIVE_ROIS)
    at = np.nonzero(candidate)
    flat = np.flatnonzero(candidate)
    rise = volume.hu.reshape(len(volume.hu), -1)[:, flat].astype(float) - start.reshape(-1)[flat]
    lag = half_rise(volume.times_s, rise) - arterial.half_rise_s(volume.times_s)
    score = np.zeros(candidate.shape)
    score[at] = (
        height[at] * np.broadcast_to(place, candidate.shape)[at] * hilum[at] * _ramp(lag, 2.0, 6.0) * _ramp(-lag, -22.0, -15.0)
    )
    smooth = np.where(score > 0, ndimage.gaussian_filter(score, [3.0 / s for s in volume.spacing_mm]), 0.0)
    organ = volume.hu[:, liver].mean(1).astype(float)
    feeds_by_s = float(half_rise(volume.times_s, (organ - organ[: arterial.baseline].mean())[:, None])[0]) + 4.0
    needed = max(LIKE_PORTAL * _top(organ - organ[: arterial.baseline].mean()), 20.0)
    for _ in range(SEEDS):
        seed = np.unravel_index(int(smooth.argmax()), score.shape)
        if smooth[seed] <= 0:
            break
        found = _grow(volume, seed, candidate & (score > 0), height, start)
        rise = volume.hu[:, found].mean(1).astype(float) - float(start[found].mean())
        # What feeds the liver rises before it or with it (or soon after the aorta, when arterial flow prevails); hepatic veins rise later.
        half_s = float(half_rise(volume.times_s, rise[:, None])[0])
        feeding = half_s <= feeds_by_s or half_s - arterial.half_rise_s(volume.times_s) <= 14.0
        if feeding and found.sum() * np.prod(volume.spacing_mm) >= LEAST_VESSEL_MM3 and _top(rise) >= needed:
            return found
        smooth[ndimage.binary_dilation(found, volume.ball(6.0))] = 0.0
    raise InputRefused("PORTAL-NOT-FOUND", "no vessel at the liver hilum rises between aorta and hepatic veins", GIVE_ROIS)


def _top(rise: npt.NDArray[np.floating]) -> float:
    """Mean of the three largest samples: one noisy sample makes no vessel."""
    return float(np.sort(rise)[-3:].mean())


def _ramp(value: npt.ArrayLike, low: float, high: float) -> FloatArray:
    return np.clip((np.asarray(value, float) - low) / (high - low), 0.0, 1.0)


def _level(liver: Mask) -> FloatArray:
    """Weight of each slice: 1 at the middle and lower liver, falling to 0.2 near the dome, where only hepatic veins are."""
    amount = liver.sum((1, 2)).astype(float)
    above = 1.0 - np.cumsum(amount) / max(amount.sum(), 1.0)
    return 0.2 + 0.8 * _ramp(above, 0.08, 0.35)


def _grow(
    volume: SearchVolume, seed: tuple[np.intp, ...], candidate: Mask, height: npt.NDArray[np.floating], start: Volume
) -> Mask:
    """Voxels joined to the seed, within 30 mm, about as bright and with the same curve as its neighbourhood."""
    from scipy import ndimage

    axes = np.meshgrid(
        *((np.arange(n) - s) * d for n, s, d in zip(candidate.shape, seed, volume.spacing_mm, strict=True)),
        indexing="ij",
        sparse=True,
    )
    distance = np.sqrt(sum(a**2 for a in axes))
    near = candidate & (distance <= 30.0)
    close = near & (distance <= 6.0)
    level = float(np.percentile(height[close], 75))
    model = volume.hu[:, close & (height >= 0.9 * level)].mean(1) - start[close & (height >= 0.9 * level)].mean()
    # Strictly alike voxels first: they stay in the lumen when it still moves; in strong noise too few of them are left.
    for share, likeness in ((0.87, 0.985), (0.80, 0.97)):
        flat = np.flatnonzero(near & (height >= share * level))
        rise = volume.hu.reshape(len(volume.hu), -1)[:, flat] - start.reshape(-1)[flat]
        alike = (rise * model[:, None]).sum(0) / np.sqrt((rise**2).sum(0) * (model**2).sum() + 1e-9) > likeness
        mask = np.zeros_like(candidate)
        mask.reshape(-1)[flat[alike]] = True
        label, count = ndimage.label(mask)
        if label[seed] and (label == label[seed]).sum() * np.prod(volume.spacing_mm) >= 2.0 * LEAST_VESSEL_MM3:
            break
    if count == 0 or label[seed] == 0:
        mask = close & (height >= 0.8 * level)
        label, count = ndimage.label(mask)
    number = label[seed] if label[seed] else 1 + int(np.argmax(np.bincount(label.ravel())[1:]))
    return np.asarray(label == number)
