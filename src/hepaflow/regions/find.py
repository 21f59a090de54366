"""All regions of a study: what the reader gave is taken as is, the rest is proposed from the enhancement and marked so."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import region_curve
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Lesion, Origin, Region, Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import slice_axis
from hepaflow.regions.healthy import ENOUGH_ML, large_vessels, propose_healthy
from hepaflow.regions.liver import find_liver, find_spleen, organ_images
from hepaflow.regions.search import SearchVolume, search_volume
from hepaflow.regions.shells import Surroundings, delineate
from hepaflow.regions.vessels import Arterial, arterial_from, find_aorta, find_portal

Mask = npt.NDArray[np.bool_]

NAMES = ("aorta", "portal_vein", "spleen", "liver", "healthy")
LESION = "lesion-"


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What every proposal needs: the coarse volume and the artery in it."""

    volume: SearchVolume
    arterial: Arterial


@dataclass(frozen=True, slots=True, eq=False)
class Quick:
    """What a fast look finds: curves in HU of the kept passes, and the liver on the study's grid; None where nothing plausible was found."""

    arterial: TimeCurve | None
    portal: TimeCurve | None
    liver: Mask | None


def find_quick(series: DynamicSeries) -> Quick:
    """Vessel curves and a liver mask from thinned data, also before motion correction; for checks, not for measuring."""
    volume = search_volume(series, thin=2)
    try:
        arterial = find_aorta(volume)
    except InputRefused:
        return Quick(None, None, None)
    aorta = TimeCurve("aorta", volume.times_s, arterial.curve)
    try:
        liver = find_liver(volume, arterial)
    except InputRefused:
        return Quick(aorta, None, None)
    mask = volume.to_grid(liver)
    try:
        portal = volume.hu[:, find_portal(volume, arterial, liver=liver)].mean(1).astype(float)
    except InputRefused:
        return Quick(aorta, None, mask)
    return Quick(aorta, TimeCurve("portal_vein", volume.times_s, portal), mask)


def find(aligned: DynamicSeries, given: dict[str, Mask], *, frame: int | None = None) -> Regions:
    """Regions of a motion-corrected study on its own grid.

    ``given`` holds masks (slices, rows, columns) named aorta, portal_vein, spleen, liver, healthy or lesion-*; each keeps its voxels.
    A given liver is completed by the lesions and the healthy region drawn in it, since a label map cannot hold both. Missing regions
    are proposed, carry origin ``proposed`` and a flag; no lesion is ever proposed. ``frame`` is the pass on which regions were drawn.
    Refused: an unknown name, an empty mask, one on another grid, and AORTA-, PORTAL-, LIVER- or HEALTHY-NOT-FOUND when nothing
    plausible can be proposed.
    """
    masks = {name: _checked(name, mask, aligned.grid) for name, mask in given.items()}
    lesions = {name: mask for name, mask in masks.items() if name.startswith(LESION)}
    every = np.logical_or.reduce([np.zeros(aligned.grid.shape, bool), *lesions.values()])
    volume = search_volume(aligned)
    arterial = arterial_from(volume, volume.from_grid(masks["aorta"])) if "aorta" in masks else find_aorta(volume)
    search = _Search(volume, arterial)
    aorta = _region("aorta", masks, lambda: volume.to_grid(arterial.core))
    drawn = every | masks.get("healthy", np.zeros_like(every))
    inside = volume.from_grid(drawn) if drawn.any() else None
    liver = _region("liver", masks, lambda: volume.to_grid(find_liver(volume, arterial, lesions=inside), smooth=True) | drawn)
    liver = replace(liver, mask=liver.mask | drawn, flags=liver.flags + _edge_flags(liver.mask, aligned.grid))
    organ = volume.from_grid(liver.mask)
    portal = _region("portal_vein", masks, lambda: volume.to_grid(find_portal(volume, arterial, liver=organ)))
    spleen = _spleen(search, organ, masks)
    wide = _vessels(search, organ, aorta.mask | portal.mask)
    healthy = _healthy(search, masks, organ, every, wide)
    reference = region_curve(aligned, healthy.mask, name="healthy").values
    around = Surroundings(liver.mask, lesions, wide, reference)
    found: tuple[Lesion, ...] = tuple(
        delineate(n, m, series=aligned, around=around) for n, m in sorted(lesions.items(), key=_by_number)
    )
    proposed = tuple(dict.fromkeys(f for r in (aorta, portal, spleen, liver, healthy) if r is not None for f in r.flags))
    return Regions(aligned.grid, aorta, portal, liver, healthy, found, spleen, frame, proposed)


def _checked(name: str, mask: Mask, grid: Grid) -> Mask:
    if name not in NAMES and not name.startswith(LESION):
        raise InputRefused("REGION-NAME", "a region has an unknown name", f"Use {', '.join(NAMES)} or lesion-*")
    if mask.shape != grid.shape:
        raise InputRefused("REGION-GRID", f"region {name!r} is not on the study's grid", "Resample the region to the study first")
    if not mask.any():
        raise InputRefused("REGION-EMPTY", f"region {name!r} holds no voxel of the study", "Draw it inside the scanned volume")
    return np.asarray(mask, np.bool_)


def _region(name: str, masks: dict[str, Mask], propose: object) -> Region:
    origin: Origin = "given"
    if name in masks:
        return Region(name, masks[name], origin)
    mask = propose()  # type: ignore[operator]
    return Region(name, mask, "proposed", (f"{name.replace('_', '-')}-proposed",))


def _by_number(item: tuple[str, Mask]) -> tuple[int, str]:
    """lesion-2 before lesion-10."""
    tail = item[0].removeprefix(LESION)
    return (int(tail) if tail.isdigit() else 10**6, item[0])


def _edge_flags(liver: Mask, grid: Grid) -> tuple[str, ...]:
    """Whether the liver is cut by the top or bottom of the coverage (more than 10 % of its largest section)."""
    axis, _ = slice_axis(grid)
    area = np.moveaxis(liver, axis, 0).sum((1, 2))
    return ("liver-truncated",) if max(area[0], area[-1]) > 0.1 * area.max() else ()


def _spleen(search: _Search, organ: Mask, masks: dict[str, Mask]) -> Region | None:
    if "spleen" in masks:
        return Region("spleen", masks["spleen"], "given")
    found = find_spleen(search.volume, search.arterial, liver=organ)
    return None if found is None else Region("spleen", search.volume.to_grid(found, smooth=True), "proposed", ("spleen-proposed",))


def _vessels(search: _Search, organ: Mask, known: Mask) -> Mask:
    return search.volume.to_grid(large_vessels(search.volume, search.arterial, organ)) | known


def _healthy(search: _Search, masks: dict[str, Mask], organ: Mask, lesions: Mask, vessels: Mask) -> Region:
    volume = search.volume
    if "healthy" in masks:
        mask = masks["healthy"]
        flags = []
        if (mask & lesions).any():
            flags.append("healthy-overlaps-lesion")
        if (mask & vessels).sum() > 0.1 * mask.sum():
            flags.append("healthy-overlaps-vessel")
        if mask.sum() * volume.grid.voxel_ml < ENOUGH_ML:
            flags.append("healthy-too-small")
        return Region("healthy", mask, "given", tuple(flags))
    base, _, late = organ_images(volume, search.arterial)
    coarse = volume.from_grid(lesions) if lesions.any() else np.zeros_like(organ)
    found = propose_healthy(volume, liver=organ, lesions=coarse, vessels=volume.from_grid(vessels), late=late, base=base)
    return Region("healthy", volume.to_grid(found.mask) & ~lesions, "proposed", ("healthy-proposed", *found.flags))
