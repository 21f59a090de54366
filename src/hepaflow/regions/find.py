"""All regions of a study: what the reader gave is taken as is, the rest is proposed from the enhancement and marked so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import region_curve
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Lesion, Region, Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.regions.diameter import slice_axis
from hepaflow.regions.healthy import ENOUGH_ML, large_vessels, propose_healthy
from hepaflow.regions.liver import find_liver, find_spleen, organ_images
from hepaflow.regions.remember import Remember, forgetful
from hepaflow.regions.search import SearchVolume, search_volume
from hepaflow.regions.shells import Surroundings, delineate
from hepaflow.regions.vessels import Arterial, arterial_from, find_aorta, find_portal

Mask = npt.NDArray[np.bool_]

NAMES = ("aorta", "portal_vein", "spleen", "liver", "healthy")
LESION = "lesion-"
#: Stands for every lesion among the names that a part of the search rests on.
ALL_LESIONS = "lesions"
_DRAWN = (ALL_LESIONS, "healthy")
#: What the liver rests on.
_ORGAN = ("aorta", "liver", *_DRAWN)

T = TypeVar("T")


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


def find(
    aligned: DynamicSeries,
    given: dict[str, Mask],
    *,
    frame: int | None = None,
    only: Collection[str] | None = None,
    proposed: Collection[str] = (),
    remember: Remember = forgetful,
) -> Regions:
    """Regions of a motion-corrected study on its own grid.

    ``given`` holds masks (slices, rows, columns) named aorta, portal_vein, spleen, liver, healthy or lesion-*; each keeps its voxels.
    A given liver is completed by the lesions and the healthy region drawn in it, since a label map cannot hold both. Missing regions
    are proposed, carry origin ``proposed`` and a flag; no lesion is ever proposed. ``frame`` is the pass on which regions were drawn.
    Regions given that are named in ``proposed`` were proposed before and never drawn: they keep that origin and its flag.
    ``only`` names the lesions to delineate (all unless given); ``remember`` may give back what it was told before of the same names.
    Refused: an unknown name, an empty mask, one on another grid, and AORTA-, PORTAL-, LIVER- or HEALTHY-NOT-FOUND when nothing
    plausible can be proposed.
    """
    return Finder(aligned, given, proposed=proposed, remember=remember).regions(frame=frame, only=only)


class Finder:
    """The regions of a study one by one, given or proposed as :func:`find` says, with what each rests on. Refused: as there."""

    def __init__(
        self,
        aligned: DynamicSeries,
        given: Mapping[str, Mask],
        *,
        proposed: Collection[str] = (),
        remember: Remember = forgetful,
    ) -> None:
        self._aligned, self._proposed, self._remember = aligned, frozenset(proposed), remember
        self._found: dict[str, Any] = {}
        self.masks = {name: _checked(name, mask, aligned.grid) for name, mask in given.items()}
        self.lesions = {name: mask for name, mask in self.masks.items() if name.startswith(LESION)}

    def regions(self, *, frame: int | None = None, only: Collection[str] | None = None) -> Regions:
        """All of them, and the lesions (``only`` some) delineated."""
        aorta, liver, portal = self.aorta(), self.liver(), self.portal_vein()
        spleen, healthy = self.spleen(), self.healthy()
        found = tuple(self.lesion(name) for name in sorted(self.lesions, key=_by_number) if only is None or name in only)
        flags = tuple(dict.fromkeys(f for r in (aorta, portal, spleen, liver, healthy) if r is not None for f in r.flags))
        return Regions(self._aligned.grid, aorta, portal, liver, healthy, found, spleen, frame, flags)

    def lesion(self, name: str) -> Lesion:
        """A lesion with its shells."""
        rests_on, healthy = _after("healthy", self.masks, "portal_vein"), self.healthy()
        reference = self._once("reference", rests_on, lambda: region_curve(self._aligned, healthy.mask, name="healthy").values)
        around = Surroundings(self.liver().mask, self.lesions, self.vessels(), reference)
        return delineate(
            name, self.lesions[name], series=self._aligned, around=around, remember=self._remember, reference_of=rests_on
        )

    def region(self, name: str) -> Region | None:
        """The region of one of the five names; None for a spleen that is not in the images."""
        makers: dict[str, Callable[[], Region | None]] = {
            "aorta": self.aorta,
            "portal_vein": self.portal_vein,
            "spleen": self.spleen,
            "liver": self.liver,
            "healthy": self.healthy,
        }
        return makers[name]()

    def aorta(self) -> Region:
        """The aorta."""
        search = self._search()
        propose = partial(search.volume.to_grid, search.arterial.core)
        return self._marked(self._once("aorta", ("aorta",), lambda: _region("aorta", self.masks, propose)))

    def liver(self) -> Region:
        """The liver, with what is drawn in it."""
        return self._marked(self._organ()[0])

    def portal_vein(self) -> Region:
        """The portal vein."""
        search, organ = self._search(), self._organ()[1]
        rests_on = _after("portal_vein", self.masks)
        return self._marked(self._once("portal_vein", rests_on, lambda: _portal(search, organ, self.masks)))

    def spleen(self) -> Region | None:
        """The spleen, where there is one."""
        search, organ = self._search(), self._organ()[1]
        found = self._once("spleen", _after("spleen", self.masks), lambda: _spleen(search, organ, self.masks))
        return None if found is None else self._marked(found)

    def vessels(self) -> Mask:
        """Large vessels in and at the liver."""
        search, organ = self._search(), self._organ()[1]
        known = (self.aorta(), self.portal_vein())
        return self._once(
            "vessels", (*_ORGAN, "portal_vein"), lambda: _vessels(search, organ, np.logical_or(*(one.mask for one in known)))
        )

    def healthy(self) -> Region:
        """The healthy reference."""
        search, organ, wide, every = self._search(), self._organ()[1], self.vessels(), self._every()
        rests_on = (*_ORGAN, "portal_vein")
        return self._marked(self._once("healthy", rests_on, lambda: _healthy(search, self.masks, organ, every, wide)))

    def _marked(self, region: Region) -> Region:
        """A region that was proposed before and handed on untouched is no reader's."""
        if region.origin != "given" or region.name not in self._proposed:
            return region
        return replace(region, origin="proposed", flags=(f"{region.name.replace('_', '-')}-proposed", *region.flags))

    def _search(self) -> _Search:
        def make() -> _Search:
            return _search(self._remember("volume", (), lambda: search_volume(self._aligned)), self.masks)

        return self._once("search", ("aorta",), make)

    def _every(self) -> Mask:
        return self._once("lesions", (ALL_LESIONS,), lambda: _union(self.lesions.values(), self._aligned.grid))

    def _organ(self) -> tuple[Region, Mask]:
        healthy = [self.masks[name] for name in ("healthy",) if name in self.masks]
        search, every = self._search(), self._every()
        drawn = self._once("drawn", _DRAWN, lambda: _union((every, *healthy), self._aligned.grid))
        return self._once("liver", _ORGAN, lambda: _liver(search, self.masks, drawn))

    def _once(self, part: str, of: tuple[str, ...], make: Callable[[], T]) -> T:
        if part not in self._found:
            self._found[part] = self._remember(part, of, make)
        return cast(T, self._found[part])


