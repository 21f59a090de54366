"""Pictures to check the regions by: each vessel, the healthy reference and each lesion on its largest slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hepaflow.curves.picture import picture_passes
from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import Region
from hepaflow.report.content import Figure
from hepaflow.report.figures import LESION_COLORS, PAGE_WIDTH_MM, canvas, finished
from hepaflow.report.panels import Place, draw_grey, draw_lines, draw_sides, draw_title, outline, sheet
from hepaflow.report.view import WINDOW_HU, AxialView, Crop, grey_slice, largest_slice
from hepaflow.report.words import Words

_VESSELS = {"aorta": "#ff5a5f", "portal_vein": "#4da3ff", "spleen": "#c792ea", "healthy": "#5fe3a1", "liver": "#ffffff"}
_PANELS_PER_ROW = 4
_PANELS_PER_FIGURE = 12
_ASPECT = 1.2


@dataclass(frozen=True, slots=True)
class Drawn:
    """A region with the name and colour it is drawn in."""

    name: str
    region: Region
    color: str


def all_regions(case: CaseResult, words: Words) -> list[Drawn]:
    """Every region of the study in the order of the pictures: vessels, healthy liver, lesions; the liver outline last."""
    regions = case.regions
    named = (
        ("aorta", regions.aorta),
        ("portal_vein", regions.portal_vein),
        ("healthy", regions.healthy),
        ("spleen", regions.spleen),
    )
    drawn = [Drawn(words.region(key), region, _VESSELS[key]) for key, region in named if region is not None]
    for number, lesion in enumerate(regions.lesions):
        color = LESION_COLORS[number % len(LESION_COLORS)]
        drawn.append(Drawn(words.region(lesion.id), lesion.shells["whole"], color))
    return [*drawn, Drawn(words.region("liver"), regions.liver, _VESSELS["liver"])]


def regions_check(case: CaseResult, *, view: AxialView, words: Words) -> list[Figure]:
    """One panel a region (without the liver and empty ones); panels of one figure at most twelve, more figures as needed."""
    drawn = all_regions(case, words)
    shown = [item for item in drawn[:-1] if item.region.voxels]
    parts = [shown[start : start + _PANELS_PER_FIGURE] for start in range(0, len(shown), _PANELS_PER_FIGURE)]
    return [_part(case, part, drawn=drawn, view=view, words=words) for part in parts]


def _part(case: CaseResult, part: list[Drawn], *, drawn: list[Drawn], view: AxialView, words: Words) -> Figure:
    rows = -(-len(part) // _PANELS_PER_ROW)
    gap, title, foot = 2.0, 8.2, 1.5
    width = (PAGE_WIDTH_MM - gap * (_PANELS_PER_ROW - 1)) / _PANELS_PER_ROW
    picture = width / _ASPECT
    height = rows * (title + picture + foot)
    figure = canvas(height)
    axes = sheet(figure)
    passes = picture_passes(case)
    for number, item in enumerate(part):
        row, column = divmod(number, _PANELS_PER_ROW)
        index = largest_slice(view, item.region.mask)
        slices = view.turn(item.region.mask).shape[0]
        grey = grey_slice(case, view, index, passes=passes)
        spacing = (view.spacing_mm[1], view.spacing_mm[2])
        body = np.nan_to_num(grey, nan=-1000.0) > -300.0
        crop = Crop.around(body, spacing, margin_mm=4.0, aspect=_ASPECT)
        place = Place(crop, column * (width + gap), row * (title + picture + foot) + title, width, picture)
        draw_grey(axes, grey, place)
        draw_sides(axes, place, words)
        for other in drawn:
            mask = view.turn(other.region.mask)[index]
            width_pt = 1.3 if other is item else 0.7
            proposed = other.region.origin == "proposed"
            draw_lines(axes, outline(mask, crop), place, color=other.color, dashed=proposed, width=width_pt)
        origin = words(f"origin_{item.region.origin}")
        where = words("slice_n", number=str(view.number(index, slices)), slices=str(slices))
        draw_title(axes, f"{item.name}\n{origin}, {where}", place, size=6.6)
    low, high = (words.number(bound, 0) for bound in WINDOW_HU)
    return finished(figure, words("regions_caption", low=low, high=high), alternative=words("section_regions"))
