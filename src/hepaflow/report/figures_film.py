"""Breathing as a moving picture: one coronal slice, as acquired beside corrected, pass after pass; its still for paper."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hepaflow.domain.case import CaseResult
from hepaflow.report.content import Figure, Film
from hepaflow.report.figures import ARTERIAL, INK, LESION_COLORS, MUTED, PAGE_WIDTH_MM, canvas, drawn_pixels, finished
from hepaflow.report.figures_motion import compared_series
from hepaflow.report.offered import motion_key
from hepaflow.report.panels import Lines, Place, draw_grey, draw_lines, draw_sides, draw_title, outline, sheet
from hepaflow.report.view import WINDOW_HU, AxialView, Crop
from hepaflow.report.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Time that each pass is shown.
FRAME_MS = 400
#: Upper bound for the bytes of a film; passes are stored more coarsely until it is met.
MOST_BYTES = 1_400_000
_QUALITIES = (70, 50, 30, 10)
_GAP, _HEAD, _FOOT = 3.0, 9.5, 1.5


@dataclass(frozen=True, slots=True)
class Cut:
    """The coronal slice that is shown: ``row`` (turned order), its crop, and the liver's ``border`` in the reference there."""

    row: int
    crop: Crop
    border: Lines

    @classmethod
    def through(cls, case: CaseResult, view: AxialView, row: int, *, panels: int) -> Cut:
        """Around the liver at ``row``, never higher than the slices reach."""
        liver = view.coronal(case.regions.liver.mask, row)
        spacing = (view.spacing_mm[0], view.spacing_mm[2])
        around = Crop.around(liver, spacing, margin_mm=20.0, aspect=2.6 / panels)
        crop = Crop((max(around.rows[0], 0), min(around.rows[1], liver.shape[0])), around.columns, spacing)
        return cls(row, crop, outline(liver, crop))

    def size_mm(self, panels: int) -> tuple[float, float]:
        """Width and height of one of so many panels beside each other on paper."""
        left, right, bottom, top = self.crop.extent
        width = (PAGE_WIDTH_MM - _GAP * (panels - 1)) / panels
        return width, width * (bottom - top) / (right - left)


def breathing(case: CaseResult, *, view: AxialView, row: int, words: Words) -> Figure:
    """All passes at coronal ``row`` (turned order) as a film, and the two that lie furthest apart as its still."""
    cut = Cut.through(case, view, row, panels=len(compared_series(case)))
    height = cut.size_mm(len(compared_series(case)))[1] + _HEAD + _FOOT
    frames = []
    for number in range(case.series.passes):
        figure = canvas(height)
        _draw_pass(sheet(figure), case, number, cut=cut, view=view, top=0.0, words=words)
        frames.append(drawn_pixels(figure))
    extremes = extreme_passes(case)
    still = canvas(height * len(extremes))
    axes = sheet(still)
    for place, number in enumerate(extremes):
        _draw_pass(axes, case, number, cut=cut, view=view, top=place * height, words=words)
    low, high = (words.number(bound, 0) for bound in WINDOW_HU)
    caption = words(motion_key(case, "film_caption"), low=low, high=high)
    film = Film(animated(frames), (frames[0].shape[1], frames[0].shape[0]))
    return finished(still, caption, alternative=words(motion_key(case, "film_alternative")), film=film)


def extreme_passes(case: CaseResult) -> tuple[int, ...]:
    """The passes with the highest and the lowest liver; where none was shifted, the reference and the one whose borders differ most from it."""
    used = [entry for entry in case.motion.passes if not entry.excluded]
    heights = [entry.shift_mm[2] for entry in used]
    if used and max(heights) > min(heights):
        return used[int(np.argmax(heights))].index, used[int(np.argmin(heights))].index
    others = [entry for entry in used if entry.index != case.motion.reference]
    if not others:
        return (case.motion.reference,)
    apart = np.nan_to_num([entry.border_before_mm for entry in others])
    return case.motion.reference, others[int(np.argmax(apart))].index


def animated(frames: list[npt.NDArray[np.uint8]]) -> bytes:
    """Frames (rows, columns, 3) as an endless animated WebP of less than ``MOST_BYTES`` where a coarser storing can do that."""
    from PIL import Image

    first, *rest = [Image.fromarray(frame) for frame in frames]
    found = b""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        # each frame as what changed since the one before: key frames would be stored two ways to find the smaller
        first.save(
            stream, format="WEBP", save_all=True, append_images=rest, duration=FRAME_MS, loop=0, quality=quality, method=3, kmax=0
        )
        found = stream.getvalue()
        if len(found) <= MOST_BYTES:
            break
    return found


def _draw_pass(axes: Axes, case: CaseResult, number: int, *, cut: Cut, view: AxialView, top: float, words: Words) -> None:
    """One pass, its panels beside each other under its number and time; ``top`` in mm of the sheet."""
    from matplotlib.patches import Rectangle

    shown = compared_series(case)
    width, height = cut.size_mm(len(shown))
    excluded = number in case.aligned.excluded
    seconds = words.number(float(case.series.times_s[number]))
    name = words("film_pass", number=str(number + 1), passes=str(case.series.passes), seconds=seconds)
    level = top + 3.4
    axes.text(0.0, level, name, fontsize=8.0, fontweight="bold", color=INK, va="baseline")
    mark = "film_excluded" if excluded else "film_reference" if number == case.motion.reference else ""
    if mark:
        color = ARTERIAL if excluded else MUTED
        axes.text(PAGE_WIDTH_MM, level, words(mark), fontsize=8.0, fontweight="bold", color=color, ha="right", va="baseline")
    for column, (series, key) in enumerate(shown):
        place = Place(cut.crop, column * (width + _GAP), top + _HEAD, width, height)
        draw_title(axes, words(key), place)
        draw_grey(axes, view.coronal(series.voxels[number], cut.row).astype(np.float32), place)
        draw_lines(axes, cut.border, place, color=LESION_COLORS[0], dashed=True, width=0.8)
        draw_sides(axes, place, words)
        if excluded:
            axes.add_patch(Rectangle((place.left, place.top), width, height, fill=False, edgecolor=ARTERIAL, linewidth=2.5))
