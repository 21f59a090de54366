"""Maps on a reader's slice, one figure a lesion: fixed scales, unit bars, uncomputed voxels transparent over the CT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.curves.picture import picture_passes
from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import LesionResult
from hepaflow.kinetics.display import display_range
from hepaflow.report.content import Figure
from hepaflow.report.figures import PAGE_WIDTH_MM, canvas, finished
from hepaflow.report.offered import estimation_of, leading
from hepaflow.report.palettes import GREY, RATIO, RATIO_LIMITS, palette_of
from hepaflow.report.panels import Place, Scale, draw_bar, draw_grey, draw_lines, draw_map, draw_sides, draw_title, outline, sheet
from hepaflow.report.tables import abbreviation
from hepaflow.report.view import WINDOW_HU, AxialView, Crop, grey_slice, largest_slice
from hepaflow.report.weak import marked
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hepaflow.report.panels import Lines

#: Panels after the CT, the leading quantity, its SD, what the data had to do with it, and its ratio map.
_MORE = ("habf", "hpbf", "haf", "bv", "mtt", "total_mtt", "ps", "extraction", "ktrans", "ve", "ttp", "msi", "auc")
_PANELS_PER_ROW = 4
_MOST_PANELS = 12
_ASPECT = 1.45
GREY_SCALE = Scale(GREY, WINDOW_HU, "HU", WINDOW_HU)
RATIO_SCALE = Scale(RATIO, RATIO_LIMITS, "", (0.25, 0.5, 1.0, 2.0, 4.0), log=True)


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: title, scale, and the map's slice (None for the CT alone)."""

    title: str
    scale: Scale
    values: npt.NDArray[np.float32] | None


def scale_of(key: str, words: Words, *, model: str) -> Scale:
    """The fixed scale of a quantity of a model: the same in every study."""
    low, high = display_range(key, model)
    return Scale(palette_of(key), (low, high), words.unit(key), (low, high))


def reference_value(case: CaseResult, key: str) -> float:
    """What a ratio map divides by: the healthy liver's value, NaN where there is none.

    Without a prior it is the median of the map: noise shifts single voxels away from the mean curve, lesion and liver alike.
    """
    estimate = case.healthy.parameters.get(key)
    if estimate is None:
        return float("nan")
    return float(estimate.value if estimation_of(case) == "posterior" else estimate.map_median)


def panels_of(case: CaseResult, view: AxialView, index: int, *, words: Words) -> list[Panel]:
    """The panels of one slice, in the order of reading."""

    def cut(volume: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        picture: npt.NDArray[np.float32] = view.turn(volume)[index]
        return picture

    hu = words("hu")
    panels = [Panel(words("panel_ct"), Scale(GREY, WINDOW_HU, hu, WINDOW_HU), None)]
    maps, model = case.maps.maps, case.maps.model
    first = leading(case)
    if first is not None:
        scale, found = scale_of(first, words, model=model), maps[first]
        panels.append(Panel(words.quantity(first), scale, cut(found.values)))
        if found.sd is not None:
            half = scale.limits[1] / 2
            title = words("panel_sd") if first == "bf" else words("panel_sd_of", name=words.quantity(first))
            panels.append(Panel(title, Scale(scale.name, (0, half), scale.unit, (0, half)), cut(found.sd)))
        if "data_share" in maps:
            panels.append(
                Panel(words.quantity("data_share"), scale_of("data_share", words, model=model), cut(maps["data_share"].values))
            )
        healthy = reference_value(case, first)
        if np.isfinite(healthy) and healthy > 0:
            title = words("panel_ratio") if first == "bf" else words("panel_ratio_of", name=abbreviation(first))
            panels.append(Panel(title, RATIO_SCALE, (cut(found.values) / healthy).astype(np.float32)))
    more = [key for key in _MORE if key in maps and key != first]
    panels += [
        Panel(marked(words.quantity(key), key, case), scale_of(key, words, model=model), cut(maps[key].values)) for key in more
    ]
    return panels[:_MOST_PANELS]


def draw_panel(
    axes: Axes,
    panel: Panel,
    place: Place,
    *,
    grey: npt.NDArray[np.float32],
    borders: list[Lines],
    words: Words,
    title_pt: float = 6.8,
) -> None:
    """Everything of one panel: title, CT, map, borders in white, colour bar."""
    draw_title(axes, panel.title, place, size=title_pt)
    draw_grey(axes, grey, place)
    if panel.values is None:
        draw_sides(axes, place, words)
    else:
        draw_map(axes, panel.values, place, scale=panel.scale)
    for border in borders:
        draw_lines(axes, border, place, color="white", width=0.8)
    draw_bar(axes, place, panel.scale, words=words)


def _slice_figure(
    case: CaseResult, view: AxialView, index: int, *, region: npt.NDArray[np.bool_], words: Words, caption: str, name: str
) -> Figure:
    """A grid of panels of one slice, cropped to the liver; the border of ``region`` (k, j, i) is drawn on every panel."""
    spacing = (view.spacing_mm[1], view.spacing_mm[2])
    liver = view.turn(case.regions.liver.mask)[index]
    shown = view.turn(region)[index]
    crop = Crop.around(liver | shown, spacing, margin_mm=8.0, aspect=_ASPECT)
    grey = grey_slice(case, view, index, passes=picture_passes(case))
    panels = panels_of(case, view, index, words=words)
    rows = -(-len(panels) // _PANELS_PER_ROW)
    gap, title, bar = 2.5, 4.4, 6.2
    width = (PAGE_WIDTH_MM - gap * (_PANELS_PER_ROW - 1)) / _PANELS_PER_ROW
    picture = width / _ASPECT
    height = rows * (title + picture + bar)
    figure = canvas(height)
    axes = sheet(figure)
    border = outline(shown, crop)
    for number, panel in enumerate(panels):
        row, column = divmod(number, _PANELS_PER_ROW)
        place = Place(crop, column * (width + gap), row * (title + picture + bar) + title, width, picture)
        draw_panel(axes, panel, place, grey=grey, borders=[border], words=words)
    slices = view.turn(region).shape[0]
    where = words.number(view.level_mm(case.regions.grid, index))
    heading = words("maps_heading", region=name, number=str(view.number(index, slices)), slices=str(slices), level=where)
    return finished(figure, caption, alternative=name, heading=heading)


def lesion_maps(case: CaseResult, result: LesionResult, *, view: AxialView, words: Words) -> Figure:
    """Every map on the slice where the lesion is largest."""
    whole = result.lesion.shells["whole"].mask
    index = largest_slice(view, whole)
    slices = view.turn(whole).shape[0]
    lesion = words.region(result.lesion.id)
    values = {"lesion": lesion, "number": str(view.number(index, slices)), "slices": str(slices)}
    first = leading(case)
    if first is None or estimation_of(case) == "posterior":
        caption = words("maps_lesion_caption", **values)
    else:
        caption = words("maps_lesion_caption_read", name=words.quantity(first), **values)
    return _slice_figure(case, view, index, region=whole, words=words, caption=caption, name=lesion)


def liver_maps(case: CaseResult, *, view: AxialView, words: Words) -> Figure:
    """Every map on the slice where the healthy region is largest (for a study without lesions)."""
    healthy = case.regions.healthy.mask
    index = largest_slice(view, healthy)
    slices = view.turn(healthy).shape[0]
    values = {"number": str(view.number(index, slices)), "slices": str(slices)}
    caption = words("maps_liver_caption", **values)
    return _slice_figure(case, view, index, region=healthy, words=words, caption=caption, name=words("region_liver"))
