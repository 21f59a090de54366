"""The motion that remains, in mm over the reference image: axial slices of the lesions, and one coronal slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.report.content import Figure
from hepaflow.report.figures import PAGE_WIDTH_MM, canvas, finished
from hepaflow.report.offered import motion_key
from hepaflow.report.panels import Place, Scale, draw_bar, draw_grey, draw_lines, draw_map, draw_sides, draw_title, outline, sheet
from hepaflow.report.view import AxialView, Crop, largest_slice
from hepaflow.report.words import Words

#: The same in every study; half a usual slice is where a map begins to mix tissues.
REMAINING_SCALE = Scale("lipari", (0.0, 4.0), "mm", (0.0, 1.0, 3.0, 4.0), beyond=True)
_OPACITY = 0.55
_MOST_AXIAL = 7
_PANELS_PER_ROW = 4
_ASPECT = 1.3


@dataclass(frozen=True, slots=True)
class _Panel:
    """A slice in the order of reading: title, HU and remaining motion (rows, columns), liver and lesions there, pixel size (down, across) in mm."""

    title: str
    grey: npt.NDArray[np.float32]
    values: npt.NDArray[np.float32]
    liver: npt.NDArray[np.bool_]
    lesions: list[npt.NDArray[np.bool_]]
    spacing_mm: tuple[float, float]


def remaining_map(case: CaseResult, remaining_mm: npt.NDArray[np.float32], *, view: AxialView, row: int, words: Words) -> Figure:
    """``remaining_mm`` (k, j, i; NaN where not known) over the reference, on the lesions' slices and at coronal ``row`` (turned order)."""
    panels = _panels(case, remaining_mm, view=view, row=row, words=words)
    lines = -(-len(panels) // _PANELS_PER_ROW)
    gap, title, bar = 2.5, 4.4, 6.2
    width = (PAGE_WIDTH_MM - gap * (_PANELS_PER_ROW - 1)) / _PANELS_PER_ROW
    picture = width / _ASPECT
    figure = canvas(lines * (title + picture + bar))
    axes = sheet(figure)
    for number, panel in enumerate(panels):
        line, column = divmod(number, _PANELS_PER_ROW)
        crop = Crop.around(panel.liver, panel.spacing_mm, margin_mm=15.0, aspect=_ASPECT)
        place = Place(crop, column * (width + gap), line * (title + picture + bar) + title, width, picture)
        draw_title(axes, panel.title, place)
        draw_grey(axes, panel.grey, place)
        draw_map(axes, panel.values, place, scale=REMAINING_SCALE, opacity=_OPACITY)
        draw_sides(axes, place, words)
        for lesion in panel.lesions:
            draw_lines(axes, outline(lesion, crop), place, color="white", width=0.8)
        draw_bar(axes, place, REMAINING_SCALE, words=words)
    most = words.number(REMAINING_SCALE.limits[1], 0)
    caption = words(motion_key(case, "remaining_caption"), most=most)
    return finished(figure, caption, alternative=words(motion_key(case, "remaining_alternative")))


def _panels(case: CaseResult, remaining_mm: npt.NDArray[np.float32], *, view: AxialView, row: int, words: Words) -> list[_Panel]:
    """Axial slices from head to feet where lesions are largest (the healthy region's without any), then the coronal one."""
    whole = [lesion.shells["whole"].mask for lesion in case.regions.lesions]
    chosen = dict.fromkeys(largest_slice(view, mask) for mask in whole or [case.regions.healthy.mask])
    reference = case.aligned.voxels[case.motion.reference]
    slices = view.turn(remaining_mm).shape[0]
    panels = []
    for index in sorted(list(chosen)[:_MOST_AXIAL], reverse=True):
        liver, values, grey, *lesions = (
            view.turn(found)[index] for found in (case.regions.liver.mask, remaining_mm, reference, *whole)
        )
        where = words("slice_n", number=str(view.number(index, slices)), slices=str(slices))
        spacing = (view.spacing_mm[1], view.spacing_mm[2])
        panels.append(_Panel(where, grey.astype(np.float32), values, liver, lesions, spacing))
    liver, values, grey, *lesions = (
        view.coronal(found, row) for found in (case.regions.liver.mask, remaining_mm, reference, *whole)
    )
    spacing = (view.spacing_mm[0], view.spacing_mm[2])
    return [*panels, _Panel(words("remaining_coronal"), grey.astype(np.float32), values, liver, lesions, spacing)]
