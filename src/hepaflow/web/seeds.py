"""A lesion from one click: what differs from the liver around it in the way the place clicked does, with a smooth border.

The passes are taken together in a few spans of time, so that noise averages out and any kind of contrast counts: too dark before or after
contrast medium, an early bright rim, a core that never enhances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

Mask = npt.NDArray[np.bool_]
Volume = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
#: What a tissue shows in every span, in standard deviations of the liver's spread.
Kind = npt.NDArray[np.floating]

#: How far from the click a lesion may reach, and the voxels it is sought in, mm.
REACH_MM, WORKING_MM = 60.0, 1.5
#: Spans of time that the passes are taken together in.
SPANS = 6
#: Smoothing of the images, and of the border in every turn, mm.
IMAGE_MM, BORDER_MM = 1.0, 2.0
#: The place clicked is looked at within this radius, mm.
CLICK_MM = 2.5
#: It differs from the liver when it lies so many standard deviations of the liver's own spread away.
LEAST_CONTRAST = 1.2
#: Turns until the border stands still, at the most.
TURNS = 12
#: ... and how often what the lesion shows is taken anew.
KINDS_TURNS = 4
#: Most that a single voxel's likeness counts beside the border's smoothness (which counts 0.5).
WEIGHT = 0.45
#: A lesion may stand out of the liver's outline by this, and is no smaller than this (mL).
OUT_MM, LEAST_ML = 8.0, 0.05
#: A lesion's greatest width is at least this share of its length; less is a vessel or a leak.
LEAST_WIDTH = 0.25
#: Voxels of liver that its spread is taken from: at least and about at most.
LEAST_LIVER, MOST_VALUES = 50, 10_000
#: Soft tissue in every span, HU: neither fat nor air nor bone.
SOFT_HU = (-15.0, 300.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """The surroundings of a click on working voxels: ``hu`` (spans, k, j, i), what may be lesion, and how it lies in the grid."""

    hu: Volume
    room: Mask
    liver: Mask
    start: tuple[int, int, int]
    factors: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    click: tuple[int, int, int]

    def sizes(self, mm: float) -> tuple[float, ...]:
        """A length as working voxels along each axis."""
        return tuple(mm / s for s in self.spacing_mm)


def lesion_at(series: DynamicSeries, at: tuple[int, int, int], *, liver: Mask, others: Mask | None = None) -> Mask:
    """The lesion (slices, rows, columns) that voxel ``at`` (k, j, i) belongs to, within 60 mm of it.

    ``liver`` is the organ's mask, holes filled; ``others`` are lesions drawn before, which keep their voxels.
    Refused (``CLICK-NO-LESION``): a place outside the liver or in another lesion, one that looks like the liver around it, and
    what would not end within reach or is no compact whole.
    """
    if not all(0 <= a < n for a, n in zip(at, series.grid.shape, strict=True)):
        raise _no("the place clicked is outside the images")
    if others is not None and others[at]:
        raise _no("the place clicked belongs to another lesion")
    place = _around(series, at, liver=liver, others=others)
    if not place.room[place.click]:
        raise _no("the place clicked is not in the liver")
    found = _grown(place)
    return _on_grid(place, found, series.grid, others)


def _no(what: str) -> InputRefused:
    return InputRefused("CLICK-NO-LESION", what, "Click inside a lesion, or draw it by hand")


def _around(series: DynamicSeries, at: tuple[int, int, int], *, liver: Mask, others: Mask | None) -> _Place:
    from scipy import ndimage

    grid = series.grid
    factors = [max(1, round(WORKING_MM / s)) for s in grid.spacing_mm]
    spans = []
    for a, n, s, f in zip(at, grid.shape, grid.spacing_mm, factors, strict=True):
        blocks = int(REACH_MM / (s * f))
        first = max(a - a % f - blocks * f, 0)
        last = min(a - a % f + (blocks + 1) * f, n - (n - first) % f)
        spans.append(slice(first, max(last, first + f)))
    window = (spans[0], spans[1], spans[2])
    kept = [index for index in range(series.passes) if index not in series.excluded]
    groups = [part for part in np.array_split(np.array(kept), min(SPANS, len(kept))) if part.size]
    hu = np.stack([_mean([_blocks(series.voxels[index][window], factors) for index in group]) for group in groups])
    spacing = tuple(s * f for s, f in zip(grid.spacing_mm, factors, strict=True))
    seen = np.isfinite(hu).all(0)
    hu = np.where(np.isfinite(hu), hu, np.float32(-1000.0))
    hu = np.stack([ndimage.gaussian_filter(span, [IMAGE_MM / s for s in spacing]) for span in hu])
    organ = _blocks(liver[window].astype(np.float32), factors) >= 0.5
    reach = ndimage.distance_transform_edt(~organ, sampling=spacing) <= OUT_MM if organ.any() else organ
    room = reach & seen & (hu > SOFT_HU[0]).all(0) & (hu < SOFT_HU[1]).all(0)
    if others is not None:
        room &= _blocks(others[window].astype(np.float32), factors) < 0.5
    click = tuple(min((a - w.start) // f, n - 1) for a, w, f, n in zip(at, window, factors, room.shape, strict=True))
    start = tuple(w.start for w in window)
    return _Place(hu, room, organ, start, tuple(factors), spacing, click)  # type: ignore[arg-type]


def _blocks(volume: npt.NDArray[Any], factors: list[int]) -> Volume:
    """Means over blocks of ``factors`` voxels; a rest that fills no block is left out."""
    shape = [n // f for n, f in zip(volume.shape, factors, strict=True)]
    total = np.zeros(shape, np.float32)
    for a in range(factors[0]):
        for b in range(factors[1]):
            for c in range(factors[2]):
                part = volume[a :: factors[0], b :: factors[1], c :: factors[2]]
                total += part[: shape[0], : shape[1], : shape[2]]
    return total / np.float32(np.prod(factors))


def _mean(volumes: list[Volume]) -> Volume:
    """The mean of what was measured; NaN where nothing was."""
    total, count = np.zeros_like(volumes[0]), np.zeros(volumes[0].shape, np.int32)
    for volume in volumes:
        measured = np.isfinite(volume)
        np.add(total, volume, out=total, where=measured)
        count += measured
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _grown(place: _Place) -> Volume:
    """How far every working voxel is in the lesion (0 to 1, its border at 0.5)."""
    from scipy import ndimage

    tissue, spread = _parenchyma(place)
    scaled: Volume = np.asarray(place.hu / spread[:, None, None, None], np.float32)
    to_liver = _square(scaled, tissue / spread)
    offsets = [(np.arange(n) - c) * s for n, c, s in zip(place.room.shape, place.click, place.spacing_mm, strict=True)]
    away = np.sqrt(sum(o**2 for o in np.meshgrid(*offsets, indexing="ij", sparse=True)))
    seed = (away <= max(CLICK_MM, min(place.spacing_mm))) & place.room
    first = np.median(scaled[:, seed], axis=1)
    if np.sqrt(float(((first - tissue / spread) ** 2).mean())) < LEAST_CONTRAST:
        raise _no("the place clicked looks like the liver around it")
    kinds: list[Kind] = [first]
    room = place.room & (away <= REACH_MM - 2.0)
    inside, level = seed, np.zeros(room.shape, np.float32)
    for _ in range(KINDS_TURNS):
        to_lesion = np.minimum.reduce([_square(scaled, kind) for kind in kinds])
        likeness: Volume = np.tanh(np.float32(0.5 / len(scaled)) * (to_liver - to_lesion))
        inside, level = _settled(_whole(room & (likeness > 0), seed), likeness, room, seed, place)
        fresh = _kinds(scaled, inside, room, to_liver, place)
        if len(fresh) <= len(kinds):
            break
        kinds = fresh
    _check(inside, away, place)
    near = np.where(ndimage.binary_dilation(inside), level, 0.0)
    return np.asarray(np.where(inside, np.maximum(near, 0.501), np.minimum(near, 0.499)), np.float32)


def _check(inside: Mask, away: FloatArray, place: _Place) -> None:
    """Refused: what goes on beyond reach, is too small, or is long and thin as a vessel is."""
    from scipy import ndimage

    if away[inside].max() > REACH_MM - 4.0:
        raise _no("what was clicked does not end within reach")
    if inside.sum() * np.prod(place.spacing_mm) / 1000.0 < LEAST_ML:
        raise _no("what was clicked is too small for a lesion")
    box = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in ndimage.find_objects(inside.view(np.uint8))[0])
    depth = ndimage.distance_transform_edt(np.pad(inside[box], 1), sampling=place.spacing_mm)
    points = np.argwhere(inside) * place.spacing_mm
    direction = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][0]
    length = float(np.ptp(points @ direction)) + min(place.spacing_mm)
    if 2.0 * float(depth.max()) < LEAST_WIDTH * length:
        raise _no("what was clicked is long and thin as a vessel is")


def _settled(inside: Mask, likeness: Volume, room: Mask, seed: Mask, place: _Place) -> tuple[Mask, Volume]:
    """Turns of smoothing and deciding anew (threshold dynamics: the border's length counts) until nothing moves; the mask and its level."""
    from scipy import ndimage

    level = np.zeros(room.shape, np.float32)
    for _ in range(TURNS):
        soft = ndimage.gaussian_filter(inside.astype(np.float32), place.sizes(BORDER_MM))
        level = np.where(room, soft + WEIGHT * likeness, 0.0).astype(np.float32)
        grown = _whole(level > 0.5, seed)
        still = (grown ^ inside).sum() <= 0.002 * grown.sum()
        inside = grown
        if still:
            break
    return inside, level


def _parenchyma(place: _Place) -> tuple[FloatArray, FloatArray]:
    """What the liver around shows in every span, and how far it spreads: median and robust deviation, taken again without outliers."""
    from scipy import ndimage

    deep = ndimage.binary_erosion(place.liver, iterations=max(1, round(3.0 / min(place.spacing_mm)))) & place.room
    values = place.hu[:, deep if deep.sum() > 500 else place.liver & place.room].astype(float)
    if values.shape[1] < LEAST_LIVER:
        raise _no("there is too little liver around the place clicked")
    values = values[:, :: max(1, values.shape[1] // MOST_VALUES)]
    for _ in range(4):
        middle = np.median(values, axis=1)
        spread = np.maximum(1.4826 * np.median(np.abs(values - middle[:, None]), axis=1), 1.0)
        usual = (np.abs(values - middle[:, None]) < 3.0 * spread[:, None]).all(0)
        values = values[:, usual]
    return middle, spread


def _square(scaled: Volume, kind: Kind) -> Volume:
    total = np.zeros(scaled.shape[1:], np.float32)
    for span, value in zip(scaled, kind, strict=True):
        total += (span - np.float32(value)) ** 2
    return total


def _whole(mask: Mask, seed: Mask) -> Mask:
    """The connected part that holds most of the seed, without thin bridges, its holes filled."""
    from scipy import ndimage

    opened = ndimage.binary_opening(mask)
    label, count = ndimage.label(opened)
    held = np.bincount(label[seed], minlength=count + 1)
    held[0] = 0
    if not held.any():
        label, count = ndimage.label(mask)
        held = np.bincount(label[seed], minlength=count + 1)
        held[0] = 0
    if not held.any():
        return seed
    number = int(held.argmax())
    box = ndimage.find_objects(label, max_label=number)[number - 1]
    out = np.zeros_like(mask)
    # what a slice encloses belongs to it, so a core within a rim does too
    out[box] = np.stack([ndimage.binary_fill_holes(section) for section in label[box] == number])
    return out


def _kinds(scaled: Volume, inside: Mask, room: Mask, to_liver: Volume, place: _Place) -> list[Kind]:
    """What the lesion shows: its outer part, its inner part, and a rim around it that is no liver either."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(inside, sampling=place.spacing_mm)
    outside = ndimage.distance_transform_edt(~inside, sampling=place.spacing_mm)
    kinds: list[Kind] = []
    for part in (inside & (depth <= 5.0), inside & (depth > 5.0)):
        if part.sum() >= 8:
            kinds.append(np.median(scaled[:, part], axis=1))
    shell = room & (outside > 1.0) & (outside <= 5.0)
    odd = shell & (to_liver > len(scaled) * LEAST_CONTRAST**2)
    if odd.sum() > 0.6 * shell.sum():
        kinds.append(np.median(scaled[:, odd], axis=1))
    return kinds


def _on_grid(place: _Place, level: Volume, grid: Grid, others: Mask | None) -> Mask:
    """The lesion on the study's grid, its border drawn by interpolation. Refused: one that is no lesion by its size or form."""
    from scipy import ndimage

    out = np.zeros(grid.shape, bool)
    at = np.nonzero(level > 0)
    first = [max(int(a.min()) - 1, 0) for a in at]
    last = [min(int(a.max()) + 2, n) for a, n in zip(at, level.shape, strict=True)]
    local = level[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    fine = [(np.arange((b - a) * f) + 0.5) / f - 0.5 for a, b, f in zip(first, last, place.factors, strict=True)]
    spots = np.meshgrid(*fine, indexing="ij", sparse=False)
    smooth = ndimage.map_coordinates(local, spots, order=1, mode="nearest") > 0.5
    window = tuple(slice(s + a * f, s + b * f) for s, a, b, f in zip(place.start, first, last, place.factors, strict=True))
    out[window] = smooth if others is None else smooth & ~others[window]
    return out