def _after(name: str, masks: dict[str, Mask], *more: str) -> tuple[str, ...]:
    """What a region rests on: itself where it is given, else all that its proposal looks at."""
    return (name,) if name in masks else (*_ORGAN, name, *more)


def _union(masks: Iterable[Mask], grid: Grid) -> Mask:
    found = np.zeros(grid.shape, bool)
    for mask in masks:
        found |= mask
    return found


def _checked(name: str, mask: Mask, grid: Grid) -> Mask:
    if name not in NAMES and not name.startswith(LESION):
        raise InputRefused("REGION-NAME", "a region has an unknown name", f"Use {', '.join(NAMES)} or lesion-*")
    if mask.shape != grid.shape:
        raise InputRefused("REGION-GRID", f"region {name!r} is not on the study's grid", "Resample the region to the study first")
    if not mask.any():
        raise InputRefused("REGION-EMPTY", f"region {name!r} holds no voxel of the study", "Draw it inside the scanned volume")
    return np.asarray(mask, np.bool_)


def _region(name: str, masks: dict[str, Mask], propose: Callable[[], Mask]) -> Region:
    if name in masks:
        return Region(name, masks[name], "given")
    return Region(name, propose(), "proposed", (f"{name.replace('_', '-')}-proposed",))


def _by_number(name: str) -> tuple[int, str]:
    """lesion-2 before lesion-10."""
    tail = name.removeprefix(LESION)
    return (int(tail) if tail.isdigit() else 10**6, name)


def _edge_flags(liver: Mask, grid: Grid) -> tuple[str, ...]:
    """Whether the liver is cut by the top or bottom of the coverage (more than 10 % of its largest section)."""
    axis, _ = slice_axis(grid)
    area = np.moveaxis(liver, axis, 0).sum((1, 2))
    return ("liver-truncated",) if max(area[0], area[-1]) > 0.1 * area.max() else ()


def _search(volume: SearchVolume, masks: dict[str, Mask]) -> _Search:
    return _Search(volume, arterial_from(volume, volume.from_grid(masks["aorta"])) if "aorta" in masks else find_aorta(volume))


def _liver(search: _Search, masks: dict[str, Mask], drawn: Mask) -> tuple[Region, Mask]:
    """The liver, and the same on the search grid."""
    volume, arterial = search.volume, search.arterial
    inside = volume.from_grid(drawn) if "liver" not in masks and drawn.any() else None
    liver = _region("liver", masks, lambda: volume.to_grid(find_liver(volume, arterial, lesions=inside), smooth=True) | drawn)
    liver = replace(liver, mask=liver.mask | drawn, flags=liver.flags + _edge_flags(liver.mask, volume.grid))
    return liver, volume.from_grid(liver.mask)


def _portal(search: _Search, organ: Mask, masks: dict[str, Mask]) -> Region:
    volume = search.volume
    return _region("portal_vein", masks, lambda: volume.to_grid(find_portal(volume, search.arterial, liver=organ)))


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
        size = np.count_nonzero(mask)
        if np.count_nonzero(mask & vessels) > 0.1 * size:
            flags.append("healthy-overlaps-vessel")
        if size * volume.grid.voxel_ml < ENOUGH_ML:
            flags.append("healthy-too-small")
        return Region("healthy", mask, "given", tuple(flags))
    base, _, late = organ_images(volume, search.arterial)
    coarse = volume.from_grid(lesions) if lesions.any() else np.zeros_like(organ)
    found = propose_healthy(volume, liver=organ, lesions=coarse, vessels=volume.from_grid(vessels), late=late, base=base)
    return Region("healthy", volume.to_grid(found.mask) & ~lesions, "proposed", ("healthy-proposed", *found.flags))
